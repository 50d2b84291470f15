// Where the host has put this machine's processors: a cache line is passed to and fro between two of them. Virtual
// processors move; what the guest's own tables say about cores and caches is not what it runs on.
//
// Bounds (assumed; measured anchors: 25-30 ns inside one cache complex, 165-175 ns across two, on an AMD Zen 4 host):
// below 15 ns one core, below 90 ns one last-level cache, else apart.
#pragma once
#include <vector>

#include "isoflop/sim/machine/repeats.h"

namespace isoflop::sim {

/// One-way time to a placement; not positive: unknown.
Placement placement_of(double one_way_ns);

/// Processors that this program may run on, by number.
std::vector<int> usable_processors();

struct PassedLine {  ///< Time of a cache line from one processor to another.
  int first = 0, second = 0;
  double one_way_ns = 0;  ///< the least of several batches; 0 when no batch ended in time
};

/// Two threads, each bound to its processor for the time of the test (about a millisecond, at most `limit_s`).
PassedLine pass_line(int first, int second, double limit_s = 0.02);

/// Of the first two usable processors: OneProcessor when there is only one.
Placement current_placement();

}  // namespace isoflop::sim
