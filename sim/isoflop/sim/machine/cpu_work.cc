#include "isoflop/sim/machine/cpu_work.h"

#include <algorithm>

namespace isoflop::sim {

double light_seconds(const CpuWork& work, const LimitValues& limits) {
  double seconds = work.flop / limits.peak(work.arithmetic);
  if (work.bytes > 0) seconds = std::max(seconds, work.bytes / limits.bandwidth(work.working_set));
  return seconds;
}

}  // namespace isoflop::sim
