#include "isoflop/sim/op/elementwise_model.h"

namespace isoflop::sim {
namespace {
enum Index : std::size_t { T0, Eb };
}

std::vector<Constant> elementwise_constants() {
  return {{"t0", "s", "launch and drain of one call", 4e-6, 1e-7, 1e-4},
          {"e_b", "1", "share of memory bandwidth", 0.7, 0.02, 1}};
}

std::vector<double> generic_elementwise_values() { return {4e-6, 0.7}; }

OpCost elementwise_cost(const ElementwiseShape& shape, const DeviceLimits& limits, std::span<const double> values) {
  OpCost cost;
  cost.memory_s = cost.floor_s = shape.bytes / limits.bandwidth_bytes_per_s;
  cost.seconds = values[T0] + cost.memory_s / values[Eb];
  cost.bound = values[T0] > cost.memory_s / values[Eb] ? Bound::Launch : Bound::Bandwidth;
  return cost;
}

}  // namespace isoflop::sim
