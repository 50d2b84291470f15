// Which layers stand on which pipeline stage. Stages hold consecutive layers; where they do not divide, the first
// stages hold one more, because the last has the output head as well. The embedding is on the first stage; a tied head
// is a second copy of it on the last.
#pragma once
#include <cstdint>
#include <vector>

#include "isoflop/model/architecture.h"

namespace isoflop::sim {

struct StagePlan {  ///< How many layers each stage holds, and of which kind.
  std::vector<std::int64_t> layers;                      ///< of each stage
  std::vector<std::vector<std::int64_t>> layers_of_kind;  ///< [stage][kind], kinds as distinct_layers(architecture)
};
StagePlan stage_plan(const Architecture& architecture, std::int64_t stages);

/// Whether what stage `stage` (from 0) sends to the next leaves its node: stages of `stage_devices` follow each other.
bool leaves_node(std::int64_t stage, std::int64_t stage_devices, std::int64_t devices_per_node);

}  // namespace isoflop::sim
