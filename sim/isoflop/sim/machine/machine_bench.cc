#include "isoflop/sim/machine/machine_bench.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "isoflop/sim/machine/core_placement.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

using Clock = std::chrono::steady_clock;

struct TimedOp {
  OpProbe probe;
  bool all_threads;
};

std::vector<TimedOp> op_list(const BenchSettings& settings, Crew& one, Crew& all) {
  std::vector<TimedOp> ops;
  for (const auto precision : {Precision::Fp32, Precision::Bf16}) {
    ops.push_back({product_probe(512, 1024, 256, precision, true), false});
    ops.push_back({product_probe(768, 256, 512, precision, false), false});
    ops.push_back({attention_probe(256, 4, 64, precision, false), false});
    ops.push_back({attention_probe(256, 4, 64, precision, true), false});
  }
  ops.push_back({norm_probe(512, 256), false});
  ops.push_back({activation_probe(512, 688), false});
  ops.push_back({update_probe(settings.memory_bytes / 32), false});
  // Stored weights fill a quarter of the largest buffer, half of it in fp32: beyond the caches, whatever the format.
  for (const auto format : {WeightFormat::Fp32, WeightFormat::Bf16, WeightFormat::Int8, WeightFormat::Int4}) {
    if (settings.quick && format == WeightFormat::Int4) continue;  // made of four times as many weights as the others
    const std::size_t columns = 4096, quarter = settings.memory_bytes / 4 / columns;
    const std::size_t rows = format == WeightFormat::Int4   ? 2 * quarter
                             : format == WeightFormat::Int8 ? quarter
                                                            : quarter / 2;
    ops.push_back({decode_probe(rows, columns, format, one), false});
    if (all.size() > 1) ops.push_back({decode_probe(rows, columns, format, all), true});
  }
  return ops;
}

struct LimitList {
  std::vector<LimitFigure> figures;
  std::vector<std::vector<Window>> windows;

  void add(std::size_t at, const LimitFigure& figure, double value) {
    if (at == figures.size()) {
      figures.push_back(figure);
      windows.emplace_back();
    }
    windows[at].push_back({value, {}, {}, 0, 0});
  }
};

std::string peak_name(PeakKind kind) {
  return kind == PeakKind::Fp32   ? "fp32 multiply-add"
         : kind == PeakKind::Bf16 ? "bf16 dot product"
                                  : "int8 dot product";
}

// The same figures in the same order every round.
void note_limits(const LimitProbe& probe, const LimitSample& sample, LimitList& list) {
  std::size_t at = 0;
  const int all = probe.threads();
  list.add(at++, {"core clock, dependent additions", "Hz", 1, 0, {}, "", true}, sample.clock_hz);
  for (const auto& [kind, rate] : sample.peak_one) list.add(at++, {peak_name(kind), "op/s", 1, 0, {}, "", true}, rate);
  for (const auto& [kind, rate] : sample.peak_all)
    list.add(at++, {peak_name(kind), "op/s", all, 0, {}, "", true}, rate);
  const auto& sizes = probe.sizes();
  for (std::size_t i = 0; i < sample.bandwidth_one.size(); ++i)
    list.add(at++, {"read bandwidth", "bytes/s", 1, static_cast<double>(sizes[i]), {}, "", true},
             sample.bandwidth_one[i]);
  for (const auto& [bytes, rate] : sample.bandwidth_all)
    list.add(at++, {"read bandwidth", "bytes/s", all, static_cast<double>(bytes), {}, "", true}, rate);
}

void check_peaks(std::vector<LimitFigure>& limits) {
  const double clock = limits.front().repeats.median;
  for (auto& figure : limits)
    for (const auto kind : {PeakKind::Fp32, PeakKind::Bf16, PeakKind::Int8})
      if (figure.name == peak_name(kind)) {
        const auto check = per_cycle_check(figure.repeats.median / figure.threads, clock, op_per_instruction(kind));
        figure.plausible = check.plausible;
        figure.check = fmt::format("{:.1f} a cycle and thread{}", check.per_cycle,
                                   check.plausible ? fmt::format(", {:g} expected", check.nearest)
                                                   : ": not a multiple of half an instruction");
      }
}

}  // namespace

BenchResult run_bench(const BenchSettings& settings) {
  const auto start = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - start).count(); };
  LimitProbe probe(settings.threads, settings.memory_bytes);
  Crew one(1), all(settings.threads);
  settings.progress(0, "preparing operands");
  const auto ops = op_list(settings, one, all);
  for (const auto& op : ops) op.probe.run();
  const double each_s = settings.quick ? 0.003 : 0.01;

  LimitList limits;
  std::vector<std::vector<Window>> efficiency(ops.size());
  std::vector<std::vector<double>> seconds(ops.size());
  std::vector<bool> by_arithmetic(ops.size(), true);
  std::vector<double> steal, foreign, lines, scaling;
  BenchResult result;
  for (std::size_t round = 0; round < settings.rounds; ++round) {
    if (round >= settings.rules.fewest && elapsed() > settings.budget_s) break;
    const Window conditions = observed([&] {
      const LimitSample sample = probe.measure(each_s);
      note_limits(probe, sample, limits);
      if (sample.line_ns > 0) lines.push_back(sample.line_ns);
      if (sample.peak_all.count(PeakKind::Fp32))
        scaling.push_back(sample.peak_all.at(PeakKind::Fp32) / probe.threads() / sample.peak_one.at(PeakKind::Fp32));
      const LimitValues values = probe.one_thread(sample);
      for (std::size_t i = 0; i < ops.size(); ++i) {
        const CpuWork& work = ops[i].probe.work;
        // Memory-bound work is held against the bandwidth of this very moment, before and after it.
        const bool from_memory = work.working_set >= 0.24 * static_cast<double>(settings.memory_bytes);
        const double before = from_memory ? probe.memory_bandwidth(ops[i].all_threads) : 0;
        const double time = seconds_per_run(ops[i].probe, each_s, ops[i].all_threads);
        const double after = from_memory ? probe.memory_bandwidth(ops[i].all_threads) : 0;
        const double arithmetic = work.flop / values.peak(work.arithmetic) / (ops[i].all_threads ? probe.threads() : 1);
        const double traffic = work.bytes / (from_memory ? 0.5 * (before + after) : values.bandwidth(work.working_set));
        by_arithmetic[i] = arithmetic >= traffic;
        efficiency[i].push_back({std::max(arithmetic, traffic) / time, {}, {}, 0, 0});
        seconds[i].push_back(time);
      }
    });
    const auto note = [&](std::vector<Window>& windows) {
      const double value = windows.back().value;
      windows.back() = conditions;
      windows.back().value = value;
    };
    for (auto& windows : limits.windows) note(windows);
    for (auto& windows : efficiency) note(windows);
    steal.push_back(conditions.steal);
    foreign.push_back(conditions.foreign);
    if (conditions.before != conditions.after) ++result.placement_changes;
    ++result.rounds;
    settings.progress(
        std::max(static_cast<double>(round + 1) / static_cast<double>(settings.rounds), elapsed() / settings.budget_s),
        fmt::format("round {}", round + 1));
  }

  for (std::size_t i = 0; i < limits.figures.size(); ++i) {
    RepeatRules rules = settings.rules;
    rules.placement_matters = limits.figures[i].threads > 1;
    limits.figures[i].repeats = summarise(limits.windows[i], rules);
  }
  check_peaks(limits.figures);
  result.limits = std::move(limits.figures);
  for (std::size_t i = 0; i < ops.size(); ++i) {
    RepeatRules rules = settings.rules;
    rules.placement_matters = ops[i].all_threads;
    result.ops.push_back({ops[i].probe, ops[i].all_threads ? probe.threads() : 1, by_arithmetic[i],
                          summarise(efficiency[i], rules), median(seconds[i])});
  }
  result.median_steal = median(steal);
  result.most_steal = quantile(steal, 1);
  result.median_foreign = median(foreign);
  if (!lines.empty()) result.line_ns = median(lines);
  result.placement = probe.threads() > 1 ? placement_of(result.line_ns) : Placement::OneProcessor;
  if (!scaling.empty()) result.two_thread_scaling = median(scaling);
  // Two threads that share a core share its multipliers: half the rate each.
  result.shared_core =
      result.placement == Placement::SharedCore || (!scaling.empty() && result.two_thread_scaling < 0.7);
  return result;
}

}  // namespace isoflop::sim
