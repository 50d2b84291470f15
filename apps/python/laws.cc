// Loss laws: published constants, or a fit to runs with resampled laws, evaluated and planned with at whole arrays.
#include <algorithm>
#include <array>
#include <limits>

#include "apps/losses/law_source.h"
#include "apps/python/binding.h"
#include "isoflop/parallel.h"
#include "isoflop/statistics.h"

namespace py = pybind11;

namespace isoflop::python {
namespace {

using namespace isoflop::fits;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

class Law {
 public:
  static Law named(const std::string& name, const std::map<std::string, double>& given, long replicates,
                   std::uint64_t seed, int threads) {
    check_replicates(replicates);
    py::gil_scoped_release release;
    app::LawOptions options;
    options.law = name;
    options.replicates = replicates;
    Law law;
    for (const auto& [input, value] : given) {
      if (input == "unique_tokens") options.unique_tokens = value;
      else options.given.push_back(input + "=" + format_number(value, 17));
    }
    law.source_ = app::open_law(options, settings(seed, threads), law.report_);
    law.threads_ = threads;
    return law;
  }

  static Law fitted(const Array& params, const Array& tokens, const Array& loss, long replicates,
                    const std::string& scheme, long exclude_highest, std::uint64_t seed, int threads) {
    const auto n = positive(params, "params"), d = positive(tokens, "tokens"), l = positive(loss, "loss");
    check_same_size(n.size(), d.size(), "params and tokens");
    check_same_size(n.size(), l.size(), "params and loss");
    check_replicates(replicates);
    if (exclude_highest < 0) throw Error(Fault::Usage, "exclude_highest: must be at least 0");
    py::gil_scoped_release release;
    std::vector<Run> runs(n.size());
    for (std::size_t i = 0; i < n.size(); ++i) runs[i].params = n[i], runs[i].tokens = d[i], runs[i].loss = l[i];
    app::LawOptions options;
    options.replicates = replicates;
    options.scheme = scheme;
    options.exclude_highest = exclude_highest;
    Law law;
    law.source_ =
        app::refitted_law("arrays", RunTable(std::move(runs), "arrays"), options, settings(seed, threads), law.report_);
    law.threads_ = threads;
    return law;
  }

  Array loss(const Array& params, const Array& tokens) const {
    const auto n = positive(params, "params"), d = positive(tokens, "tokens");
    check_same_size(n.size(), d.size(), "params and tokens");
    Array result = array_of(n.size());
    const auto out = filled(result);
    py::gil_scoped_release release;
    for (std::size_t i = 0; i < n.size(); ++i) out[i] = source_.surface.loss(n[i], d[i]);
    return result;
  }

  /// Loss of every resampled law at every point: draws x points.
  py::array_t<double> loss_draws(const Array& params, const Array& tokens) const {
    const auto n = positive(params, "params"), d = positive(tokens, "tokens");
    check_same_size(n.size(), d.size(), "params and tokens");
    py::array_t<double> result({source_.draws.size(), n.size()});
    double* out = result.mutable_data();
    py::gil_scoped_release release;
    parallel_for(source_.draws.size(), threads_, [&](std::size_t j) {
      for (std::size_t i = 0; i < n.size(); ++i) out[j * n.size() + i] = source_.draws[j].loss(n[i], d[i]);
    });
    return result;
  }

  /// quantity -> (estimate, low, high), each as long as `budgets`.
  py::dict plan(const Array& budgets, double inference_tokens, double serving_price, bool intervals) const {
    const auto c = positive(budgets, "compute");
    if (!(inference_tokens >= 0) || !std::isfinite(inference_tokens))
      throw Error(Fault::Usage, "inference_tokens: must be at least 0");
    if (!(serving_price > 0) || !std::isfinite(serving_price))
      throw Error(Fault::Usage, "serving_price: must be positive");
    constexpr std::size_t quantities = 5;
    const std::array<const char*, quantities> names = {"params", "tokens", "tokens_per_param", "loss", "training_flop"};
    std::vector<Array> columns;
    std::vector<std::array<std::span<double>, 3>> out(quantities);
    for (std::size_t q = 0; q < quantities; ++q)
      for (std::size_t e = 0; e < 3; ++e) columns.push_back(array_of(c.size())), out[q][e] = filled(columns.back());
    py::array_t<bool> interior(static_cast<py::ssize_t>(c.size()));
    bool* inside = interior.mutable_data();
    {
      py::gil_scoped_release release;
      const Serving serving{inference_tokens, serving_price};
      const std::size_t draws = intervals ? source_.draws.size() : 0;
      parallel_for(c.size(), threads_, [&](std::size_t i) {
        const auto at = [&](const LossSurface& surface) {
          const Allocation a = best_for_budget(surface, c[i], serving);
          return std::pair(
              std::array<double, quantities>{a.params, a.tokens, a.tokens / a.params, a.loss, a.training_flop},
              a.interior);
        };
        const auto [central, is_inside] = at(source_.surface);
        inside[i] = is_inside;
        std::array<std::vector<double>, quantities> samples;
        for (std::size_t j = 0; j < draws; ++j) {
          const auto values = at(source_.draws[j]).first;
          for (std::size_t q = 0; q < quantities; ++q)
            if (std::isfinite(values[q])) samples[q].push_back(values[q]);
        }
        for (std::size_t q = 0; q < quantities; ++q) {
          // As `isoflop plan`: no interval where more than a tenth of the resampled laws give no value.
          const bool enough = samples[q].size() >= 20 && samples[q].size() * 10 >= draws * 9;
          out[q][0][i] = central[q];
          out[q][1][i] = enough ? quantile(samples[q], (1 - app::interval_level) / 2) : nan;
          out[q][2][i] = enough ? quantile(samples[q], (1 + app::interval_level) / 2) : nan;
        }
      });
    }
    py::dict result;
    for (std::size_t q = 0; q < quantities; ++q)
      result[names[q]] = py::make_tuple(columns[3 * q], columns[3 * q + 1], columns[3 * q + 2]);
    result["interior"] = interior;
    return result;
  }

  py::dict parameters() const {
    py::dict result;
    for (const auto& [name, value] : source_.parameters.members()) result[py::str(name)] = value.number();
    return result;
  }
  /// Of the resampled laws, by name; empty where they are no Chinchilla laws.
  py::dict parameter_draws() const {
    py::dict result;
    const std::array<std::pair<const char*, double ChinchillaLaw::*>, 5> members = {{{"E", &ChinchillaLaw::E},
                                                                                     {"A", &ChinchillaLaw::A},
                                                                                     {"B", &ChinchillaLaw::B},
                                                                                     {"alpha", &ChinchillaLaw::alpha},
                                                                                     {"beta", &ChinchillaLaw::beta}}};
    for (const LossSurface& draw : source_.draws)
      if (!draw.closed_form) return result;
    if (source_.draws.empty()) return result;
    for (const auto& [name, member] : members) {
      Array column = array_of(source_.draws.size());
      const auto values = filled(column);
      for (std::size_t j = 0; j < values.size(); ++j) values[j] = (*source_.draws[j].closed_form).*member;
      result[name] = column;
    }
    return result;
  }

  const std::string& id() const { return source_.id; }
  const std::string& label() const { return source_.label; }
  std::size_t draws() const { return source_.draws.size(); }
  std::string interval_basis() const { return source_.has_intervals() ? source_.scheme : ""; }
  const std::string& no_interval() const { return source_.no_interval; }
  const std::string& distrust() const { return report_.distrust; }
  py::list warnings() const {
    py::list list;
    for (const std::string& warning : report_.warnings) list.append(warning);
    return list;
  }

 private:
  static void check_replicates(long replicates) {
    if (replicates < 0 || replicates > 1000000) throw Error(Fault::Usage, "replicates: expected 0 to 1000000");
  }
  static app::Settings settings(std::uint64_t seed, int threads) {
    app::Settings settings;
    settings.seed = seed;
    settings.threads = threads;
    settings.data = DataFolder::chosen("");
    return settings;
  }

  app::LawSource source_;
  Report report_;
  int threads_ = 0;
};

py::list law_names() {
  py::list names;
  for (const LossLaw* law : loss_laws())
    for (const auto& constants : law->facts().published) names.append(constants.id);
  return names;
}

}  // namespace

void add_laws(py::module_& module) {
  py::class_<Law>(module, "Law")
      .def_static("named", &Law::named)
      .def_static("fitted", &Law::fitted)
      .def("loss", &Law::loss)
      .def("loss_draws", &Law::loss_draws)
      .def("plan", &Law::plan)
      .def("parameters", &Law::parameters)
      .def("parameter_draws", &Law::parameter_draws)
      .def_property_readonly("id", &Law::id)
      .def_property_readonly("label", &Law::label)
      .def_property_readonly("draws", &Law::draws)
      .def_property_readonly("interval_basis", &Law::interval_basis)
      .def_property_readonly("no_interval", &Law::no_interval)
      .def_property_readonly("distrust", &Law::distrust)
      .def_property_readonly("warnings", &Law::warnings);
  module.def("law_names", &law_names);
}

}  // namespace isoflop::python
