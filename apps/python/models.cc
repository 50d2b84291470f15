// A model's parameters, FLOP and cache, from the same program of operations that the rest of isoflop counts.
#include "apps/python/binding.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/model/conventions.h"
#include "isoflop/model/parameters.h"

namespace py = pybind11;

namespace isoflop::python {
namespace {

class Model {
 public:
  explicit Model(const std::string& name)
      : named_(named_architecture(name, DataFolder::chosen(""))), count_(count_parameters(named_.architecture)) {}

  py::dict facts() const {
    py::dict d;
    d["name"] = named_.architecture.name;
    d["params_total"] = count_.total;
    d["params_active"] = count_.active;
    d["params_active_without_input_embedding"] = count_.active_without_input_embedding;
    d["params_active_without_embedding"] = count_.active_without_embeddings;
    d["kv_bytes_per_token"] = 2 * kv_elements_per_token(named_.architecture);
    d["layers"] = named_.architecture.layers.size();
    d["width"] = named_.architecture.width;
    d["vocabulary"] = named_.architecture.vocabulary;
    d["context_tokens"] = named_.architecture.context_tokens;
    d["source"] = named_.source;
    return d;
  }

  /// Forward matrix FLOP per token, mean over a causal pass of each length.
  Array forward_flops(const Array& context) const {
    return by_length(context, [&](std::int64_t length) {
      return forward_flops_per_token(named_.architecture, length, AttentionCounting::Causal);
    });
  }
  Array training_flops(const Array& context, const std::string& convention) const {
    const auto named = flop_convention_named(convention);
    if (!named)
      throw Error(Fault::Usage, "convention: \"" + convention +
                                    "\" is not known; expected exact, exact-full, exact-none, 6n, palm ...");
    return by_length(context, [&](std::int64_t length) {
      return training_flops_per_token(named_.architecture, length, *named)
          .value_or(std::numeric_limits<double>::quiet_NaN());
    });
  }
  /// Elements in the cache of one sequence of each length.
  Array cache_elements(const Array& tokens) const {
    return by_length(
        tokens, [&](std::int64_t length) { return static_cast<double>(kv_elements(named_.architecture, length)); });
  }

 private:
  template <typename F>
  static Array by_length(const Array& lengths, const F& f) {
    const auto given = positive(lengths, "tokens");
    Array result = array_of(given.size());
    const auto out = filled(result);
    py::gil_scoped_release release;
    for (std::size_t i = 0; i < given.size(); ++i) {
      if (given[i] != std::floor(given[i]) || given[i] > 1e12)
        throw Error(Fault::Usage, "tokens: " + format_number(given[i]) + " is not a whole number up to 1e12");
      out[i] = f(static_cast<std::int64_t>(given[i]));
    }
    return result;
  }

  NamedArchitecture named_;
  ParameterCount count_;
};

py::list model_ids() {
  py::list ids;
  for (const std::string& id : ModelCatalogue::load(DataFolder::chosen("")).ids()) ids.append(id);
  return ids;
}

}  // namespace

void add_models(py::module_& module) {
  py::class_<Model>(module, "Model")
      .def(py::init<const std::string&>())
      .def("facts", &Model::facts)
      .def("forward_flops", &Model::forward_flops)
      .def("training_flops", &Model::training_flops)
      .def("cache_elements", &Model::cache_elements);
  module.def("model_ids", &model_ids);
}

}  // namespace isoflop::python
