// Time of the attention core (scores, softmax, weighted sum) of one layer on one device, as fused kernels compute it.
//
// Prefill, new_tokens > 1:   t = t0 + (work^2 + memory^2)^(1/2)
//   The G = h/g query heads of a key head are packed into tiles of 128 rows; a tile goes through the keys its rows may
//   see, rounded up to 128 (causal mask, window): pairs are counted in tiles, as the hardware does.
//   work = max(all pairs, pairs of the longest tile * SM) * (4 e + x) / (peak e_f) + waves * t_tile
//   x: softmax per pair in FLOP of the matrix unit. The longest tile bounds short batches, where few tiles run.
// Decode, one query per sequence:   t = t0 + (waves^2 + memory^2)^(1/2) + pairs 4 e/(peak e_f) + t_split + t_window
//   g B blocks, each cut into s parts of at least 256 keys until the multiprocessors are busy;
//   waves = ceil(g B s / SM) * (t_tile (1/2 + e/256) + part's bytes / (r bandwidth / SM))
//   memory = (keys, values, queries, outputs) / (bandwidth e_b)
// Where it fails: head widths for which an engine lacks a tuned kernel (192 on B200), and kernels that do not split
// the keys of multi-head attention (A100, G = 1).
#pragma once
#include <span>
#include <vector>

#include "isoflop/sim/calibrate/calibration.h"
#include "isoflop/sim/op/op_cost.h"
#include "isoflop/sim/op/shapes.h"

namespace isoflop::sim {

/// What is fitted for prefill or decode, and generic values (assumed) in the same order.
std::vector<Constant> attention_constants(bool decode);
std::vector<double> generic_attention_values(bool decode);

/// What a prefill computes, in tiles; does not depend on constants.
struct PrefillTiles {
  double tiles = 0;          ///< of all sequences and heads
  double pairs = 0;          ///< (query, key) pairs inside visited tiles, all sequences and heads
  double longest_pairs = 0;  ///< of the tile that sees most keys
};
PrefillTiles prefill_tiles(const AttentionShape& shape);

/// `values` in the order of attention_constants().
OpCost attention_cost(const AttentionShape& shape, const DeviceLimits& limits, std::span<const double> values);
OpCost prefill_cost(const AttentionShape& shape, const PrefillTiles& tiles, const DeviceLimits& limits,
                    std::span<const double> values);

/// Pairs of one head that causality and window allow, over all sequences: the exact count, not the tiled one.
double attention_pairs(const AttentionShape& shape);
/// Queries, new and cached keys and values, outputs, each once; 16-bit queries and outputs.
double attention_bytes(const AttentionShape& shape);

}  // namespace isoflop::sim
