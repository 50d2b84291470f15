// The fastest way to spread a model over a number of devices that fits in their memory: every combination of parallel
// sizes, micro-batch, recomputation and sharding that the model allows, priced by training_time.
#pragma once
#include <cstdint>
#include <optional>
#include <vector>

#include "isoflop/sim/training/training_memory.h"
#include "isoflop/sim/training/training_time.h"

namespace isoflop::sim {

/// What is given and not searched.
struct FixedSizes {
  std::optional<std::int64_t> tensor, pipeline, interleave, context, expert;
  std::optional<double> micro_batch;
  std::optional<Recompute> recompute;
  std::optional<Sharding> sharding;
};

struct SearchRequest {  ///< Model, devices and what is fixed.
  TrainingRun run;             ///< its layout is ignored
  std::int64_t devices = 1;
  FixedSizes fixed;
  TrainingConstants constants;
  FrameworkMemory framework;
  double memory_fraction = 0.95;  ///< of the device's memory that may be used
  std::size_t keep = 10;
  int threads = 1;
};

struct FoundLayout {  ///< A layout with its step time and memory.
  TrainingRun run;
  double step_s = 0;
  double memory_bytes = 0;
};

struct SearchResult {  ///< The fastest layouts, or the smallest where none fits.
  std::vector<FoundLayout> best;   ///< fastest first
  std::size_t candidates = 0;      ///< possible layouts looked at
  std::size_t fitting = 0;         ///< of these, those that fit in memory
  std::optional<FoundLayout> smallest;  ///< when none fits: the one that needs least memory
};

SearchResult search_layouts(const SearchRequest& request);  ///< Results do not depend on `threads`.

}  // namespace isoflop::sim
