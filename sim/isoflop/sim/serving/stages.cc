#include "isoflop/sim/serving/stages.h"

#include <algorithm>

namespace isoflop::sim {

StagePlan stage_plan(const Architecture& architecture, std::int64_t stages) {
  const std::vector<LayerCount> kinds = distinct_layers(architecture);
  const auto all = static_cast<std::int64_t>(architecture.layers.size());
  StagePlan plan;
  std::size_t next = 0;
  for (std::int64_t s = 0; s < stages; ++s) {
    plan.layers.push_back(all / stages + (s < all % stages ? 1 : 0));
    std::vector<std::int64_t> of_kind(kinds.size(), 0);
    for (std::int64_t i = 0; i < plan.layers.back(); ++i, ++next) {
      const Layer& layer = architecture.layers[next];
      const auto kind =
          std::find_if(kinds.begin(), kinds.end(), [&](const LayerCount& k) { return k.layer == layer; });
      ++of_kind[static_cast<std::size_t>(kind - kinds.begin())];
    }
    plan.layers_of_kind.push_back(std::move(of_kind));
  }
  return plan;
}

bool leaves_node(std::int64_t stage, std::int64_t stage_devices, std::int64_t devices_per_node) {
  for (std::int64_t device = stage * stage_devices; device < (stage + 1) * stage_devices; ++device)
    if (device / devices_per_node != (device + stage_devices) / devices_per_node) return true;
  return false;
}

}  // namespace isoflop::sim
