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
      {"t0", "s", "launch and drain of one call", 4e-6, 1e-7, 1e-4},
      {"e_f", "1", "share of peak arithmetic inside a tile", 0.8, 0.02, 1},
      {"e_b", "1", "share of memory bandwidth", 0.8, 0.02, 1},
      {"cache_feed", "1", "rate at which the cache feeds tiles, in memory bandwidths", 4, 0.3, 30},
      {"t_wave", "s", "fill and epilogue of one wave of tiles", 3e-7, 1e-8, 2e-5},
      only(!quantised, {"t_split", "s", "reduction after splitting k", 3e-6, 1e-7, 5e-5}, 2e-6),
      only(cache_seen, {"cache_bytes", "byte", "operands that stay in the cache when a call is repeated", 2e7, 1e6, 1e9}, 1),
      only(quantised, {"quantise_in", "byte/element", "traffic of quantising an activation", 4, 0.05, 50}, none),
      only(quantised, {"quantise_out", "byte/element", "traffic of rescaling an output apart", 0.5, 0.05, 50}, none),
      only(quantised, {"t_host", "s", "host time between two calls", 3e-5, 1e-7, 5e-4}, none),
  };
}

double gemm_bytes(const GemmShape& shape) {
  const auto m = static_cast<double>(shape.m), n = static_cast<double>(shape.n), k = static_cast<double>(shape.k);
  return m * k * activation_bytes_per_element(shape.format) + n * k * weight_bytes_per_element(shape.format) + 2 * m * n;
}

OpCost gemm_cost(const GemmShape& shape, const DeviceLimits& limits, std::span<const double> values,
                 const CallConditions& conditions) {
  const auto m = static_cast<double>(shape.m), n = static_cast<double>(shape.n), k = static_cast<double>(shape.k);
  const double weight_bytes = weight_bytes_per_element(shape.format);
  const double activation_bytes = activation_bytes_per_element(shape.format);
  const double bytes = gemm_bytes(shape);
  const double units = limits.multiprocessors;
  const double share = conditions.operands_cached ? share_from_memory(bytes, values[CacheBytes]) : 1;
  const double memory_s = share * bytes / (limits.bandwidth_bytes_per_s * values[Eb]);
  const double flop_per_s = limits.peak_flop_per_s * values[Ef] / units;
  const double feed_per_s = limits.bandwidth_bytes_per_s * values[CacheFeed] / units;
  const bool splits = !quantises_activations(shape.format);
  double tiles_s = std::numeric_limits<double>::infinity();
  for (const auto& tile : tiles) {
    const double blocks = std::ceil(m / tile.rows) * std::ceil(n / tile.columns);
    for (int split = 1; split <= (splits ? largest_split : 1); split *= 2) {
      if (split > 1 && (k / split < least_split_k || blocks * split > 2 * units)) break;
      const double depth = k / split;
      const double compute = 2 * tile.rows * tile.columns * depth / flop_per_s;
      const double feed = (tile.rows * activation_bytes + tile.columns * weight_bytes) * depth / feed_per_s;
      const double waves = std::ceil(blocks * split / units);
      const double time = waves * (std::max(compute, feed) + values[TWave]) + (split > 1 ? values[TSplit] : 0);
      tiles_s = std::min(tiles_s, time);
    }
  }
  const double quantise_s = (values[QuantIn] * m * k + values[QuantOut] * m * n) / (limits.bandwidth_bytes_per_s * values[Eb]);
  const double work_s = overlapped(tiles_s, memory_s) + quantise_s;
  const double device_s = values[T0] + work_s;
  OpCost cost;
  cost.floor_s = std::max(2 * m * n * k / limits.peak_flop_per_s, bytes / limits.bandwidth_bytes_per_s);
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
