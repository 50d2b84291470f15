// The limits of this machine and how close single operations of the kernel come to them, in rounds: every round
// measures every limit and every operation once, so that a slow moment hits both sides of each ratio.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "isoflop/sim/machine/op_probe.h"

namespace isoflop::sim {

struct BenchSettings {  ///< How long and with how many threads.
  int threads = 0;
  bool quick = false;
  double budget_s = 50;      ///< rounds stop being started after this
  std::size_t rounds = 21;
  std::size_t memory_bytes = std::size_t{256} << 20;  ///< the largest buffer: far beyond the caches
  RepeatRules rules;
  std::function<void(double, const std::string&)> progress = [](double, const std::string&) {};
};

struct LimitFigure {  ///< One limit over all rounds.
  std::string name, unit;    ///< unit of the figure itself: op/s, bytes/s, Hz, s
  int threads = 1;
  double working_set = 0;    ///< of a bandwidth, per thread
  Repeats repeats;
  std::string check;         ///< "32.0 a cycle", with what is wrong when something is
  bool plausible = true;
};

struct OpFigure {  ///< One operation against its limit over all rounds.
  OpProbe probe;
  int threads = 1;
  bool by_arithmetic = true; ///< which limit holds: arithmetic or bandwidth
  Repeats efficiency;        ///< light time / time, limits of the same round
  double seconds = 0;        ///< median of one run
};

struct BenchResult {  ///< Everything a bench measured, and the conditions it ran under.
  std::vector<LimitFigure> limits;
  std::vector<OpFigure> ops;
  std::size_t rounds = 0;
  double median_steal = 0, most_steal = 0, median_foreign = 0;
  double line_ns = 0;             ///< median
  Placement placement = Placement::Unknown;
  std::size_t placement_changes = 0;  ///< rounds in which it changed
  double two_thread_scaling = 0;  ///< fp32 peak of all threads over threads x that of one
  bool shared_core = false;       ///< two threads seem to run on one physical core
};

BenchResult run_bench(const BenchSettings& settings);  ///< Takes about `budget_s`.

}  // namespace isoflop::sim
