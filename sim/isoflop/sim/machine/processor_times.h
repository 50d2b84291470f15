// What the machine's processors did since they started, by the kernel's own count (/proc/stat, in ticks of 10 ms).
#pragma once
#include <optional>
#include <string_view>

namespace isoflop::sim {

struct ProcessorTimes {
  double busy_s = 0;   ///< all programs, this one included
  double idle_s = 0;
  double steal_s = 0;  ///< wanted, but the host gave it to another guest
  double own_s = 0;    ///< of this process, all threads
};

/// The first line of /proc/stat: user nice system idle iowait irq softirq steal. Nothing when it is none.
std::optional<ProcessorTimes> parse_processor_times(std::string_view text, double ticks_per_s);

/// Now. Nothing where the system does not say.
std::optional<ProcessorTimes> processor_times();

struct ProcessorShares {  ///< Shares of processor time that others took.
  double steal = 0, foreign = 0;  ///< of all processor time between two readings
};
ProcessorShares shares_between(const ProcessorTimes& before, const ProcessorTimes& after);

}  // namespace isoflop::sim
