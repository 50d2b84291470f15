// Time of bandwidth-bound element work (norms, activations, residual adds, rotary embedding):
//   t = t0 + bytes / (bandwidth e_b), bytes = every operand once.
// Reported per kind of work. Arithmetic is not a limit on any device of the catalogue.
#pragma once
#include <span>
#include <vector>

#include "isoflop/sim/calibrate/calibration.h"
#include "isoflop/sim/op/op_cost.h"
#include "isoflop/sim/op/shapes.h"

namespace isoflop::sim {

/// What is fitted, generic values (assumed), and the cost with values in the same order.
std::vector<Constant> elementwise_constants();
std::vector<double> generic_elementwise_values();
OpCost elementwise_cost(const ElementwiseShape& shape, const DeviceLimits& limits, std::span<const double> values);

}  // namespace isoflop::sim
