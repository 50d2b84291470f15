#include "apps/training/training_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/footprint/footprint_report.h"
#include "apps/footprint/run_footprint.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/footprint/run_inputs.h"
#include "isoflop/sim/training/memory_accuracy.h"
#include "isoflop/sim/training/whole_run.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

Value interval(const Estimate& e) { return Value::object({{"low", e.low}, {"central", e.central}, {"high", e.high}}); }

std::string range_text(const Estimate& e, const std::function<std::string(double)>& format) {
  if (e.low == e.high) return format(e.central);
  return format(e.central) + " (" + format(e.low) + " to " + format(e.high) + ")";
}

// A speed or utilisation, with the range that the step time's gives it.
Estimate rate_range(const TrainingOutcome& o, double central) {
  return {central * o.step_s.central / o.step_s.high, central, central * o.step_s.central / o.step_s.low, {}};
}

// As far as published peaks lie from predicted ones.
Estimate peak_range(const MemoryMoment& m) {
  return {m.total() * published_peaks.low, m.total(), m.total() * published_peaks.high, {}};
}

Value memory_value(const MemoryMoment& m) {
  return Value::object({{"weights", m.weights},
                        {"gradients", m.gradients},
                        {"optimizer", m.optimizer},
                        {"activations", m.activations},
                        {"logits", m.logits},
                        {"other", m.other},
                        {"total", m.total()},
                        {"peak_at", m.when}});
}

Value layout_value(const Layout& l) {
  return Value::object({{"data", l.data},
                        {"tensor", l.tensor},
                        {"pipeline", l.pipeline},
                        {"interleave", l.interleave},
                        {"context", l.context},
                        {"expert", l.expert},
                        {"micro_batch", l.micro_batch},
                        {"sequence_parallel", l.tensor > 1 && l.sequence_parallel},
                        {"sharding", name_of(l.sharding)},
                        {"recompute", name_of(l.recompute)}});
}

void explain(Report& report, const TrainingReportInput& in) {
  const TrainingOutcome& o = in.outcome;
  ReportTable time{
      "Where the step goes",
      {{"part", "part", Align::Left}, {"seconds", "seconds"}, {"share %", "share_percent", Align::Right, 3}},
      {},
      ""};
  Value parts = Value::object();
  for (const auto& [part, seconds] : o.time.parts) {
    time.rows.push_back({std::string(name_of(part)), seconds, 100 * seconds / o.time.step_s});
    parts[std::string(name_of(part))] = seconds;
  }
  time.rows.push_back({std::string("step"), o.time.step_s, 100.0});
  report.result["step_time_parts_s"] = parts;
  report.explanation.push_back(std::move(time));

  const DevicePeaks peaks = peaks_of(in.run.accelerator, in.run.precision);
  ReportTable ops{"Matrix products of one micro-batch on the slowest stage, all passes",
                  {{"operation", "operation", Align::Left},
                   {"FLOP", "flops"},
                   {"bytes", "bytes"},
                   {"microseconds", "microseconds"},
                   {"bound", "bound", Align::Left},
                   {"of peak %", "utilisation_percent", Align::Right, 3}},
                  {},
                  ""};
  for (const GemmWork& g : o.work.gemms) {
    const double seconds = gemm_seconds(g, peaks, in.efficiencies.constants);
    const double peak = g.low_precision ? peaks.quantised_flop_per_s : peaks.flop_per_s;
    const bool memory =
        seconds <= 1.000001 * g.bytes / (peaks.bandwidth_bytes_per_s * in.efficiencies.constants.elements);
    ops.rows.push_back({g.name, g.flops, g.bytes, 1e6 * seconds, std::string(memory ? "bandwidth" : "compute"),
                        100 * g.flops / (seconds * peak)});
  }
  ops.note =
      "identical layers once; the time covers all of them on the stage. Efficiencies: " + in.efficiencies.origin + ".";
  report.explanation.push_back(std::move(ops));

  ReportTable memory{"Memory over a step, the fullest pipeline stage (GB)",
                     {{"moment", "moment", Align::Left},
                      {"weights", "weights_gb"},
                      {"gradients", "gradients_gb"},
                      {"optimiser", "optimizer_gb"},
                      {"activations", "activations_gb"},
                      {"logits", "logits_gb"},
                      {"other", "other_gb"},
                      {"total", "total_gb"}},
                     {},
                     ""};
  for (const MemoryMoment& m : o.memory.timeline)
    memory.rows.push_back({m.when, m.weights / 1e9, m.gradients / 1e9, m.optimizer / 1e9, m.activations / 1e9,
                           m.logits / 1e9, m.other / 1e9, m.total() / 1e9});
  memory.note =
      "other: driver context, communication buffers, weights gathered by ZeRO-3, fragmentation (assumed sizes)";
  report.explanation.push_back(std::move(memory));

  ReportTable sensitivity{
      "What the step time depends on",
      {{"quantity", "quantity", Align::Left}, {"d ln time / d ln quantity", "elasticity", Align::Right, 3}},
      {},
      "-0.6 means that 1 % more of it saves 0.6 % of the time"};
  Value elasticities = Value::object();
  for (const Sensitivity& s : training_sensitivities(in.run, in.efficiencies.constants)) {
    sensitivity.rows.push_back({s.quantity, s.elasticity});
    elasticities[s.quantity] = s.elasticity;
  }
  report.result["sensitivities"] = elasticities;
  report.explanation.push_back(std::move(sensitivity));
}

}  // namespace

void add_training(Report& report, const TrainingReportInput& in) {
  const TrainingOutcome& o = in.outcome;
  const TrainingRun& run = in.run;
  const double devices = static_cast<double>(run.layout.devices());
  Value& r = report.result;
  r["model"] = run.architecture.name;
  r["accelerator"] = run.accelerator.id;
  r["devices"] = run.layout.devices();
  r["tokens"] = run.tokens;
  r["layout"] = layout_value(run.layout);
  r["params_total"] = o.params_total;
  r["params_active"] = o.params_active;
  r["flops_total"] = o.flops_total;
  r["flops_per_token"] = o.flops_per_token;
  r["step_time_s"] = o.step_s.central;
  r["step_time_s_interval"] = interval(o.step_s);
  r["tokens_per_step"] = run.tokens_per_step();
  r["tokens_per_s"] = o.tokens_per_s.central;
  r["tokens_per_s_interval"] = interval(o.tokens_per_s);
  const auto put_rate = [&](const std::string& key, double central) {
    r[key] = central;
    r[key + "_interval"] = interval(rate_range(o, central));
  };
  put_rate("tokens_per_s_per_device", o.tokens_per_s.central / devices);
  put_rate("mfu", o.mfu);
  put_rate("mfu_of_16bit_peak", o.mfu_16bit);
  r["mfu_convention"] =
      "3 x forward matrix products, causal attention pairs, no recomputation, over the dense peak of the precision";
  put_rate("hfu", o.hfu);
  r["device_hours"] = o.device_hours.central;
  r["device_hours_interval"] = interval(o.device_hours);
  r["days"] = o.days.central;
  r["days_interval"] = interval(o.days);
  r["overhead_fraction"] = run.overhead_fraction;
  r["memory_bytes"] = memory_value(o.memory.peak);
  r["memory_bytes_interval"] = interval(peak_range(o.memory.peak));
  r["memory_available_bytes"] = run.accelerator.memory_bytes;
  r["fits_in_memory"] = o.fits_in_memory;
  if (in.price_usd_per_hour) {
    r["cost_usd"] = o.device_hours.central * *in.price_usd_per_hour;
    r["cost_usd_interval"] = Value::object({{"low", o.device_hours.low * *in.price_usd_per_hour},
                                            {"central", o.device_hours.central * *in.price_usd_per_hour},
                                            {"high", o.device_hours.high * *in.price_usd_per_hour}});
    report.assumptions.push_back({"price", *in.price_usd_per_hour, "USD per device-hour", in.price_source});
  } else {
    r["cost_usd"] = Value();
    report.warnings.push_back("no price of " + run.accelerator.id + " is known; give one with --price");
  }
  r["basis"] = o.basis == TrainingBasis::Measured   ? "measured"
               : o.basis == TrainingBasis::Borrowed ? "borrowed"
                                                    : "datasheet";

  const auto text = [](const std::string& s) { return TableCell(s); };
  ReportTable table{
      "Training run", {{"quantity", "quantity", Align::Left}, {"value (90 % interval)", "value", Align::Left}}, {}, ""};
  const auto number = [](double v) { return format_number(v, 4); };
  table.rows.push_back({text("layout"), text(describe(run.layout))});
  table.rows.push_back(
      {text("tokens per step"), text(fmt::format("{} ({} sequences of {})", format_count(run.tokens_per_step()),
                                                 run.global_batch, run.sequence_length))});
  table.rows.push_back({text("training FLOP"), text(format_si(o.flops_total, "FLOP", 4))});
  table.rows.push_back({text("step time"), text(range_text(o.step_s, [](double v) { return format_duration_s(v); }))});
  table.rows.push_back({text("tokens per second"), text(range_text(o.tokens_per_s, number))});
  table.rows.push_back({text("tokens per second and device"),
                        text(range_text(rate_range(o, o.tokens_per_s.central / devices), number))});
  const auto percent = [](double v) { return fmt::format("{:.1f} %", 100 * v); };
  table.rows.push_back({text("MFU"), text(range_text(rate_range(o, o.mfu), percent))});
  table.rows.push_back({text("HFU, recomputation counted"), text(range_text(rate_range(o, o.hfu), percent))});
  table.rows.push_back(
      {text("device-hours"), text(range_text(o.device_hours, [](double v) { return format_count(v); }))});
  table.rows.push_back({text("days"), text(range_text(o.days, [](double v) { return format_number(v, 3); }))});
  const MemoryMoment& m = o.memory.peak;
  table.rows.push_back(
      {text("peak memory per device"),
       text(fmt::format("{} of {} at {}: weights {}, gradients {}, optimiser {}, activations {}, logits {}, other {}",
                        range_text(peak_range(m), [](double v) { return format_bytes(v); }),
                        format_bytes(run.accelerator.memory_bytes), m.when,
                        format_bytes(m.weights), format_bytes(m.gradients), format_bytes(m.optimizer),
                        format_bytes(m.activations), format_bytes(m.logits), format_bytes(m.other)))});
  if (in.price_usd_per_hour)
    table.rows.push_back({text("price"), text(range_text(o.device_hours, [&](double hours) {
                            return "USD " + format_count(hours * *in.price_usd_per_hour);
                          }))});
  report.tables.push_back(std::move(table));
  explain(report, in);
  for (const std::string& note : run.architecture.notes) report.warnings.push_back(note);

  report.headline = fmt::format(
      "{} on {} x {}: {} days for {} tokens at {:.0f} % MFU ({} to {} days), {} device-hours{}.", run.architecture.name,
      run.layout.devices(), run.accelerator.id, format_number(o.days.central, 3), format_count(run.tokens), 100 * o.mfu,
      format_number(o.days.low, 3), format_number(o.days.high, 3), format_count(o.device_hours.central),
      in.price_usd_per_hour ? ", USD " + format_count(o.device_hours.central * *in.price_usd_per_hour) : std::string());
}

void add_cautions(Report& report, const TrainingReportInput& in) {
  const TrainingRun& run = in.run;
  if (run.tokens < run.tokens_per_step())
    report.warnings.push_back(
        fmt::format("{} tokens are less than one step of {}: times and prices are of a part of a step; --batch-tokens "
                    "sets the step",
                    format_count(run.tokens), format_count(run.tokens_per_step())));
  const std::int64_t context = run.architecture.context_tokens;
  if (context > 0 && run.sequence_length > context)
    report.warnings.push_back(fmt::format("sequences of {} tokens are longer than the {} of {}", run.sequence_length,
                                          context, run.architecture.name));
  if (in.outcome.basis == TrainingBasis::Borrowed)
    report.warnings.push_back("efficiencies " + in.efficiencies.origin +
                              "; the interval is that of accelerators left out");
}

void add_memory_choices(Report& report, const TrainingReportInput& in, const std::vector<MemoryVariant>& variants) {
  ReportTable table{"Peak memory with other recomputation and sharding",
                    {{"recompute", "recompute", Align::Left},
                     {"sharding", "sharding", Align::Left},
                     {"peak GB", "peak_gb", Align::Right, 3},
                     {"fits", "fits", Align::Left},
                     {"step s", "step_time_s", Align::Right, 3},
                     {"peak at", "peak_at", Align::Left}},
                    {},
                    "the layout stays otherwise as it is"};
  Value list = Value::array();
  for (const MemoryVariant& v : variants) {
    const bool fits = v.peak.total() <= in.run.accelerator.memory_bytes;
    const std::string recompute(name_of(v.recompute)), sharding(name_of(v.sharding));
    table.rows.push_back({recompute + (v.chosen ? " *" : ""), sharding, v.peak.total() / 1e9,
                          std::string(fits ? "yes" : "no"), v.step_s, v.peak.when});
    Value item = memory_value(v.peak);
    item["recompute"] = recompute;
    item["sharding"] = sharding;
    item["step_time_s"] = v.step_s;
    list.push_back(item);
  }
  report.result["memory_choices"] = list;
  report.explanation.push_back(std::move(table));
}

void add_published_runs(Report& report, const TrainingReportInput& in, const Settings& settings) {
  const Accelerator& a = in.run.accelerator;
  if (!training_peak_flop_per_s(a)) return;
  const AcceleratorCatalogue devices = AcceleratorCatalogue::load(settings.data);
  const auto published = whole_run_hours(in.run, MfuPrior::load(settings.data, devices));
  const Estimate& hours = published.device_hours;
  const auto count = [](double v) { return format_count(v); };
  report.result["published_runs"] = Value::object({{"device_hours", interval(hours)},
                                                   {"mfu_6nd", published.mfu.median},
                                                   {"runs", published.mfu.runs},
                                                   {"families", published.mfu.families}});
  report.tables.front().rows.push_back(
      {TableCell("device-hours, by published runs"), TableCell(range_text(hours, count))});
  report.assumptions.push_back(
      {"device-hours by published runs",
       fmt::format("6ND over the 16-bit peak and an MFU of {}", format_number(published.mfu.median, 3)), "",
       fmt::format("{} whole runs of {} families on such devices, data/footprint_published.csv", published.mfu.runs,
                   published.mfu.families)});
  const double simulated = in.outcome.device_hours.central;
  if (simulated < hours.low || simulated > hours.high)
    report.warnings.push_back(
        fmt::format("{} device-hours is what this layout takes when all goes well; whole runs that others published "
                    "took {} for such a "
                    "model: plan with their interval unless you have measured this layout",
                    format_count(simulated), range_text(hours, count)));
}

void add_training_footprint(Report& report, const TrainingReportInput& in, const FootprintOptions& place,
                            const Settings& settings) {
  const Accelerator& a = in.run.accelerator;
  if (!a.tdp_w) {
    report.result["energy_kwh"] = Value();
    report.result["co2e_kg"] = Value();
    report.warnings.push_back("no power of " + a.id + " is known; energy and carbon are left out");
    return;
  }
  const Estimate& hours = in.outcome.device_hours;
  ActivityInputs inputs = default_inputs(a, Use::Training);
  inputs.device_hours.distribution =
      Distribution::triangular(hours.low, hours.central, std::max(hours.high, hours.low * (1 + 1e-9)));
  inputs.device_hours.source = "simulated";
  const FootprintEstimate f = footprint_at(place, inputs, settings);
  add_run_footprint(report, f, "", settings);
  auto& rows = report.tables.front().rows;
  const auto add = [&rows](std::string name, const Estimate& e, const ReadableUnit& unit) {
    rows.push_back({TableCell(std::move(name)), TableCell(with_interval(e, unit))});
  };
  add("facility energy", f.facility_kwh, energy_unit(f.facility_kwh.central));
  add("operational carbon, " + place_words(f), f.operational_kg, carbon_unit(f.operational_kg.central));
  add("embodied carbon", f.embodied_kg, carbon_unit(f.embodied_kg.central));
  add("water, on-site and off-site", f.water_l, water_unit(f.water_l.central));
}

void add_layouts(Report& report, const SearchResult& found, long devices) {
  Value list = Value::array();
  ReportTable table{fmt::format("Fastest layouts of {} devices that fit ({} of {} possible ones do)", devices,
                                found.fitting, found.candidates),
                    {{"layout", "layout", Align::Left},
                     {"step s", "step_time_s"},
                     {"slower by %", "slower_percent", Align::Right, 3},
                     {"memory GB", "memory_gb", Align::Right, 3}},
                    {},
                    ""};
  for (const FoundLayout& l : found.best) {
    table.rows.push_back(
        {describe(l.run.layout), l.step_s, 100 * (l.step_s / found.best.front().step_s - 1), l.memory_bytes / 1e9});
    Value item = layout_value(l.run.layout);
    item["step_time_s"] = l.step_s;
    item["memory_bytes"] = l.memory_bytes;
    list.push_back(item);
  }
  table.note = "differences of a few per cent are within the error of the model";
  report.result["layouts"] = list;
  report.result["layouts_considered"] = found.candidates;
  report.result["layouts_fitting"] = found.fitting;
  report.tables.push_back(std::move(table));
}

}  // namespace isoflop::app
