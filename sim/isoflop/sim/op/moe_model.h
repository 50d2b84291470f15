// Time of the routed experts of one layer on one device: gate and up product, activation, down product, with the
// sorting of tokens around them.
//
//   t = t0 + t_expert E + (tiles^2 + weights^2)^(1/2) + traffic
//   weights = touched experts * 3 d f bytes / (bandwidth e_b); 2 d f without a gate
//   tiles   = sum over both products of waves * max(arithmetic, feeding) as in the dense model, where an expert with r
//             rows fills ceil(r / a) tiles of a rows; minimised over tile sizes
//   traffic = (rows in and out of both products + x bytes per token, expert and width) / (bandwidth e_b)
//
// Rows per expert: uniform routing gives each T k / E on average and touches E (1 - (1 - k/E)^T) of them, unless rows
// are dealt out evenly. With skew s > 0, popularity follows a density ~ x^-s between one row and 0.8 T (0.01 and 2
// where T k <= E), normalised to T k rows in all; the device priced is the busiest of the expert-parallel group, which
// everyone waits for (mean over 16 fixed random placements).
#pragma once
#include <array>
#include <span>
#include <vector>

#include "isoflop/sim/calibrate/calibration.h"
#include "isoflop/sim/op/op_cost.h"
#include "isoflop/sim/op/shapes.h"

namespace isoflop::sim {

inline constexpr std::array<double, 4> expert_tile_rows = {16, 32, 64, 128};

/// What routing leaves on the busiest device; does not depend on constants.
struct ExpertLoad {
  double rows = 0;                      ///< token copies
  double touched = 0;                   ///< experts with at least one row, expected
  std::array<double, 4> row_tiles{};    ///< tiles over rows, for each of expert_tile_rows
};
ExpertLoad expert_load(const MoeShape& shape);

/// What is fitted, generic values (assumed), and the cost with values in the same order.
std::vector<Constant> moe_constants();
std::vector<double> generic_moe_values();
OpCost moe_cost(const MoeShape& shape, const ExpertLoad& load, const DeviceLimits& limits,
                std::span<const double> values);

}  // namespace isoflop::sim
