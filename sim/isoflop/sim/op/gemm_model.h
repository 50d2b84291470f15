// Time of one dense matrix product, y (m, n) = x (m, k) transpose(w).
//
//   t = max( t_host, t0 + quantise + (tiles^2 + memory^2)^(1/2) )
//   memory   = bytes / (bandwidth e_b), every operand once; less what stays in the cache when the call is repeated
//   tiles    = waves * (max(2 a b k/s / (P e_f), (a + b) (k/s) bytes / (r bandwidth / SM)) + t_wave) + t_split [s > 1]
//   waves    = ceil(ceil(m/a) ceil(n/b) s / SM),  P = peak / SM
//   quantise = (q_in m k + q_out m n) / (bandwidth e_b), for formats that quantise activations in passes of their own
// minimised over tiles (a, b) and split-K factors s, as a kernel library chooses. Whole waves give the steps in n
// and m, t_wave the loss at small k (pipeline fill and epilogue), r how fast the last-level cache feeds a tile.
// Where it fails: chips whose clock falls under load (L40S), host-bound kernels at odd m (fp8_block on H200).
#pragma once
#include <span>
#include <vector>

#include "isoflop/sim/calibrate/calibration.h"
#include "isoflop/sim/op/op_cost.h"
#include "isoflop/sim/op/shapes.h"

namespace isoflop::sim {

/// Names, units, meanings, starts and ranges. Constants a format does not have are held at no effect;
/// `cache_seen`: rows faster than memory allow the cache to be fitted.
std::vector<Constant> gemm_constants(KernelFormat format, bool cache_seen);

/// Generic efficiencies for chips nothing is known of (assumed: rounded, typical of data-centre GPUs).
std::vector<double> generic_gemm_values(KernelFormat format);

/// `values` ordered as gemm_constants.
OpCost gemm_cost(const GemmShape& shape, const DeviceLimits& limits, std::span<const double> values,
                 const CallConditions& conditions);

/// A tile and split that can be fastest for some constants: whole waves of blocks, by what each costs in all.
struct TileChoice {
  double waves = 0;
  double flop = 0;        ///< of one multiprocessor, over all waves
  double feed_bytes = 0;  ///< the same
  bool splits = false;
};
/// Of all tiles and splits, those that no other beats in every respect; they do not depend on constants, so a fit
/// makes them once.
std::vector<TileChoice> gemm_tile_choices(const GemmShape& shape, double multiprocessors);
OpCost gemm_cost(const GemmShape& shape, std::span<const TileChoice> choices, const DeviceLimits& limits,
                 std::span<const double> values, const CallConditions& conditions);

/// Every operand once, output in 16 bits.
double gemm_bytes(const GemmShape& shape);

}  // namespace isoflop::sim
