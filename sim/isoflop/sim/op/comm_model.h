// Time of one collective operation over n devices on `nodes` nodes, with the library's choice between a quick and a
// wide protocol:
//
//   t = t0 + t_device (n - 1) + min( w / (L e_quick), t_wide + w / (L e_wide) )
//   w = bytes that one device must send: all-reduce 2 (n-1)/n M, gather, scatter, all-to-all (n-1)/n M, send M
//   L = link of a device inside a node; between nodes its network card, for rings times (devices per node)^c because
//       they may run over several cards
// M is the whole vector. The physical bound for a check of units is w / L, and for an all-reduce the smaller M (1 +
// 1/n) / L of a switch that adds on the way (NVLink SHARP). Where it fails: rings over several nodes whose speed jumps
// with size.
#pragma once
#include <span>
#include <vector>

#include "isoflop/sim/calibrate/calibration.h"
#include "isoflop/sim/op/op_cost.h"
#include "isoflop/sim/op/shapes.h"

namespace isoflop::sim {

/// What is fitted, generic values (assumed), and the cost with values in the same order.
std::vector<Constant> comm_constants(bool between_nodes);
std::vector<double> generic_comm_values(bool between_nodes);
OpCost comm_cost(const CommShape& shape, const DeviceLimits& limits, std::span<const double> values);

/// Bytes one device sends in a ring (all-reduce: reduce-scatter, then all-gather).
double wire_bytes(const CommShape& shape);

}  // namespace isoflop::sim
