// isoflop bench: what this machine can do, and how close the built-in kernel comes to it.
#include <fmt/format.h>

#include <algorithm>

#include "apps/commands.h"
#include "apps/machine/energy_report.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/machine/machine_bench.h"
#include "isoflop/sim/machine/machine_facts.h"

namespace isoflop::app {
namespace {

std::string set_text(double bytes) {
  return bytes >= 1 << 20 ? fmt::format("{:g} MiB", bytes / (1 << 20)) : fmt::format("{:g} KiB", bytes / 1024);
}

Value to_value(const sim::Repeats& r) {
  return Value::object({{"median", r.median},
                        {"low", r.low},
                        {"high", r.high},
                        {"disagreement", r.disagreement},
                        {"windows_kept", r.kept},
                        {"windows_dropped_steal", r.dropped_steal},
                        {"windows_dropped_placement", r.dropped_placement},
                        {"conclusive", r.conclusive},
                        {"reason", r.reason}});
}

std::string verdict(const sim::Repeats& r) { return r.conclusive ? "yes" : "no: " + r.reason; }

class Bench : public Command {
 public:
  std::string name() const override { return "bench"; }
  std::string summary() const override {
    return "this machine's limits, and how close the built-in kernel comes to them";
  }
  std::string examples() const override {
    return "isoflop bench                         at most a minute\n"
           "isoflop bench --quick                 a few seconds, fewer repeats\n"
           "isoflop bench -j 1 -o efficiency.svg  one thread only, with a plot\n"
           "isoflop bench --json -o machine.json  every figure with its spread and what was dropped";
  }
  void declare(OptionSet& options) override {
    options.flag("--quick", quick_, "few rounds, smaller operands");
    options.whole("--rounds", rounds_, "repeats of everything (default 21; 7 with --quick)", 1, 1000);
    options.whole("--memory-mb", memory_mb_, "size of the largest buffer; must be far beyond the caches", 16, 1 << 16);
    options.number("--agree", agree_, "largest disagreement of repeats at which a figure counts, as a fraction",
                   {0, 1, true});
    options.number("--tdp", tdp_, "watts of the processor at full load, for energy where it is not counted",
                   NumberRange::positive());
  }

  Report run(const Settings& settings) override {
    sim::BenchSettings s;
    s.threads = settings.threads;
    s.quick = quick_;
    s.rounds = static_cast<std::size_t>(rounds_.value_or(quick_ ? 7 : 21));
    s.budget_s = quick_ ? 6 : 45;
    s.memory_bytes = static_cast<std::size_t>(memory_mb_) << 20;
    s.rules.most_disagreement = agree_;
    sim::EnergyMeter meter(tdp_.value_or(0));
    s.progress = [&](double done, const std::string& what) {
      meter.sample();
      settings.progress(done, what);
    };
    const auto bench = sim::run_bench(s);
    const auto energy = meter.read();
    Report report = report_of(bench, s.rules);
    report_energy(report, energy);
    return report;
  }

 private:
  static Report report_of(const sim::BenchResult& bench, const sim::RepeatRules& rules) {
    Report report;
    Value& r = report.result;
    r["processor"] = sim::processor_name();
    r["instruction_set"] = sim::instruction_set_name(sim::instruction_set());
    r["rounds"] = bench.rounds;
    r["steal"] = Value::object({{"median", bench.median_steal}, {"most", bench.most_steal}});
    r["foreign_load"] = bench.median_foreign;
    r["line_transfer_s"] = bench.line_ns > 0 ? Value(1e-9 * bench.line_ns) : Value();
    r["placement"] = sim::placement_name(bench.placement);
    r["placement_changes"] = bench.placement_changes;
    r["threads_share_a_core"] = bench.shared_core;
    r["thread_scaling"] = bench.two_thread_scaling > 0 ? Value(bench.two_thread_scaling) : Value();

    ReportTable limits{"Limits of this machine",
                       {{"limit", "limit", Align::Left},
                        {"threads", "threads"},
                        {"working set", "working_set", Align::Left},
                        {"value", "value", Align::Right, 4},
                        {"unit", "unit", Align::Left},
                        {"spread %", "spread_percent", Align::Right, 2},
                        {"windows kept", "windows_kept"},
                        {"check", "check", Align::Left},
                        {"counts", "counts", Align::Left}},
                       {},
                       "Medians. Spread: half the distance between the quartiles over the median."};
    ReportTable ops{
        "Operations against the limit measured beside them",
        {{"operation", "operation", Align::Left},
         {"shape", "shape", Align::Left},
         {"threads", "threads"},
         {"bound by", "bound_by", Align::Left},
         {"rate", "rate", Align::Right, 4},
         {"unit", "unit", Align::Left},
         {"% of limit", "percent_of_limit", Align::Right, 3},
         {"spread %", "spread_percent", Align::Right, 2},
         {"windows kept", "windows_kept"},
         {"counts", "counts", Align::Left}},
        {},
        "Limit time: the larger of arithmetic over peak and bytes read over the read bandwidth of the working set."};
    std::vector<std::string> refused;
    r["limits"] = Value::array();
    for (const auto& f : bench.limits) {
      const double giga = 1e-9 * f.repeats.median;
      const std::string unit = f.unit == "Hz" ? "GHz" : f.unit == "op/s" ? "Gop/s" : "GB/s";
      const std::string set = f.working_set > 0 ? set_text(f.working_set) + (f.threads > 1 ? " each" : "") : "";
      limits.rows.push_back({f.name, static_cast<std::int64_t>(f.threads), set, giga, unit,
                             100 * f.repeats.disagreement, static_cast<std::int64_t>(f.repeats.kept), f.check,
                             verdict(f.repeats)});
      Value entry = to_value(f.repeats);
      entry["name"] = Value(f.name);
      entry["unit"] = Value(f.unit);
      entry["threads"] = Value(f.threads);
      entry["working_set_bytes"] = f.working_set > 0 ? Value(f.working_set) : Value();
      entry["check"] = f.check.empty() ? Value() : Value(f.check);
      r["limits"].push_back(entry);
      if (!f.repeats.conclusive)
        refused.push_back(
            fmt::format("{}{}, {} threads ({})", f.name, set.empty() ? "" : " " + set, f.threads, f.repeats.reason));
      if (!f.plausible) refused.push_back(fmt::format("{}, {} threads ({})", f.name, f.threads, f.check));
    }
    r["operations"] = Value::array();
    PlotSpec plot;
    plot.name = "efficiency";
    plot.title = "Operations of the kernel against this machine's limits";
    plot.x.title = "share of the limit measured beside it (%)";
    plot.x.low = 0;
    BarLayer arithmetic{"bound by arithmetic", {}, {}, {}, {}, 0}, traffic{"bound by memory", {}, {}, {}, {}, 1};
    for (const auto& f : bench.ops) {
      const auto& e = f.efficiency;
      const double rate = (f.by_arithmetic ? f.probe.work.flop : f.probe.work.bytes) / f.seconds;
      ops.rows.push_back({f.probe.name, f.probe.shape, static_cast<std::int64_t>(f.threads),
                          std::string(f.by_arithmetic ? "arithmetic" : "memory"), 1e-9 * rate,
                          std::string(f.by_arithmetic ? "GFLOP/s" : "GB/s"), 100 * e.median, 100 * e.disagreement,
                          static_cast<std::int64_t>(e.kept), verdict(e)});
      Value entry = to_value(e);
      entry["name"] = Value(f.probe.name);
      entry["shape"] = Value(f.probe.shape);
      entry["threads"] = Value(f.threads);
      entry["bound_by"] = Value(f.by_arithmetic ? "arithmetic" : "memory");
      entry["seconds"] = Value(f.seconds);
      entry["flop"] = Value(f.probe.work.flop);
      entry["bytes"] = Value(f.probe.work.bytes);
      r["operations"].push_back(entry);
      if (!e.conclusive) refused.push_back(fmt::format("{}, {} threads ({})", f.probe.name, f.threads, e.reason));
      auto& layer = f.by_arithmetic ? arithmetic : traffic;
      layer.categories.push_back(f.threads > 1 ? fmt::format("{}, {} threads", f.probe.name, f.threads) : f.probe.name);
      layer.values.push_back(100 * e.median);
      layer.low.push_back(100 * e.low);
      layer.high.push_back(100 * e.high);
    }
    for (auto& layer : {arithmetic, traffic})
      if (!layer.values.empty()) plot.bars.push_back(layer);
    plot.stacked = false;
    plot.subtitle = sim::processor_name() + "; bars: median, lines: quartiles";
    plot.source = "Measured by isoflop bench on this machine.";
    plot.description = fmt::format("Share of the limit for {} operations.", bench.ops.size());
    plot.height_px = 760;
    report.plots.push_back(plot);
    report.tables = {limits, ops};
    report.headline = headline(bench);
    describe_conditions(bench, rules, report);
    const std::size_t figures = bench.limits.size() + bench.ops.size();
    if (!refused.empty()) {
      std::string list;
      for (std::size_t i = 0; i < std::min<std::size_t>(3, refused.size()); ++i) list += (i ? "; " : "") + refused[i];
      report.distrust = fmt::format(
          "no conclusion from {} of {} figures: {}{}. Repeat on a quieter machine; medians are shown, not vouched for.",
          refused.size(), figures, list, refused.size() > 3 ? "; ..." : "");
    }
    return report;
  }

  static std::string headline(const sim::BenchResult& bench) {
    const auto find = [&](const std::string& name, int threads) -> const sim::LimitFigure* {
      const sim::LimitFigure* last = nullptr;
      for (const auto& f : bench.limits)
        if (f.name == name && f.threads == threads) last = &f;
      return last;
    };
    const auto* fp32 = find("fp32 multiply-add", 1);
    const auto* memory = find("read bandwidth", 1);
    std::string text = fmt::format("One thread: {:.0f} GFLOP/s in fp32", 1e-9 * fp32->repeats.median);
    if (const auto* bf16 = find("bf16 dot product", 1))
      text += fmt::format(", {:.0f} in bf16", 1e-9 * bf16->repeats.median);
    text += fmt::format("; {:.1f} GB/s from memory", 1e-9 * memory->repeats.median);
    for (const auto& op : bench.ops)
      if (op.probe.name == "matrix product, packed weights, fp32")
        text +=
            fmt::format("; the kernel's fp32 matrix product reaches {:.0f} % of its limit", 100 * op.efficiency.median);
    return text + ".";
  }

  static void describe_conditions(const sim::BenchResult& bench, const sim::RepeatRules& rules, Report& report) {
    const int threads = bench.limits.back().threads;
    if (threads > 1) {
      report.messages.push_back(fmt::format(
          "Placement: a cache line takes {:.0f} ns from one processor to the other ({}); it changed in {} of {} "
          "rounds. Two threads reach {:.0f} % of "
          "twice one thread's fp32 peak{}.",
          bench.line_ns, sim::placement_name(bench.placement), bench.placement_changes, bench.rounds,
          100 * bench.two_thread_scaling, bench.shared_core ? ": they seem to share one physical core" : ""));
    }
    report.messages.push_back(fmt::format(
        "Conditions: {} rounds, steal {:.1f} % (most {:.1f} %), other programs used {:.0f} % of the processors.",
        bench.rounds, 100 * bench.median_steal, 100 * bench.most_steal, 100 * bench.median_foreign));
    report.assumptions = {
        {"clock of one thread", "this thread's computing time", "",
         "waiting for a processor that others hold does not count; their use of caches and memory does"},
        {"clock of several threads", "time on the wall; arithmetic peaks: each thread's computing time", "",
         "definition"},
        {"windows dropped",
         fmt::format("steal above {:g} %; with several threads also when placement changed or was not the usual one",
                     100 * rules.most_steal),
         "", "assumed"},
        {"no conclusion",
         fmt::format("fewer than {} windows, or quartiles further apart than {:g} % of the median either way",
                     rules.fewest, 100 * rules.most_disagreement),
         "", "assumed"}};
    if (bench.median_foreign > 0.1)
      report.warnings.push_back(
          fmt::format("other programs used {:.0f} % of the processors: figures of several threads and of memory are "
                      "low by what they took",
                      100 * bench.median_foreign));
    if (bench.limits.back().working_set * threads < 128e6)
      report.warnings.push_back("--memory-mb is small: what is called memory here may be a cache");
    if (sim::has_matrix_tiles())
      report.warnings.push_back("this CPU has matrix tiles (AMX); neither the kernel nor these limits use them");
  }

  bool quick_ = false;
  std::optional<long> rounds_;
  long memory_mb_ = 256;
  double agree_ = 0.10;
  std::optional<double> tdp_;
};

}  // namespace

std::unique_ptr<Command> make_bench() { return std::make_unique<Bench>(); }

}  // namespace isoflop::app
