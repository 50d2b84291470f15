// Time this thread spent computing: waiting for a processor that others hold does not count.
#pragma once
#include <ctime>

namespace isoflop::sim {

inline double thread_seconds() {  ///< CPU time of the calling thread.
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

}  // namespace isoflop::sim
