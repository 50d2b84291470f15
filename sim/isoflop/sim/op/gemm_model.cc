#include "isoflop/sim/op/gemm_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "isoflop/sim/op/kernel_format.h"

namespace isoflop::sim {
namespace {

enum Index : std::size_t { T0, Ef, Eb, CacheFeed, TWave, TSplit, CacheBytes, QuantIn, QuantOut, THost };

struct Tile {
  double rows, columns;
};

// Sizes that common kernel libraries instantiate; small ones serve decode, where m is the batch.
constexpr std::array<Tile, 14> tiles = {{{256, 128}, {128, 256}, {128, 128}, {64, 256}, {256, 64}, {64, 128}, {128, 64},
                                         {64, 64}, {32, 128}, {128, 32}, {16, 128}, {128, 16}, {32, 64}, {64, 32}}};
constexpr int largest_split = 32;
constexpr double least_split_k = 256;  // below it a split has no work to share
constexpr double none = 1e-9;          // stands for zero in a constant that is fitted as a logarithm

double share_from_memory(double bytes, double cache_bytes) {
  // A least-recently-used cache falls from hits to misses steeply around its size.
  const double ratio = bytes / cache_bytes;
  const double fourth = ratio * ratio * ratio * ratio;
  return std::max(1e-3, fourth / (1 + fourth));
}

}  // namespace

std::vector<Constant> gemm_constants(KernelFormat format, bool cache_seen) {
  const bool quantised = quantises_activations(format);
  const auto only = [](bool applies, Constant constant, double otherwise) {
    if (!applies) constant.start = constant.low = constant.high = otherwise;
    return constant;
  };
  return {
      {"t0", "s", "launch and drain of one call", 3e-6, 1e-7, 1e-4},
      {"e_f", "1", "share of peak arithmetic inside a tile", quantised ? 0.65 : 0.8, 0.02, 1},
      {"e_b", "1", "share of memory bandwidth", 0.8, 0.02, 1},
      {"cache_feed", "1", "rate at which the cache feeds tiles, in memory bandwidths", 4, 0.3, 30},
      {"t_wave", "s", "fill and epilogue of one wave of tiles", 3e-7, 1e-8, 2e-5},
      only(!quantised, {"t_split", "s", "reduction after splitting k", 3e-6, 1e-7, 5e-5}, 2e-6),
      only(cache_seen,
           {"cache_bytes", "byte", "operands that stay in the cache when a call is repeated", 2e7, 1e6, 1e9}, 1),
      only(quantised, {"quantise_in", "byte/element", "traffic of quantising an activation", 4, 0.05, 50}, none),
      only(quantised, {"quantise_out", "byte/element", "traffic of rescaling an output apart", 0.5, 0.05, 50}, none),
      only(quantised, {"t_host", "s", "host time between two calls", 3e-5, 1e-7, 5e-4}, none),
  };
}

std::vector<double> generic_gemm_values(KernelFormat format) {
  std::vector<double> values;
  for (const auto& c : gemm_constants(format, false)) values.push_back(c.start);
  // How long a host takes between calls is a matter of the engine, not of the chip.
  values[THost] = none;
  return values;
}

double gemm_bytes(const GemmShape& shape) {
  const auto m = static_cast<double>(shape.m), n = static_cast<double>(shape.n), k = static_cast<double>(shape.k);
  return m * k * activation_bytes_per_element(shape.format) + n * k * weight_bytes_of(shape) +
         2 * m * n;
}

std::vector<TileChoice> gemm_tile_choices(const GemmShape& shape, double units) {
  const auto m = static_cast<double>(shape.m), n = static_cast<double>(shape.n), k = static_cast<double>(shape.k);
  const double weight_bytes = weight_bytes_of(shape);
  const double activation_bytes = activation_bytes_per_element(shape.format);
  const int most_split = quantises_activations(shape.format) ? 1 : largest_split;
  std::vector<TileChoice> kept;
  kept.reserve(8);
  for (const auto& tile : tiles) {
    const double blocks = std::ceil(m / tile.rows) * std::ceil(n / tile.columns);
    for (int split = 1; split <= most_split; split *= 2) {
      const double depth = k / split;
      if (split > 1 && (depth < least_split_k || blocks * split > 2 * units)) break;
      TileChoice fresh;
      fresh.waves = std::ceil(blocks * split / units);
      fresh.flop = fresh.waves * 2 * tile.rows * tile.columns * depth;
      fresh.feed_bytes = fresh.waves * (tile.rows * activation_bytes + tile.columns * weight_bytes) * depth;
      fresh.splits = split > 1;
      const auto beats = [](const TileChoice& a, const TileChoice& b) {
        return a.waves <= b.waves && a.flop <= b.flop && a.feed_bytes <= b.feed_bytes && a.splits <= b.splits;
      };
      if (std::any_of(kept.begin(), kept.end(), [&](const TileChoice& old) { return beats(old, fresh); })) continue;
      std::erase_if(kept, [&](const TileChoice& old) { return beats(fresh, old); });
      kept.push_back(fresh);
    }
  }
  return kept;
}

OpCost gemm_cost(const GemmShape& shape, const DeviceLimits& limits, std::span<const double> values,
                 const CallConditions& conditions) {
  return gemm_cost(shape, gemm_tile_choices(shape, limits.multiprocessors), limits, values, conditions);
}

OpCost gemm_cost(const GemmShape& shape, std::span<const TileChoice> choices, const DeviceLimits& limits,
                 std::span<const double> values, const CallConditions& conditions) {
  const auto m = static_cast<double>(shape.m), n = static_cast<double>(shape.n), k = static_cast<double>(shape.k);
  const double bytes = gemm_bytes(shape);
  const double units = limits.multiprocessors;
  const double share = conditions.operands_cached ? share_from_memory(bytes, values[CacheBytes]) : 1;
  const double memory_s = share * bytes / (limits.bandwidth_bytes_per_s * values[Eb]);
  const double flop_per_s = limits.peak_flop_per_s * values[Ef] / units;
  const double feed_per_s = limits.bandwidth_bytes_per_s * values[CacheFeed] / units;
  double tiles_s = std::numeric_limits<double>::infinity();
  for (const auto& choice : choices) {
    // Every wave does the same work, so the slower of computing and feeding may be taken over all of them.
    const double time = std::max(choice.flop / flop_per_s, choice.feed_bytes / feed_per_s) +
                        choice.waves * values[TWave] + (choice.splits ? values[TSplit] : 0);
    tiles_s = std::min(tiles_s, time);
  }
  const double quantise_s =
      (values[QuantIn] * m * k + values[QuantOut] * m * n) / (limits.bandwidth_bytes_per_s * values[Eb]);
  const double work_s = overlapped(tiles_s, memory_s) + quantise_s;
  const double device_s = values[T0] + work_s;
  OpCost cost;
  cost.arithmetic_s = 2 * m * n * k / limits.peak_flop_per_s;
  cost.memory_s = bytes / limits.bandwidth_bytes_per_s;
  cost.floor_s = std::max(cost.arithmetic_s, cost.memory_s);
  cost.seconds = device_s;
  if (conditions.host_waits) {
    // A smooth maximum, so that the fit sees both sides of the kink.
    const double r = std::pow(std::min(device_s, values[THost]) / std::max(device_s, values[THost]), 8);
    cost.seconds = std::max(device_s, values[THost]) * std::pow(1 + r, 1.0 / 8);
  }
  cost.bound = cost.seconds - work_s > work_s ? Bound::Launch
               : tiles_s > memory_s + quantise_s ? Bound::Compute : Bound::Bandwidth;
  return cost;
}

}  // namespace isoflop::sim
