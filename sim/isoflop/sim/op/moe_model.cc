#include "isoflop/sim/op/moe_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "isoflop/random.h"
#include "isoflop/sim/op/kernel_format.h"

namespace isoflop::sim {
namespace {

enum Index : std::size_t { T0, TExpert, Ef, Eb, Feed, Traffic };
constexpr std::array<double, 4> tile_columns = {32, 64, 128, 256};
constexpr int placements = 16;
constexpr std::uint64_t placement_seed = 1;

// Rows of each expert, most to least popular in no particular order.
std::vector<double> popularity(const MoeShape& shape) {
  const auto experts = static_cast<std::size_t>(shape.experts);
  const double copies = shape.tokens * shape.per_token;
  if (shape.routing_skew <= 0) return std::vector<double>(experts, copies / shape.experts);
  const bool many = copies > shape.experts;
  const double low = many ? 1 : 0.01, high = many ? std::max(1.01, 0.8 * shape.tokens) : 2;
  // Quantiles of the density x^-s between low and high; s = 1 is its logarithmic limit.
  const double power = std::fabs(1 - shape.routing_skew) < 1e-9 ? 1e-9 : 1 - shape.routing_skew;
  std::vector<double> rows;
  double sum = 0;
  for (std::size_t i = 0; i < experts; ++i) {
    const double u = (static_cast<double>(i) + 0.5) / shape.experts;
    rows.push_back(std::pow(std::pow(low, power) + u * (std::pow(high, power) - std::pow(low, power)), 1 / power));
    sum += rows.back();
  }
  // A token chooses an expert at most once.
  for (double& r : rows) r = std::min(shape.tokens, r * copies / sum);
  return rows;
}

// Probability that an expert with so many rows on average has any.
double touch_probability(const MoeShape& shape, double rows) {
  if (shape.touched_experts > 0) return std::min(1.0, shape.touched_experts / shape.experts);
  if (shape.dealt_evenly) return std::min(1.0, rows);
  if (shape.routing_skew > 0) return 1 - std::exp(-rows);
  return 1 - std::pow(1 - shape.per_token / shape.experts, shape.tokens);
}

void add_expert(ExpertLoad& load, double rows, double touched, double share) {
  const double filled = touched > 0 ? rows / touched : 0;
  load.rows += share * rows;
  load.touched += share * touched;
  for (std::size_t t = 0; t < expert_tile_rows.size(); ++t)
    load.row_tiles[t] += share * touched * std::ceil(filled / expert_tile_rows[t] - 1e-9);
}

}  // namespace

ExpertLoad expert_load(const MoeShape& shape) {
  const auto local = static_cast<std::size_t>(std::max(1.0, shape.experts / shape.expert_parallel));
  const bool alike = shape.routing_skew <= 0;
  std::vector<double> rows = popularity(shape);
  ExpertLoad load;
  const int draws = alike || local >= rows.size() ? 1 : placements;
  for (int draw = 0; draw < draws; ++draw) {
    std::size_t busiest = 0;
    if (draws > 1) {
      Random random(placement_seed, static_cast<std::uint64_t>(draw));
      for (std::size_t i = rows.size(); i > 1; --i) std::swap(rows[i - 1], rows[random.index(i)]);
      double most = -1;
      for (std::size_t first = 0; first + local <= rows.size(); first += local) {
        double sum = 0;
        for (std::size_t i = first; i < first + local; ++i) sum += rows[i];
        if (sum > most) most = sum, busiest = first;
      }
    }
    for (std::size_t i = busiest; i < std::min(rows.size(), busiest + local); ++i)
      add_expert(load, rows[i], touch_probability(shape, rows[i]), 1.0 / draws);
  }
  return load;
}

std::vector<Constant> moe_constants() {
  return {
      {"t0", "s", "launch of sorting, both products and combining", 2e-5, 1e-7, 5e-4},
      {"t_expert", "s", "time per expert of the model, of counting and aligning", 4e-8, 1e-10, 1e-6},
      {"e_f", "1", "share of peak arithmetic inside a tile", 0.5, 0.02, 1},
      {"e_b", "1", "share of memory bandwidth", 0.8, 0.02, 1},
      {"cache_feed", "1", "rate at which the cache feeds tiles, in memory bandwidths", 2.2, 0.1, 30},
      {"traffic", "byte", "moving a token copy around the products, per element of width", 5, 0.01, 100},
  };
}

std::vector<double> generic_moe_values() {
  std::vector<double> values;
  for (const auto& c : moe_constants()) values.push_back(c.start);
  return values;
}

OpCost moe_cost(const MoeShape& shape, const ExpertLoad& load, const DeviceLimits& limits, std::span<const double> v) {
  const double d = shape.hidden, f = shape.expert_width / shape.tensor_parallel;
  const double weight_bytes = weight_bytes_of(shape),
               activation_bytes = activation_bytes_per_element(shape.format);
  const double units = limits.multiprocessors;
  const double flop_per_s = limits.peak_flop_per_s * v[Ef] / units;
  const double feed_per_s = limits.bandwidth_bytes_per_s * v[Feed] / units;
  double tiles_s = std::numeric_limits<double>::infinity();
  for (std::size_t t = 0; t < expert_tile_rows.size(); ++t)
    for (const double columns : tile_columns) {
      double both_s = 0;
      for (const auto& [outputs, depth] : {std::pair{std::max(1.0, shape.matrices - 1) * f, d}, std::pair{d, f}}) {
        if (shape.matrices < 2 && depth == f) break;
        const double waves = std::ceil(load.row_tiles[t] * std::ceil(outputs / columns) / units);
        const double compute = 2 * expert_tile_rows[t] * columns * depth / flop_per_s;
        const double feed = (expert_tile_rows[t] * activation_bytes + columns * weight_bytes) * depth / feed_per_s;
        both_s += waves * std::max(compute, feed);
      }
      tiles_s = std::min(tiles_s, both_s);
    }
  const double expert_bytes = load.touched * shape.matrices * d * f * weight_bytes;
  const double row_bytes = load.rows * (shape.matrices < 2 ? d + f : 3 * d + shape.matrices * f) * 2;
  const double bandwidth = limits.bandwidth_bytes_per_s * v[Eb];
  const double weights_s = expert_bytes / bandwidth;
  const double traffic_s = (row_bytes + v[Traffic] * shape.tokens * shape.per_token * d) / bandwidth;
  const double start_s = v[T0] + v[TExpert] * shape.experts;
  OpCost cost;
  cost.arithmetic_s = 2 * shape.matrices * load.rows * d * f / limits.peak_flop_per_s;
  // Least traffic: weights touched, rows in and out once.
  cost.memory_s = (expert_bytes + load.rows * (d + (shape.matrices < 2 ? f : d)) * 2) / limits.bandwidth_bytes_per_s;
  cost.floor_s = std::max(cost.arithmetic_s, cost.memory_s);
  const double work_s = overlapped(tiles_s, weights_s) + traffic_s;
  cost.seconds = start_s + work_s;
  cost.bound = start_s > work_s ? Bound::Launch : tiles_s > weights_s + traffic_s ? Bound::Compute : Bound::Bandwidth;
  return cost;
}

}  // namespace isoflop::sim
