#include "isoflop/sim/kernel/cpu_peak.h"

#include "isoflop/sim/kernel/peak_loops.h"
#include "isoflop/sim/kernel/thread_clock.h"

namespace isoflop::sim {
namespace {

template <typename Loop>
double rate(Loop loop, double per_iteration, double seconds) {
  const std::size_t iterations = 20000;
  std::size_t done = 0;
  const double start = thread_seconds();
  double elapsed = 0;
  do {
    loop(iterations);
    done += iterations;
    elapsed = thread_seconds() - start;
  } while (elapsed < seconds);
  return static_cast<double>(done) * per_iteration / elapsed;
}

}  // namespace

double multiply_add_peak_flop_per_s(Precision precision, double seconds) {
#if defined(__x86_64__)
  switch (instruction_set()) {
    case InstructionSet::Avx512Bf16:
      if (precision == Precision::Bf16) return rate(bf16_loop_avx512, bf16_loop_flop_avx512, seconds);
      [[fallthrough]];
    case InstructionSet::Avx512: return rate(fma_loop_avx512, fma_loop_flop_avx512, seconds);
    case InstructionSet::Avx2: return rate(fma_loop_avx2, fma_loop_flop_avx2, seconds);
    case InstructionSet::Scalar: break;
  }
#endif
  return rate(fma_loop_scalar, fma_loop_flop_scalar, seconds);
}

double core_clock_hz(double seconds) { return rate(dependent_adds, dependent_adds_per_iteration, seconds); }

}  // namespace isoflop::sim
