#include "isoflop/sim/kernel/vector_loops.h"

#include "isoflop/sim/kernel/matrix_product.h"

namespace isoflop::sim {
namespace {

VectorLoops chosen_loops() {
#if defined(__x86_64__)
  switch (instruction_set()) {
    case InstructionSet::Avx512Bf16:
    case InstructionSet::Avx512: return vector_loops_avx512();
    case InstructionSet::Avx2: return vector_loops_avx2();
    case InstructionSet::Scalar: break;
  }
#endif
  return vector_loops_scalar();
}

}  // namespace

const VectorLoops& vector_loops() {
  static const VectorLoops loops = chosen_loops();
  return loops;
}

}  // namespace isoflop::sim
