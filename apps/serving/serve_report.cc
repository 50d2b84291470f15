#include "apps/serving/serve_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "isoflop/number_text.h"
#include "isoflop/sim/serving/stages.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

std::string_view words(Basis basis) {
  switch (basis) {
    case Basis::Measured: return "measured kernels of this chip";
    case Basis::Borrowed: return "constants borrowed from other chips";
    case Basis::Datasheet: return "data sheet with generic efficiencies";
  }
  return "";
}

void put(Value& result, const std::string& key, const std::optional<Estimate>& estimate) {
  result[key] = estimate ? Value(estimate->central) : Value();
  result[key + "_interval"] = estimate ? Value(*estimate) : Value();
}

PlotSpec plot_base(const StepPricer& pricer, const ServingLoad& load, const std::string& name,
                   const std::string& title) {
  PlotSpec plot;
  plot.name = name;
  plot.title = title;
  plot.subtitle = fmt::format("{} on {}, {} weights, {} cache", pricer.architecture().name,
                              where_text(load, pricer.accelerator()),
                              weight_format_names[static_cast<std::size_t>(load.weights)],
                              cache_format_names[static_cast<std::size_t>(load.kv)]);
  plot.source = "isoflop serve, closed form";
  return plot;
}

}  // namespace

void add_serving_values(Value& result, const ServingAnswer& a) {
  put(result, "ttft_s", a.ttft_s);
  put(result, "ttft_one_request_s", a.ttft_alone_s);
  put(result, "tpot_s", a.tpot_s);
  result["ttft_floor_s"] = a.ttft_floor_s;
  result["tpot_floor_s"] = a.tpot_floor_s;
  put(result, "decode_tokens_per_s", a.decode_tokens_per_s);
  put(result, "decode_tokens_per_s_per_request",
      Estimate{1 / a.tpot_s.high, 1 / a.tpot_s.central, 1 / a.tpot_s.low, {}});
  put(result, "output_tokens_per_s", a.output_tokens_per_s);
  put(result, "prefill_tokens_per_s", a.prefill_tokens_per_s);
  put(result, "mbu", a.mbu);
  put(result, "mfu_prefill", a.mfu_prefill);
  result["memory_bytes"] = Value::object({{"weights", a.memory.weights}, {"kv_cache", a.memory.kv_cache},
                                          {"activations", a.memory.activations}, {"other", a.memory.other},
                                          {"total", a.memory.total()},
                                          {"fullest_device", a.memory.fullest_device}});
  result["fits_in_memory"] = a.fits;
  result["max_batch"] = a.max_batch;
  result["max_context"] = context_limit_value(a.max_context);
  result["max_context_limited_by_memory"] = a.max_context < longest_searched_context;
  put(result, "joules_per_token", a.joules_per_token);
  put(result, "cost_usd_per_million_tokens", a.usd_per_million_tokens);
  result["bound"] = std::string(name_of(a.decode.bound));
  result["bound_prefill"] = std::string(name_of(a.prefill.bound));
  result["basis"] = std::string(words(std::max(a.decode.basis, a.prefill.basis)));
}

ReportTable serving_table(const ServingAnswer& a) {
  ReportTable table{"Serving",
                    {{"quantity", "quantity", Align::Left},
                     {"low", "low"},
                     {"central", "central"},
                     {"high", "high"},
                     {"unit", "unit", Align::Left}},
                    {},
                    ""};
  const auto row = [&](const char* name, const Estimate& e, double scale, const char* unit) {
    table.rows.push_back({name, scale * e.low, scale * e.central, scale * e.high, unit});
  };
  row(a.closed_loop ? "time to first token in closed loop, waiting included" : "time to first token, whole batch",
      a.ttft_s, 1e3, "ms");
  row(a.closed_loop ? "  one request alone, sum over operations" : "time to first token, one request", a.ttft_alone_s,
      1e3, "ms");
  row("time per output token", a.tpot_s, 1e3, "ms");
  table.rows.push_back(
      {"  floor: bytes / bandwidth, FLOP / peak", TableCell(), 1e3 * a.tpot_floor_s, TableCell(), "ms"});
  row("decode, all requests", a.decode_tokens_per_s, 1, "tokens/s");
  row("output, prefill included", a.output_tokens_per_s, 1, "tokens/s");
  row("prefill", a.prefill_tokens_per_s, 1, "tokens/s");
  row("MBU of decode", a.mbu, 100, "%");
  row("MFU of prefill", a.mfu_prefill, 100, "%");
  if (a.joules_per_token) row("energy per output token, accelerators", *a.joules_per_token, 1, "J");
  if (a.usd_per_million_tokens) row("price per million output tokens", *a.usd_per_million_tokens, 1, "USD");
  table.note =
      fmt::format("decode is bound by {}, prefill by {}; 90 % ranges of single kernels added end to end; basis: {}",
                  name_of(a.decode.bound), name_of(a.prefill.bound), words(std::max(a.decode.basis, a.prefill.basis)));
  return table;
}

ReportTable serving_memory_table(const ServingAnswer& a, const ServingLoad& load, const Accelerator& device) {
  ReportTable table{"Memory over all devices", {{"class", "class", Align::Left}, {"GB", "gigabytes"}}, {}, ""};
  table.rows = {{"weights, all experts", a.memory.weights / 1e9}, {"key/value cache", a.memory.kv_cache / 1e9},
                {"activations", a.memory.activations / 1e9}, {"other (assumed)", a.memory.other / 1e9},
                {"total", a.memory.total() / 1e9},
                {"available", static_cast<double>(load.devices()) * device.memory_bytes / 1e9}};
  if (load.devices() > 1) {
    table.rows.push_back({"fullest device", a.memory.fullest_device / 1e9});
    table.rows.push_back({"one device has", device.memory_bytes / 1e9});
  }
  table.note = fmt::format("largest batch at {} + {} tokens: {}; longest context at batch {}: {}", load.prompt,
                           load.generate, a.max_batch, load.batch, context_limit_text(a.max_context));
  return table;
}

std::string layout_text(const ServingLoad& load) {
  std::string text;
  const auto add = [&](const char* name, std::int64_t size) {
    if (size > 1) text += fmt::format("{}{} {}", text.empty() ? "" : " x ", name, size);
  };
  const bool repeated = load.attention == AttentionSplit::Data;
  if (!repeated) add("tp", load.tensor_parallel);
  else add("ep", load.expert_parallel);
  add("pp", load.pipeline_parallel);
  if (repeated)
    text += load.tensor_parallel > 1 ? fmt::format(" (attention dp {} x tp {})", load.replicas(), load.tensor_parallel)
                                     : " (attention dp)";
  else if (load.expert_parallel > 1)
    text += fmt::format(" (experts ep {})", load.expert_parallel);
  return text;
}

std::string where_text(const ServingLoad& load, const Accelerator& device) {
  const bool plain = load.devices() == load.tensor_parallel && load.expert_parallel == 1;
  return fmt::format("{} x {}", load.devices(), device.id) + (plain ? "" : ", " + layout_text(load));
}

Value layout_value(const ServingLoad& load) {
  return Value::object({{"tensor_parallel", load.tensor_parallel},
                        {"pipeline_parallel", load.pipeline_parallel},
                        {"expert_parallel", load.expert_parallel},
                        {"attention", attention_split_names[static_cast<std::size_t>(load.attention)]},
                        {"devices", load.devices()}});
}

void add_pipeline(Report& report, const ServingLoad& load, const ServingAnswer& answer,
                  const Architecture& architecture) {
  if (load.pipeline_parallel == 1) return;
  const StagePlan plan = stage_plan(architecture, load.pipeline_parallel);
  ReportTable table{"Pipeline stages, one part of the batch",
                    {{"stage", "stage"},
                     {"layers", "layers"},
                     {"prompts ms", "prefill_ms"},
                     {"decode step ms", "decode_ms"}},
                    {},
                    ""};
  Value layers = Value::array();
  for (std::size_t s = 0; s < plan.layers.size(); ++s) {
    layers.push_back(plan.layers[s]);
    table.rows.push_back({static_cast<std::int64_t>(s + 1), plan.layers[s], 1e3 * answer.prefill.stage_s[s].central,
                          1e3 * answer.decode.stage_s[s].central});
  }
  table.note = fmt::format(
      "batch in {} parts in flight; stages idle {} % of the prompts' time (the bubble) and {} % of a decode round",
      answer.parts, format_number(100 * answer.idle_prefill, 3), format_number(100 * answer.idle_decode, 3));
  report.tables.push_back(std::move(table));
  report.result["pipeline"] = Value::object({{"stages", load.pipeline_parallel},
                                             {"parts_in_flight", answer.parts},
                                             {"layers_per_stage", layers},
                                             {"idle_share_prefill", answer.idle_prefill},
                                             {"idle_share_decode", answer.idle_decode}});
}

std::optional<std::string> layout_doubt(const ServingLoad& load, const Architecture& architecture) {
  const bool latent = std::any_of(architecture.layers.begin(), architecture.layers.end(),
                                  [](const Layer& layer) { return layer.attention.latent.has_value(); });
  if (load.expert_parallel == 1 || !latent) return std::nullopt;
  return load.replicas() > 1
             ? "of 40 measured closed loops of DeepSeek-V3 and R1 laid out so 62 % were inside this range; runs that "
               "draft tokens are faster (--draft mtp)"
             : "44 measured closed loops of DeepSeek-V3 with experts dealt out so were 20 % off on average, 77 % "
               "inside this range; runs that draft tokens are faster (--draft mtp)";
}

std::string context_limit_text(std::int64_t max_context) {
  return max_context >= longest_searched_context ? "unbounded by the cache (windows)"
                                                 : fmt::format("{} tokens", max_context);
}

Value context_limit_value(std::int64_t max_context) {
  return max_context >= longest_searched_context ? Value() : Value(max_context);
}

ReportTable pass_table(const std::string& title, const StepTime& step) {
  ReportTable table{title,
                    {{"operations", "operations", Align::Left},
                     {"calls", "calls"},
                     {"ms", "milliseconds"},
                     {"low", "low_ms"},
                     {"high", "high_ms"},
                     {"share %", "share_percent", Align::Right, 3},
                     {"weights and cache, GB", "gigabytes"},
                     {"TFLOP", "teraflop"},
                     {"floor ms", "floor_ms"},
                     {"bound", "bound", Align::Left},
                     {"rests on", "origin", Align::Left}},
                    {},
                    ""};
  for (const OpClass& c : step.classes) {
    const auto bound = static_cast<Bound>(std::max_element(c.bound_s.begin(), c.bound_s.end()) - c.bound_s.begin());
    table.rows.push_back({c.name, c.calls, 1e3 * c.seconds.central, 1e3 * c.seconds.low, 1e3 * c.seconds.high,
                          100 * c.seconds.central / step.seconds.central, c.bytes / 1e9, c.flop / 1e12, 1e3 * c.floor_s,
                          std::string(name_of(bound)), c.origin});
  }
  return table;
}

std::vector<Assumption> serving_assumptions(const ServingLoad& load, const ServingAnswer&) {
  std::vector<Assumption> list = {
      {"host_per_step_s",
       Value::object({{"low", host_per_step_low_s}, {"central", host_per_step_s}, {"high", host_per_step_high_s}}), "s",
       "assumed: scheduling, sampling and launching that the device waits for"},
      {"other_bytes_per_device", other_bytes_per_device, "B",
       "assumed: context, libraries, workspace; at most 8 % of the memory"},
      {"tokens_per_pass", tokens_per_pass, "tokens", "assumed: largest piece of prompts whose activations are held"},
      {"tpot", "(end to end - TTFT) / (generate - 1)", "", "definition"},
      {"mbu", "(weight + cache bytes) / TPOT / (devices x data-sheet bandwidth)", "", "definition"}};
  if (load.pipeline_parallel > 1)
    list.push_back({"pipeline", "every device of a stage sends its tokens' residual stream to its peer, 16 bits", "",
                    "assumed: not overlapped with computing; the host prepares every part once"});
  if (load.expert_parallel > 1) {
    list.push_back({"expert_placement",
                    load.routing_skew > 0 ? "mean over 8 fixed random deals" : "any: experts are equally popular", "",
                    "the busiest group of experts sets the time; no expert is repeated"});
    list.push_back({"expert_messages",
                    load.replicas() > 1
                        ? "two all-to-alls a layer, 16 bits both ways; over nodes a token goes once to each node"
                        : "all-reduce, as without --ep",
                    "",
                    load.replicas() > 1 ? "assumed: not overlapped; low end: fp8 to the experts, high end: one copy "
                                          "per expert over the network"
                                        : "assumed: not overlapped"});
  }
  if (load.expert_parallel > 1)
    list.push_back({"accuracy_of_layout",
                    load.replicas() > 1
                        ? "DeepSeek-R1 38 % off, gpt-oss-120b 32 %, DeepSeek-V3 10 %; 65 % inside the range"
                        : "Qwen3-235B 29 % off, 95 % inside the range; DeepSeek-V3 20 %, 77 %; gpt-oss-120b 20 %, all",
                    "",
                    load.replicas() > 1
                        ? "TPOT of 36, 9 and 4 measured closed loops with the attention repeated"
                        : "TPOT of 104, 44 and 29 measured closed loops with experts over tensor-parallel devices"});
  if (load.pipeline_parallel > 1)
    list.push_back({"accuracy_of_stages", "not known", "", "no measured run with pipeline stages was at hand"});
  if (load.weight_only())
    list.push_back({"weight_only_kernels", unpacking_high, "x",
                    "assumed: up to this much slower than their bytes say; they compute in 16 bits"});
  if (load.weights == WeightFormat::Int4)
    list.push_back({"int4_bytes_per_weight", load.weight_bytes(), "B", "0.5 + 4 / group: fp16 scale and zero point"});
  return list;
}

std::vector<PlotSpec> serving_plots(const StepPricer& pricer, const MemoryModel& memory, const ServingLoad& load,
                                    const ServingAnswer& answer) {
  PlotSpec frontier = plot_base(pricer, load, "frontier", "Throughput against latency as the batch grows");
  frontier.x = {"time per output token, ms", Scale::Log, {}, {}};
  frontier.y = {"output tokens/s, prefill included", Scale::Log, {}, {}};
  frontier.description = "each point is a batch size; the curve ends where memory is full";
  PlotSpec use = plot_base(pricer, load, "mbu", "Memory bandwidth utilisation against batch");
  use.x = {"batch", Scale::Log, {}, {}};
  use.y = {"MBU of decode, %", Scale::Linear, 0.0, 100.0};
  LineLayer curve{"batch sizes that fit", {}, {}, Dash::Solid, 0, 2}, mbu{"central", {}, {}, Dash::Solid, 0, 2};
  PointLayer marks;
  marks.legend = "batch";
  BandLayer band{"90 % per kernel", {}, {}, {}, 0};
  ServingOptions quick;
  quick.decode_points = 1;
  ServingLoad at = load;
  for (at.batch = 1; at.batch <= std::min<std::int64_t>(256, std::max<std::int64_t>(answer.max_batch, 1));
       at.batch *= 2) {
    const ServingAnswer a = serve(pricer, memory, at, quick);
    curve.x.push_back(1e3 * a.tpot_s.central);
    curve.y.push_back(a.output_tokens_per_s.central);
    marks.names.push_back(std::to_string(at.batch));
    marks.labelled.push_back(true);
    mbu.x.push_back(static_cast<double>(at.batch));
    mbu.y.push_back(100 * a.mbu.central);
    band.low.push_back(100 * a.mbu.low);
    band.high.push_back(100 * std::min(1.0, a.mbu.high));
  }
  marks.x = curve.x;
  marks.y = curve.y;
  band.x = mbu.x;
  frontier.lines = {curve};
  frontier.points = {marks};
  use.lines = {mbu};
  use.bands = {band};
  use.source += "; band: op-time intervals added end to end";

  PlotSpec room = plot_base(pricer, load, "memory", "Memory against context and batch");
  room.x = {"context, tokens", Scale::Log, {}, {}, TickStyle::Count};
  room.y = {"memory over all devices, GB", Scale::Log, {}, {}};
  int colour = 0;
  for (std::int64_t batch : {std::int64_t{1}, std::int64_t{8}, std::int64_t{64}}) {
    LineLayer line{fmt::format("batch {}", batch), {}, {}, Dash::Solid, colour++, 2};
    for (std::int64_t context = 512; context <= 131072; context *= 2) {
      at = load;
      at.batch = batch;
      at.prompt = context - 1;
      at.generate = 1;
      line.x.push_back(static_cast<double>(context));
      line.y.push_back(memory.memory(at).total() / 1e9);
    }
    room.lines.push_back(line);
  }
  room.rules = {
      {"available", std::nullopt, static_cast<double>(load.devices()) * pricer.accelerator().memory_bytes / 1e9}};
  return {frontier, use, room};
}

}  // namespace isoflop::app
