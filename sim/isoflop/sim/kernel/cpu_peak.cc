#include "isoflop/sim/kernel/cpu_peak.h"

#include "isoflop/error.h"
#include "isoflop/sim/kernel/peak_loops.h"
#include "isoflop/sim/kernel/thread_clock.h"

namespace isoflop::sim {
namespace {

struct Loop {
  double (*run)(std::size_t) = nullptr;
  double per_iteration = 0;
  const char* instruction = "";
};

// 20000 iterations: short enough to stop in time, sums below 2^24.
constexpr std::size_t iterations = 20000;

PeakRate rate(const Loop& loop, double seconds, double result_per_iteration) {
  double done = 0;
  bool verified = true;
  const double start = thread_seconds();
  double elapsed = 0;
  do {
    verified = loop.run(iterations) == result_per_iteration * static_cast<double>(iterations) && verified;
    done += static_cast<double>(iterations);
    elapsed = thread_seconds() - start;
  } while (elapsed < seconds);
  return {done * loop.per_iteration / elapsed, loop.instruction, verified};
}

#if defined(__x86_64__)
bool has_vnni() { return instruction_set() >= InstructionSet::Avx512 && __builtin_cpu_supports("avx512vnni"); }
#endif

Loop loop_of(PeakKind kind) {
#if defined(__x86_64__)
  const InstructionSet set = instruction_set();
  if (kind == PeakKind::Int8) return has_vnni() ? Loop{int8_loop_avx512, int8_loop_op_avx512, "vpdpbusd zmm"} : Loop{};
  if (kind == PeakKind::Bf16)
    return set == InstructionSet::Avx512Bf16 ? Loop{bf16_loop_avx512, bf16_loop_flop_avx512, "vdpbf16ps zmm"} : Loop{};
  if (set >= InstructionSet::Avx512) return {fma_loop_avx512, fma_loop_flop_avx512, "vfmadd231ps zmm"};
  if (set == InstructionSet::Avx2) return {fma_loop_avx2, fma_loop_flop_avx2, "vfmadd231ps ymm"};
#endif
  return kind == PeakKind::Fp32 ? Loop{fma_loop_scalar, fma_loop_flop_scalar, "mulps, addps"} : Loop{};
}

}  // namespace

PeakRate peak_rate(PeakKind kind, double seconds) {
  const Loop loop = loop_of(kind);
  if (!loop.run) return {};
  return rate(loop, seconds, loop.per_iteration / 2);
}

double multiply_add_peak_flop_per_s(Precision precision, double seconds) {
  PeakRate peak = precision == Precision::Bf16 ? peak_rate(PeakKind::Bf16, seconds) : PeakRate{};
  if (peak.instruction.empty()) peak = peak_rate(PeakKind::Fp32, seconds);
  if (!peak.verified)
    throw Error(Fault::CannotRun, "the peak probe (" + peak.instruction + ") computed a wrong result");
  return peak.op_per_s;
}

double core_clock_hz(double seconds) {
  return rate({dependent_adds, dependent_adds_per_iteration, "add"}, seconds, dependent_adds_per_iteration).op_per_s;
}

unsigned read_once(const void* from, std::size_t bytes) {
#if defined(__x86_64__)
  if (instruction_set() >= InstructionSet::Avx512) return read_loop_avx512(from, bytes);
  if (instruction_set() == InstructionSet::Avx2) return read_loop_avx2(from, bytes);
#endif
  return read_loop_scalar(from, bytes);
}

}  // namespace isoflop::sim
