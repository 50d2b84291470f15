// Serving in closed form at whole arrays of batches: what `isoflop serve` prints for one.
#include <array>
#include <vector>

#include "apps/python/binding.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/sim/serving/serving.h"

namespace py = pybind11;

namespace isoflop::python {
namespace {

using namespace isoflop::sim;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

struct Columns {
  explicit Columns(std::size_t count) : count_(count) {}
  std::span<double> add(const std::string& name) {
    Array column = array_of(count_);
    columns_[py::str(name)] = column;
    return filled(column);
  }
  /// low, central, high under NAME_low, NAME, NAME_high.
  std::array<std::span<double>, 3> band(const std::string& name) {
    return {add(name + "_low"), add(name), add(name + "_high")};
  }
  py::dict columns_;
  std::size_t count_;
};

py::dict serve_at(const std::string& model, const std::string& on, const Array& batch, const Array& prompt,
                  const Array& generate, const std::string& weights, const std::string& kv, const std::string& compute,
                  std::int64_t tensor_parallel, std::int64_t pipeline_parallel, std::int64_t expert_parallel,
                  const std::string& attention, std::int64_t group, double price) {
  const auto b = positive(batch, "batch"), p = positive(prompt, "prompt"), g = positive(generate, "generate");
  check_same_size(b.size(), p.size(), "batch and prompt");
  check_same_size(b.size(), g.size(), "batch and generate");
  using Read = std::optional<Estimate> (*)(const ServingAnswer&);
  const std::vector<std::pair<const char*, Read>> estimates = {
      {"ttft_s", [](const ServingAnswer& a) { return std::optional(a.ttft_s); }},
      {"tpot_s", [](const ServingAnswer& a) { return std::optional(a.tpot_s); }},
      {"decode_tokens_per_s", [](const ServingAnswer& a) { return std::optional(a.decode_tokens_per_s); }},
      {"output_tokens_per_s", [](const ServingAnswer& a) { return std::optional(a.output_tokens_per_s); }},
      {"prefill_tokens_per_s", [](const ServingAnswer& a) { return std::optional(a.prefill_tokens_per_s); }},
      {"mbu", [](const ServingAnswer& a) { return std::optional(a.mbu); }},
      {"mfu_prefill", [](const ServingAnswer& a) { return std::optional(a.mfu_prefill); }},
      {"joules_per_token", [](const ServingAnswer& a) { return a.joules_per_token; }},
      {"cost_usd_per_million_tokens", [](const ServingAnswer& a) { return a.usd_per_million_tokens; }}};
  Columns table(b.size());
  std::vector<std::array<std::span<double>, 3>> out;
  for (const auto& each : estimates) out.push_back(table.band(each.first));
  const auto memory_bytes = table.add("memory_bytes"), weight_bytes = table.add("weight_bytes"),
             kv_bytes = table.add("kv_cache_bytes"), max_batch = table.add("max_batch");
  py::array_t<bool> fits(static_cast<py::ssize_t>(b.size()));
  bool* fit = fits.mutable_data();
  {
    py::gil_scoped_release release;
    const DataFolder data = DataFolder::chosen("");
    const NamedArchitecture named = named_architecture(model, data);
    const auto catalogue = AcceleratorCatalogue::load(data);
    const Accelerator& device = catalogue.require(on);
    ServingLoad load;
    load.weights = weight_format_named(weights);
    load.kv = cache_format_named(kv);
    load.arithmetic = arithmetic_named(compute);
    load.tensor_parallel = tensor_parallel;
    load.pipeline_parallel = pipeline_parallel;
    load.expert_parallel = expert_parallel;
    load.attention = attention_split_named(attention);
    load.group = group;
    ServingOptions options;
    if (price > 0) options.usd_per_device_hour = price;
    const MemoryModel memory(named.architecture, device);
    const StepPricer pricer(named.architecture, device, OpProfile::load(data));
    for (std::size_t i = 0; i < b.size(); ++i) {
      const auto whole = [&](double value, const char* name, double most) {
        if (value != std::floor(value) || value > most)
          throw Error(Fault::Usage, std::string(name) + ": " + format_number(value) + " is not a whole number up to " +
                                        format_number(most));
        return static_cast<std::int64_t>(value);
      };
      load.batch = whole(b[i], "batch", 1e6);
      load.prompt = whole(p[i], "prompt", 1e8);
      load.generate = whole(g[i], "generate", 1e8);
      check(load, named.architecture);
      const ServingAnswer answer = serve(pricer, memory, load, options);
      for (std::size_t q = 0; q < estimates.size(); ++q) {
        const auto e = estimates[q].second(answer);
        out[q][0][i] = e ? e->low : nan;
        out[q][1][i] = e ? e->central : nan;
        out[q][2][i] = e ? e->high : nan;
      }
      memory_bytes[i] = answer.memory.total();
      weight_bytes[i] = answer.memory.weights;
      kv_bytes[i] = answer.memory.kv_cache;
      max_batch[i] = static_cast<double>(answer.max_batch);
      fit[i] = answer.fits;
    }
  }
  table.columns_["fits_in_memory"] = fits;
  return table.columns_;
}

}  // namespace

void add_serving(py::module_& module) { module.def("serve", &serve_at); }

}  // namespace isoflop::python
