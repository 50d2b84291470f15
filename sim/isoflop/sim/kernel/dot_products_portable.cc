// For any CPU.
#include "isoflop/sim/kernel/dot_products.h"

namespace isoflop::sim {
#include "isoflop/sim/kernel/dot_products.inc"

DotProducts dot_products_portable() { return {dot_fp32, dot_bf16, dot_int8, dot_int4, quantise_groups}; }

}  // namespace isoflop::sim
