// Work shared over threads such that the result does not depend on how many there are.
#pragma once
#include <cstddef>
#include <functional>

namespace isoflop {

/// Threads to use for a request: 0 means as many as this process may run at once (machine_share.h).
int thread_count(int requested);

/// Calls body(i) for i in [0, count) on up to `threads` threads (0 = all); each i exactly once.
/// body must write only to what belongs to i. The first exception is thrown again here, after all threads ended.
void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t)>& body);

}  // namespace isoflop
