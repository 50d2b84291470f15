// The limits of this machine, measured in rounds that are interleaved with whatever is held against them.
//
// One thread: its own computing time, so that waiting for a processor other programs hold does not count (their use of
// caches and memory does). Several threads: time on the wall.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "isoflop/sim/kernel/cpu_peak.h"
#include "isoflop/sim/machine/repeats.h"

namespace isoflop::sim {

/// The figures that other code needs, of one thread, with the bandwidth as a function of the working set.
struct LimitValues {
  double fp32_flop_per_s = 0;
  double bf16_flop_per_s = 0;  ///< as fp32 where the CPU has no instruction for it
  double int8_op_per_s = 0;    ///< likewise
  std::vector<double> set_bytes, bandwidth_bytes_per_s;  ///< ascending; interpolated in ln-ln, constant outside

  double peak(PeakKind kind) const;  ///< op/s; that of fp32 where the CPU has no instruction for the kind.
  double bandwidth(double working_set) const;  ///< Bytes/s, interpolated in ln-ln between measured working sets.
};

/// One value of every limit, taken in one round.
struct LimitSample {
  double clock_hz = 0;
  std::map<PeakKind, double> peak_one, peak_all;  ///< op/s of one thread, of all threads at once
  std::vector<double> bandwidth_one;              ///< bytes/s per entry of sizes()
  std::map<std::size_t, double> bandwidth_all;    ///< of all threads, by the size that each thread reads
  double line_ns = 0;                             ///< cache line from one processor to another; 0: unknown
};

class LimitProbe {  ///< Measures all limits, again and again.
 public:
  /// `memory_bytes`: the largest buffer, far beyond the caches.
  LimitProbe(int threads, std::size_t memory_bytes);
  ~LimitProbe();

  const std::vector<std::size_t>& sizes() const;  ///< working sets of one thread, ascending, the last is memory
  int threads() const;
  LimitSample measure(double seconds_each);  ///< One round of every limit.
  LimitValues one_thread(const LimitSample& sample) const;  ///< Limits of one thread in that round.
  /// Bytes/s read from memory now, by one thread or by all.
  double memory_bandwidth(bool all);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Runs `body` between two readings of placement and processor times and returns the conditions it ran under.
Window observed(const std::function<void()>& body);

/// Operations per cycle that the instruction can do: rate over clock, to the nearest half instruction a cycle.
struct CycleCheck {
  double per_cycle = 0, nearest = 0;
  bool plausible = false;  ///< within 10 % of a multiple of half an instruction a cycle
};
CycleCheck per_cycle_check(double op_per_s, double clock_hz, double op_per_instruction);
double op_per_instruction(PeakKind kind);

}  // namespace isoflop::sim
