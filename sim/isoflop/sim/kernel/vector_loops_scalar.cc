// Compiled for its instruction set; no library templates here, other files could share them.
#include "isoflop/sim/kernel/vector_loops.h"

namespace isoflop::sim {
#include "isoflop/sim/kernel/vector_loops.inc"

VectorLoops vector_loops_scalar() { return loops; }

}  // namespace isoflop::sim
