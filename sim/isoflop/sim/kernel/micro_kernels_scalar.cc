// For any CPU.
#include "isoflop/sim/kernel/micro_kernels.h"

#define ISOFLOP_TILE_ROWS 4
#define ISOFLOP_TILE_COLUMNS 8
#define ISOFLOP_LANES 4

namespace isoflop::sim {
#include "isoflop/sim/kernel/micro_kernels_portable.inc"

MicroKernelSet scalar_fp32() { return {tile_rows, tile_columns, tile_rows, 1, 4, multiply, pack<false>}; }
MicroKernelSet scalar_bf16() { return {tile_rows, tile_columns, tile_rows, 1, 4, multiply, pack<true>}; }

}  // namespace isoflop::sim
