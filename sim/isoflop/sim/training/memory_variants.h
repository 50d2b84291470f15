// The same run with other recomputation and other sharding: what each choice frees of memory and costs in time. The
// layout stays otherwise as it is, so that one thing is changed at a time.
#pragma once
#include <vector>

#include "isoflop/sim/training/training_memory.h"
#include "isoflop/sim/training/training_time.h"

namespace isoflop::sim {

struct MemoryVariant {  ///< A choice of both, with its peak and its time.
  Sharding sharding = Sharding::None;
  Recompute recompute = Recompute::None;
  MemoryMoment peak;
  double step_s = 0;
  bool chosen = false;  ///< the run as it is
};

/// Every recomputation that changes what is kept, with every sharding that the copies allow (one copy: none), by
/// recomputation, then sharding. Peaks are counted as `framework` says.
std::vector<MemoryVariant> memory_variants(const TrainingRun& run, const TrainingConstants& constants,
                                           const FrameworkMemory& framework);

}  // namespace isoflop::sim
