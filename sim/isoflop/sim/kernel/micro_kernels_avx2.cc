// Compiled with -mavx2 -mfma; called only where instruction_set() found them.
#include "isoflop/sim/kernel/micro_kernels.h"

#define ISOFLOP_TILE_ROWS 6
#define ISOFLOP_TILE_COLUMNS 16
#define ISOFLOP_LANES 8

namespace isoflop::sim {
#include "isoflop/sim/kernel/micro_kernels_portable.inc"

MicroKernelSet avx2_fp32() { return {tile_rows, tile_columns, tile_rows, 1, 4, multiply, pack<false>}; }
MicroKernelSet avx2_bf16() { return {tile_rows, tile_columns, tile_rows, 1, 4, multiply, pack<true>}; }

}  // namespace isoflop::sim
