// For any CPU.
#include "isoflop/sim/kernel/dot_products.h"

namespace isoflop::sim {
#include "isoflop/sim/kernel/dot_products.inc"

DotProducts dot_products_portable() {
  return {panel_fp32, panel_bf16, panel_integers<4>, panel_integers<8>, quantise_groups};
}

}  // namespace isoflop::sim
