#include "isoflop/sim/op/attention_model.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace isoflop::sim {
namespace {

enum PrefillIndex : std::size_t { PT0, PEf, PSoftmax, PEb, PTile };
enum DecodeIndex : std::size_t { DT0, DTile, DFeed, DEb, DSplit, DEf, DWindow };

constexpr double tile_rows = 128;
constexpr double least_part_keys = 256;  // a shorter part of the keys is not worth a block of its own
constexpr double most_sampled_tiles = 64;

double visible_keys(const AttentionShape& shape) {
  const double keys = shape.cached_tokens + (shape.decode ? 0 : shape.new_tokens);
  return shape.window > 0 ? std::min(keys, shape.window) : keys;
}

OpCost floors(const AttentionShape& shape, const DeviceLimits& limits) {
  OpCost cost;
  cost.arithmetic_s = 4 * shape.heads * shape.head_dim * attention_pairs(shape) / limits.peak_flop_per_s;
  cost.memory_s = attention_bytes(shape) / limits.bandwidth_bytes_per_s;
  cost.floor_s = std::max(cost.arithmetic_s, cost.memory_s);
  return cost;
}

OpCost decode_cost(const AttentionShape& shape, const DeviceLimits& limits, std::span<const double> v) {
  OpCost cost = floors(shape, limits);
  const double units = limits.multiprocessors, bandwidth = limits.bandwidth_bytes_per_s;
  const double keys = std::max(1.0, visible_keys(shape));
  const double rows = shape.sequences * shape.kv_heads;
  const double parts = std::clamp(std::floor(units / rows), 1.0, std::max(1.0, std::ceil(keys / least_part_keys)));
  const double part_bytes = std::ceil(keys / parts) * 2 * shape.head_dim * shape.kv_bytes_per_element;
  const double block_s = v[DTile] * (0.5 + shape.head_dim / 256) + part_bytes / (v[DFeed] * bandwidth / units);
  const double blocks_s = std::ceil(rows * parts / units) * block_s;
  const double memory_s = cost.memory_s / v[DEb];
  const double arithmetic_s = cost.arithmetic_s / v[DEf];
  const double work_s = overlapped(blocks_s, memory_s) + arithmetic_s;
  const bool windowed = shape.window > 0 && shape.cached_tokens > shape.window;
  cost.seconds = v[DT0] + work_s + (parts > 1 ? v[DSplit] : 0) + (windowed ? v[DWindow] : 0);
  cost.bound = cost.seconds - work_s > work_s        ? Bound::Launch
               : memory_s >= blocks_s + arithmetic_s ? Bound::Bandwidth
                                                     : Bound::Compute;
  return cost;
}

}  // namespace

std::vector<Constant> attention_constants(bool decode) {
  if (decode)
    return {
        {"t0", "s", "launch and drain of one call", 8e-6, 1e-7, 1e-4},
        {"t_tile", "s", "start of one block of a key head, at head width 128", 3e-6, 1e-8, 1e-4},
        {"feed", "1", "rate at which one multiprocessor reads keys, in its share of bandwidth", 2, 0.1, 30},
        {"e_b", "1", "share of memory bandwidth", 0.7, 0.05, 1},
        {"t_split", "s", "combining the parts of a sequence", 3e-6, 1e-8, 5e-5},
        {"e_f", "1", "share of peak arithmetic", 0.3, 0.001, 1},
        {"t_window", "s", "extra of a window shorter than the cache", 2e-6, 1e-8, 3e-5},
    };
  Constant softmax{"softmax", "FLOP/pair", "softmax of one pair, in matrix arithmetic", 150, 1, 2000};
  // One head width alone cannot tell this from e_f; half a dozen to a few hundred is what exponentials cost (assumed).
  softmax.prior_center = 150;
  softmax.prior_log_sd = 0.7;
  return {
      {"t0", "s", "launch and drain of one call", 8e-6, 1e-7, 1e-4},
      {"e_f", "1", "share of peak arithmetic", 0.6, 0.02, 1},
      softmax,
      {"e_b", "1", "share of memory bandwidth", 0.6, 0.05, 1},
      {"t_tile", "s", "fill of one wave of query tiles", 1e-6, 1e-8, 5e-5},
  };
}

std::vector<double> generic_attention_values(bool decode) {
  std::vector<double> values;
  for (const auto& c : attention_constants(decode)) values.push_back(c.start);
  return values;
}

double attention_pairs(const AttentionShape& shape) {
  if (shape.decode) return shape.sequences * visible_keys(shape);
  const double q = shape.new_tokens, c = shape.cached_tokens;
  if (shape.window <= 0 || c + q <= shape.window) return shape.sequences * (q * c + q * (q + 1) / 2);
  // The first queries see everything before them, the others a full window.
  const double growing = std::clamp(shape.window - c, 0.0, q);
  return shape.sequences * (growing * c + growing * (growing + 1) / 2 + (q - growing) * shape.window);
}

double attention_bytes(const AttentionShape& shape) {
  const double queries = shape.sequences * (shape.decode ? 1 : shape.new_tokens);
  double keys = shape.cached_tokens + (shape.decode ? 0 : shape.new_tokens);
  if (shape.window > 0) keys = std::min(keys, shape.window + (shape.decode ? 0 : shape.new_tokens));
  return 2 * 2 * queries * shape.heads * shape.head_dim +
         shape.sequences * keys * 2 * shape.kv_heads * shape.head_dim * shape.kv_bytes_per_element;
}

PrefillTiles prefill_tiles(const AttentionShape& shape) {
  const double group = shape.heads / shape.kv_heads;
  const double tiles_per_head = std::ceil(shape.new_tokens * group / tile_rows);
  const double step = std::max(1.0, std::floor(tiles_per_head / most_sampled_tiles));
  PrefillTiles result;
  for (double tile = 0; tile < tiles_per_head; tile += step) {
    const double first = std::floor(tile * tile_rows / group);
    const double last = std::min(shape.new_tokens, std::ceil((tile + 1) * tile_rows / group));
    const double from = shape.window > 0 ? std::max(0.0, shape.cached_tokens + first - shape.window) : 0;
    const double pairs = tile_rows * std::ceil((shape.cached_tokens + last - from) / tile_rows) * tile_rows;
    result.pairs += std::min(step, tiles_per_head - tile) * pairs;
    result.longest_pairs = std::max(result.longest_pairs, pairs);
  }
  result.tiles = shape.sequences * shape.kv_heads * tiles_per_head;
  result.pairs *= shape.sequences * shape.kv_heads;
  return result;
}

OpCost prefill_cost(const AttentionShape& shape, const PrefillTiles& tiles, const DeviceLimits& limits,
                    std::span<const double> v) {
  OpCost cost = floors(shape, limits);
  const double units = limits.multiprocessors;
  const double flop_per_pair = 4 * shape.head_dim + v[PSoftmax];
  const double compute_s =
      std::max(tiles.pairs, tiles.longest_pairs * units) * flop_per_pair / (limits.peak_flop_per_s * v[PEf]) +
      std::ceil(tiles.tiles / units) * v[PTile];
  const double memory_s = cost.memory_s / v[PEb];
  const double work_s = overlapped(compute_s, memory_s);
  cost.seconds = v[PT0] + work_s;
  cost.bound = v[PT0] > work_s ? Bound::Launch : compute_s > memory_s ? Bound::Compute : Bound::Bandwidth;
  return cost;
}

OpCost attention_cost(const AttentionShape& shape, const DeviceLimits& limits, std::span<const double> values) {
  return shape.decode ? decode_cost(shape, limits, values) : prefill_cost(shape, prefill_tiles(shape), limits, values);
}

}  // namespace isoflop::sim
