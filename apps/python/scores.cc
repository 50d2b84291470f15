// Benchmark scores that a typical model of given size and training may be expected to reach: the regression of
// `isoflop predict --benchmark`, fitted once, asked at whole arrays.
#include "apps/python/binding.h"
#include "apps/scores/score_study.h"
#include "isoflop/fits/outliers.h"

namespace py = pybind11;

namespace isoflop::python {
namespace {

using namespace isoflop::fits;

class Scores {
 public:
  Scores(const std::string& benchmark, const std::string& until, const std::string& link, const std::string& file,
         int threads) {
    py::gil_scoped_release release;
    app::ScoreOptions options;
    options.benchmark = benchmark;
    options.until = until;
    options.link = link;
    options.file = file;
    options.bootstrap = 0;
    app::Settings settings;
    settings.threads = threads;
    settings.data = DataFolder::chosen("");
    study_ = app::load_score_study(options, settings);
  }

  /// (score, low, high): the interval holds a further model, not only the curve.
  py::tuple predict(const Array& active_params, const Array& tokens) const {
    const auto n = positive(active_params, "active_params"), d = positive(tokens, "tokens");
    check_same_size(n.size(), d.size(), "active_params and tokens");
    Array score = array_of(n.size()), low = array_of(n.size()), high = array_of(n.size());
    const auto s = filled(score), l = filled(low), h = filled(high);
    {
      py::gil_scoped_release release;
      ScoredModel model;
      for (std::size_t i = 0; i < n.size(); ++i) {
        model.active_params = n[i];
        model.tokens = d[i];
        model.compute = study_.flop_per_param_token * n[i] * d[i];
        const auto x = study_.regression.features(model);
        if (x.empty())
          throw Error(Fault::Usage, "link " + link_name(study_.regression.link) + " needs more than size and tokens");
        s[i] = study_.regression.fit.curve.mean(x);
        std::tie(l[i], h[i]) =
            interval_about(study_.regression, s[i], study_.regression.scale_at(x), study_.facts.noise);
      }
    }
    return py::make_tuple(score, low, high);
  }

  py::dict facts() const {
    const ScoreRegression& r = study_.regression;
    py::dict d;
    d["benchmark"] = study_.facts.code;
    d["title"] = study_.facts.title;
    d["link"] = link_name(r.link);
    d["n"] = r.fitted;
    d["level"] = r.settings.level;
    d["coverage_left_out"] = r.coverage;
    double low = 1e300, high = 0;
    for (const ScoredModel& m : study_.models)
      if (m.is_fitted() && m.compute) low = std::min(low, *m.compute), high = std::max(high, *m.compute);
    d["compute_low_flop"] = low;
    d["compute_high_flop"] = high;
    d["distrust"] = std::string(r.fit.converged ? "" : "the curve did not converge");
    d["warnings"] = study_.warnings;
    return d;
  }

 private:
  app::ScoreStudy study_;
};

}  // namespace

void add_scores(py::module_& module) {
  py::class_<Scores>(module, "Scores")
      .def(py::init<const std::string&, const std::string&, const std::string&, const std::string&, int>())
      .def("predict", &Scores::predict)
      .def("facts", &Scores::facts);
}

}  // namespace isoflop::python
