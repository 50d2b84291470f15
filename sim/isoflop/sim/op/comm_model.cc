#include "isoflop/sim/op/comm_model.h"

#include <algorithm>
#include <cmath>

namespace isoflop::sim {
namespace {
enum Index : std::size_t { T0, TDevice, EQuick, TWide, EWide, Cards };
}

std::vector<Constant> comm_constants(bool between_nodes) {
  Constant cards{"cards", "1", "power of devices per node with which the network speed grows", 0.7, 0.01, 1};
  if (!between_nodes) cards.start = cards.low = cards.high = 1;
  return {
      {"t0", "s", "latency of two devices", 8e-6, 1e-7, 2e-4},
      {"t_device", "s", "more latency per further device", 1.5e-6, 1e-9, 2e-4},
      {"e_quick", "1", "share of the link under the quick protocol", between_nodes ? 0.1 : 0.2, 1e-3, 1},
      {"t_wide", "s", "more latency of the wide protocol", 1.5e-5, 1e-8, 1e-3},
      {"e_wide", "1", "share of the link under the wide protocol", between_nodes ? 0.5 : 0.6, 1e-3, 1},
      cards,
  };
}

std::vector<double> generic_comm_values(bool between_nodes) {
  std::vector<double> values;
  for (const auto& c : comm_constants(between_nodes)) values.push_back(c.start);
  return values;
}

double wire_bytes(const CommShape& shape) {
  const double n = shape.devices;
  switch (shape.op) {
    case Collective::AllReduce: return 2 * (n - 1) / n * shape.message_bytes;
    case Collective::AllGather:
    case Collective::ReduceScatter:
    case Collective::AllToAll: return (n - 1) / n * shape.message_bytes;
    case Collective::SendReceive: return shape.message_bytes;
  }
  return shape.message_bytes;
}

OpCost comm_cost(const CommShape& shape, const DeviceLimits& limits, std::span<const double> v) {
  const double n = shape.devices;
  const bool between = shape.nodes > 1;
  const double wire = wire_bytes(shape);
  const double per_node = std::max(1.0, n / shape.nodes);
  // Rings may use every card of a node; what goes from one device to another passes that device's own.
  const bool ring = shape.op != Collective::AllToAll && shape.op != Collective::SendReceive;
  const double widest = between ? limits.network_bytes_per_s * (ring ? per_node : 1) : limits.link_bytes_per_s;
  const double speed =
      between ? limits.network_bytes_per_s * (ring ? std::pow(per_node, v[Cards]) : 1) : limits.link_bytes_per_s;
  OpCost cost;
  const double least = shape.op == Collective::AllReduce ? std::min(wire, (1 + 1 / n) * shape.message_bytes) : wire;
  cost.link_s = cost.floor_s = least / widest;
  const double quick_s = wire / (speed * v[EQuick]);
  const double wide_s = v[TWide] + wire / (speed * v[EWide]);
  const double latency_s = v[T0] + v[TDevice] * (n - 1) + (wide_s < quick_s ? v[TWide] : 0);
  cost.seconds = v[T0] + v[TDevice] * (n - 1) + std::min(quick_s, wide_s);
  cost.bound = 2 * latency_s > cost.seconds ? Bound::Launch : Bound::Link;
  return cost;
}

}  // namespace isoflop::sim
