#include "apps/serving/serve_questions.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <tuple>

#include "apps/serving/serve_report.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/training/layout.h"

namespace isoflop::app {

using namespace isoflop::sim;

void answer_limit(Limit asked, const MemoryModel& memory, const ServingLoad& load, const Accelerator& device,
                  Report& report) {
  const std::int64_t batch = memory.max_batch(load), context = memory.max_context(load);
  report.result["max_batch"] = batch;
  report.result["max_context"] = context_limit_value(context);
  report.result["max_context_limited_by_memory"] = context < longest_searched_context;
  const ServingMemory used = memory.memory(load);
  report.result["memory_bytes"] = Value::object({{"weights", used.weights},
                                                 {"kv_cache", used.kv_cache},
                                                 {"activations", used.activations},
                                                 {"other", used.other},
                                                 {"total", used.total()},
                                                   {"fullest_device", used.fullest_device}});
  report.result["fits_in_memory"] = memory.fits(load);
  const std::string where = where_text(load, device);
  if (asked == Limit::Batch)
    report.headline =
        fmt::format("The largest batch of {} + {} tokens on {} is {}.", load.prompt, load.generate, where, batch);
  if (asked == Limit::Context)
    report.headline =
        context >= longest_searched_context
            ? fmt::format("The context at batch {} on {} is unbounded by the cache: every layer sees a window only.",
                          load.batch, where)
            : fmt::format("The longest context at batch {} on {} is {} tokens.", load.batch, where, context);
  ReportTable table{
      "Limits of memory", {{"quantity", "quantity", Align::Left}, {"value", "value", Align::Right, 12}}, {}, ""};
  table.rows = {{fmt::format("largest batch at {} + {} tokens", load.prompt, load.generate), batch},
                {fmt::format("longest context at batch {}, tokens", load.batch),
                 context >= longest_searched_context ? TableCell(context_limit_text(context)) : TableCell(context)}};
  report.tables = {table};
  report.assumptions = serving_assumptions(load, {});
  if (context >= longest_searched_context) report.warnings.push_back(no_context_limit);
  if ((asked == Limit::Batch ? batch : context) == 0) report.distrust = "not even one sequence fits on " + where;
}

void answer_fits(const Architecture& architecture, const AcceleratorCatalogue& devices, const ServeOptions& options,
                 Report& report) {
  const ServingLoad load = options.load();
  if (load.devices() > 1 || load.expert_parallel > 1)
    throw Error(Fault::Usage, "--fits finds the layout itself: leave --tp, --pp, --ep and --attention out");
  ReportTable table{"Fewest devices that hold it",
                    {{"accelerator", "accelerator", Align::Left},
                     {"memory GB", "memory_gigabytes"},
                     {"by tp alone", "devices"},
                     {"needed GB", "needed_gigabytes"},
                     {"USD/h", "usd_per_hour"},
                     {"fewest", "fewest_devices"},
                     {"laid out as", "layout", Align::Left},
                     {"nodes", "nodes"}},
                    {},
                    ""};
  Value rows = Value::array();
  std::size_t alone = 0, in_one_node = 0;
  std::string machines, least;
  std::int64_t fewest = std::numeric_limits<std::int64_t>::max();
  for (const Accelerator& device : devices.all()) {
    const MemoryModel memory(architecture, device);
    const auto count = memory.devices_needed(load);
    ServingLoad at = load;
    // A device without a stated link to others is a node by itself.
    at.devices_per_node = device.intra_node_bytes_per_s ? default_cluster(device).devices_per_node : 1;
    const auto smallest = memory.smallest_layout(at);
    at.tensor_parallel = count.value_or(1);
    const double needed = memory.memory(at).total();
    alone += count == 1;
    Value usd, layout;
    TableCell usd_cell, fewest_cell, layout_cell, nodes_cell;
    if (count && device.price_usd_per_hour) {
      const double price = static_cast<double>(*count) * *device.price_usd_per_hour;
      usd = price;
      usd_cell = price;
    }
    std::optional<std::int64_t> least_devices, nodes;
    if (smallest) {
      least_devices = smallest->devices();
      nodes = (*least_devices + smallest->devices_per_node - 1) / smallest->devices_per_node;
      layout = layout_value(*smallest);
      fewest_cell = *least_devices;
      layout_cell = layout_text(*smallest);
      nodes_cell = *nodes;
      in_one_node += *nodes == 1;
      if (*least_devices < fewest) {
        fewest = *least_devices;
        least = device.id;
      }
    }
    table.rows.push_back({device.id, device.memory_bytes / 1e9, count ? TableCell(*count) : TableCell(), needed / 1e9,
                          usd_cell, fewest_cell, layout_cell, nodes_cell});
    rows.push_back(Value::object({{"accelerator", device.id},
                                  {"devices", count},
                                  {"memory_bytes_needed", needed},
                                  {"device_memory_bytes", device.memory_bytes},
                                  {"usd_per_hour", usd},
                                  {"fewest_devices", least_devices},
                                  {"layout", layout},
                                  {"nodes", nodes}}));
  }
  std::stable_sort(table.rows.begin(), table.rows.end(), [](const auto& a, const auto& b) {
    const auto count = [](const TableCell& cell) {
      const auto* n = std::get_if<std::int64_t>(&cell);
      return n ? *n : std::numeric_limits<std::int64_t>::max();
    };
    return count(a[5]) < count(b[5]);
  });
  table.note =
      "by tp alone: sizes that divide the query heads; fewest: tp within a node, or ep with the attention repeated "
      "(dp), times pipeline stages; nodes: of 8 devices, 72 for GB200 and GB300, TPUs by pod, 1 where no link "
      "between devices is stated; whether a vendor sells that many together is not asked";
  report.result["fits"] = rows;
  report.result["hold_alone"] = static_cast<std::int64_t>(alone);
  report.result["hold_in_one_node"] = static_cast<std::int64_t>(in_one_node);
  report.headline = fmt::format(
      "{} with {} weights at batch {} and {} tokens: {} of {} accelerators hold it alone, {} in one node; fewest: {}.",
      architecture.name, options.weights, load.batch, load.last_context(), alone, devices.all().size(), in_one_node,
      least.empty() ? "none can" : fmt::format("{} x {}", fewest, least));
  report.tables = {table};
  report.assumptions = serving_assumptions(load, {});
}

void answer_formats(const StepPricer& pricer, const MemoryModel& memory, const ServeOptions& options, Report& report) {
  const ServingLoad load = options.load();
  struct Choice {
    std::string weights, kv, compute;
    ServingAnswer answer;
  };
  std::vector<Choice> choices;
  for (const char* weights : {"bf16", "fp8", "int8", "int4", "nvfp4"})
    for (const char* kv : {"bf16", "fp8"}) {
      ServingLoad at = load;
      at.weights = weight_format_named(weights);
      at.kv = cache_format_named(kv);
      at.arithmetic = Arithmetic::Bf16;
      choices.push_back({weights, kv, "bf16", serve(pricer, memory, at, options.options())});
      const Accelerator& device = pricer.accelerator();
      for (const auto& [stored, arithmetic, peak] :
           {std::tuple{WeightFormat::Fp8, Arithmetic::Fp8, device.fp8_flop_per_s},
            std::tuple{WeightFormat::Nvfp4, Arithmetic::Fp4, device.fp4_flop_per_s}}) {
        if (at.weights != stored || !peak) continue;
        at.arithmetic = arithmetic;
        choices.push_back({weights, kv, arithmetic_names[static_cast<std::size_t>(arithmetic)],
                           serve(pricer, memory, at, options.options())});
      }
    }
  std::stable_sort(choices.begin(), choices.end(), [](const Choice& a, const Choice& b) {
    return a.answer.fits != b.answer.fits
               ? a.answer.fits
               : a.answer.output_tokens_per_s.central > b.answer.output_tokens_per_s.central;
  });
  ReportTable table{"Storage formats, most output tokens/s first",
                    {{"weights", "weights", Align::Left},
                     {"cache", "kv", Align::Left},
                     {"compute", "compute", Align::Left},
                     {"fits", "fits_in_memory", Align::Left},
                     {"GB", "gigabytes"},
                     {"TTFT ms", "ttft_ms"},
                     {"TPOT ms", "tpot_ms"},
                     {"low", "tpot_low_ms"},
                     {"high", "tpot_high_ms"},
                     {"tokens/s", "output_tokens_per_s"},
                     {"max batch", "max_batch"}},
                    {},
                    "What a format costs in quality is not asked here."};
  Value rows = Value::array();
  for (const Choice& c : choices) {
    const ServingAnswer& a = c.answer;
    table.rows.push_back({c.weights, c.kv, c.compute, a.fits, a.memory.total() / 1e9, 1e3 * a.ttft_s.central,
                          1e3 * a.tpot_s.central, 1e3 * a.tpot_s.low, 1e3 * a.tpot_s.high,
                          a.output_tokens_per_s.central, a.max_batch});
    Value row = Value::object({{"weights", c.weights}, {"kv", c.kv}, {"compute", c.compute}});
    add_serving_values(row, a);
    rows.push_back(std::move(row));
  }
  report.result["formats"] = rows;
  const Choice& best = choices.front();
  if (best.answer.fits)
    report.headline =
        fmt::format("Fastest on {}: {} weights, {} cache, {} arithmetic at {} tokens/s.", pricer.accelerator().id,
                    best.weights, best.kv, best.compute, format_number(best.answer.output_tokens_per_s.central, 3));
  else
    report.distrust = "no format fits on " + where_text(load, pricer.accelerator());
  report.tables = {table};
  report.assumptions = serving_assumptions(load, best.answer);
}

}  // namespace isoflop::app
