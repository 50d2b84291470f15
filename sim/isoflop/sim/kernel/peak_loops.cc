#include "isoflop/sim/kernel/peak_loops.h"

namespace isoflop::sim {

#if defined(__x86_64__)

// Registers 0-11 are the sums, 12 and 13 the operands (zero: the value does not matter for the time of normal numbers).
#define ISOFLOP_TWELVE(op, r) \
  op " %%" r "13, %%" r "12, %%" r "0\n\t" op " %%" r "13, %%" r "12, %%" r "1\n\t" op " %%" r "13, %%" r "12, %%" r "2\n\t" \
  op " %%" r "13, %%" r "12, %%" r "3\n\t" op " %%" r "13, %%" r "12, %%" r "4\n\t" op " %%" r "13, %%" r "12, %%" r "5\n\t" \
  op " %%" r "13, %%" r "12, %%" r "6\n\t" op " %%" r "13, %%" r "12, %%" r "7\n\t" op " %%" r "13, %%" r "12, %%" r "8\n\t" \
  op " %%" r "13, %%" r "12, %%" r "9\n\t" op " %%" r "13, %%" r "12, %%" r "10\n\t" op " %%" r "13, %%" r "12, %%" r "11\n\t"

#define ISOFLOP_CLOBBERS "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13"

#define ISOFLOP_CLEAR \
  "vpxor %%xmm0, %%xmm0, %%xmm0\n\tvpxor %%xmm1, %%xmm1, %%xmm1\n\tvpxor %%xmm2, %%xmm2, %%xmm2\n\tvpxor %%xmm3, %%xmm3, %%xmm3\n\t" \
  "vpxor %%xmm4, %%xmm4, %%xmm4\n\tvpxor %%xmm5, %%xmm5, %%xmm5\n\tvpxor %%xmm6, %%xmm6, %%xmm6\n\tvpxor %%xmm7, %%xmm7, %%xmm7\n\t" \
  "vpxor %%xmm8, %%xmm8, %%xmm8\n\tvpxor %%xmm9, %%xmm9, %%xmm9\n\tvpxor %%xmm10, %%xmm10, %%xmm10\n\tvpxor %%xmm11, %%xmm11, %%xmm11\n\t" \
  "vpxor %%xmm12, %%xmm12, %%xmm12\n\tvpxor %%xmm13, %%xmm13, %%xmm13\n\t"

#define ISOFLOP_LOOP(name, op, r)                                                                               \
  void name(std::size_t iterations) {                                                                           \
    asm volatile(ISOFLOP_CLEAR "1:\n\t" ISOFLOP_TWELVE(op, r) "dec %0\n\tjnz 1b\n\tvzeroupper" : "+r"(iterations) : : ISOFLOP_CLOBBERS, "cc"); \
  }

ISOFLOP_LOOP(fma_loop_avx512, "vfmadd231ps", "zmm")
ISOFLOP_LOOP(bf16_loop_avx512, "vdpbf16ps", "zmm")
ISOFLOP_LOOP(fma_loop_avx2, "vfmadd231ps", "ymm")

void dependent_adds(std::size_t iterations) {
  std::size_t value = 0;
  asm volatile("1:\n\t.rept 32\n\tadd $1, %1\n\t.endr\n\tdec %0\n\tjnz 1b" : "+r"(iterations), "+r"(value) : : "cc");
}

// Multiplication and addition apart, four lanes: what every x86-64 has.
void fma_loop_scalar(std::size_t iterations) {
  asm volatile(
      "1:\n\t"
      "mulps %%xmm12, %%xmm0\n\taddps %%xmm12, %%xmm6\n\tmulps %%xmm12, %%xmm1\n\taddps %%xmm12, %%xmm7\n\t"
      "mulps %%xmm12, %%xmm2\n\taddps %%xmm12, %%xmm8\n\tmulps %%xmm12, %%xmm3\n\taddps %%xmm12, %%xmm9\n\t"
      "mulps %%xmm12, %%xmm4\n\taddps %%xmm12, %%xmm10\n\tmulps %%xmm12, %%xmm5\n\taddps %%xmm12, %%xmm11\n\t"
      "mulps %%xmm12, %%xmm0\n\taddps %%xmm12, %%xmm6\n\tmulps %%xmm12, %%xmm1\n\taddps %%xmm12, %%xmm7\n\t"
      "mulps %%xmm12, %%xmm2\n\taddps %%xmm12, %%xmm8\n\tmulps %%xmm12, %%xmm3\n\taddps %%xmm12, %%xmm9\n\t"
      "mulps %%xmm12, %%xmm4\n\taddps %%xmm12, %%xmm10\n\tmulps %%xmm12, %%xmm5\n\taddps %%xmm12, %%xmm11\n\t"
      "dec %0\n\tjnz 1b"
      : "+r"(iterations) : : ISOFLOP_CLOBBERS, "cc");
}

#else

void dependent_adds(std::size_t iterations) {
  volatile std::size_t value = 0;
  for (std::size_t i = 0; i < iterations * 32; ++i) value = value + 1;
}

void fma_loop_scalar(std::size_t iterations) {
  float sums[12][4] = {};
  for (std::size_t i = 0; i < iterations; ++i)
    for (auto& lanes : sums)
      for (auto& sum : lanes) {
        sum = sum * 0.5f + 1.0f;
        asm volatile("" : "+m"(sum));
      }
}

#endif

}  // namespace isoflop::sim
