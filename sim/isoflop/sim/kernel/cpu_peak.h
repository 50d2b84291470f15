// The multiply-add rate of one thread: what the matrix product is measured against, in the same process.
#pragma once
#include "isoflop/sim/kernel/matrix_product.h"

namespace isoflop::sim {

/// FLOP/s of independent multiply-adds held in registers, over about `seconds`. Bf16 uses the hardware dot product where
/// there is one, else it equals fp32.
double multiply_add_peak_flop_per_s(Precision precision, double seconds);

/// Core clock from a chain of dependent integer additions, one cycle each.
double core_clock_hz(double seconds);

}  // namespace isoflop::sim
