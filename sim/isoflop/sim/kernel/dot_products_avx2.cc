// Compiled with -mavx2 -mfma.
#include "isoflop/sim/kernel/dot_products.h"

namespace isoflop::sim {
#include "isoflop/sim/kernel/dot_products.inc"

DotProducts dot_products_avx2() {
  return {panel_fp32, panel_bf16, panel_integers<4>, panel_integers<8>, quantise_groups};
}

}  // namespace isoflop::sim
