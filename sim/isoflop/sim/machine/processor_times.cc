#include "isoflop/sim/machine/processor_times.h"

#include <algorithm>
#include <ctime>
#include <fstream>
#include <sstream>
#include <string>

#if defined(__unix__)
#include <unistd.h>
#endif

namespace isoflop::sim {

std::optional<ProcessorTimes> parse_processor_times(std::string_view text, double ticks_per_s) {
  std::istringstream in{std::string(text.substr(0, text.find('\n')))};
  std::string name;
  if (!(in >> name) || name != "cpu" || ticks_per_s <= 0) return std::nullopt;
  double ticks[8] = {};
  for (double& t : ticks)
    if (!(in >> t)) return std::nullopt;
  const auto [user, nice, system, idle, waiting, hardware, software, steal] = ticks;
  ProcessorTimes times;
  times.busy_s = (user + nice + system + hardware + software) / ticks_per_s;
  times.idle_s = (idle + waiting) / ticks_per_s;
  times.steal_s = steal / ticks_per_s;
  return times;
}

std::optional<ProcessorTimes> processor_times() {
#if defined(__linux__)
  std::ifstream file("/proc/stat");
  std::string line;
  if (!std::getline(file, line)) return std::nullopt;
  auto times = parse_processor_times(line, static_cast<double>(sysconf(_SC_CLK_TCK)));
  timespec own{};
  if (times && clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &own) == 0)
    times->own_s = static_cast<double>(own.tv_sec) + 1e-9 * static_cast<double>(own.tv_nsec);
  return times;
#else
  return std::nullopt;
#endif
}

ProcessorShares shares_between(const ProcessorTimes& before, const ProcessorTimes& after) {
  const double busy = after.busy_s - before.busy_s, steal = after.steal_s - before.steal_s,
               own = after.own_s - before.own_s;
  const double all = busy + steal + after.idle_s - before.idle_s;
  if (all <= 0) return {};
  return {std::clamp(steal / all, 0.0, 1.0), std::clamp((busy - own) / all, 0.0, 1.0)};
}

}  // namespace isoflop::sim
