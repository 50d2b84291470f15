#include "isoflop/sim/kernel/peak_loops.h"

#include <cstdint>

namespace isoflop::sim {
namespace {

// Sums stay exact in fp32: at most 2^24 per lane.
template <typename Number>
double total(const Number* lanes, std::size_t count) {
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += static_cast<double>(lanes[i]);
  return sum;
}

}  // namespace

#if defined(__x86_64__)

// Registers 0-11 are the sums, 12 and 13 the operands.
#define ISOFLOP_TWELVE(op, r)                                                                                        \
  op " %%" r "13, %%" r "12, %%" r "0\n\t" op " %%" r "13, %%" r "12, %%" r "1\n\t" op " %%" r "13, %%" r "12, %%" r \
     "2\n\t" op " %%" r "13, %%" r "12, %%" r "3\n\t" op " %%" r "13, %%" r "12, %%" r "4\n\t" op " %%" r "13, %%" r \
     "12, %%" r "5\n\t" op " %%" r "13, %%" r "12, %%" r "6\n\t" op " %%" r "13, %%" r "12, %%" r "7\n\t" op " %%" r \
     "13, %%" r "12, %%" r "8\n\t" op " %%" r "13, %%" r "12, %%" r "9\n\t" op " %%" r "13, %%" r "12, %%" r         \
     "10\n\t" op " %%" r "13, %%" r "12, %%" r "11\n\t"

#define ISOFLOP_ADD_UP(op, r) \
  op " %%" r "1, %%" r "0, %%" r "0\n\t" op " %%" r "2, %%" r "0, %%" r "0\n\t" op " %%" r "3, %%" r "0, %%" r "0\n\t" \
  op " %%" r "4, %%" r "0, %%" r "0\n\t" op " %%" r "5, %%" r "0, %%" r "0\n\t" op " %%" r "6, %%" r "0, %%" r "0\n\t" \
  op " %%" r "7, %%" r "0, %%" r "0\n\t" op " %%" r "8, %%" r "0, %%" r "0\n\t" op " %%" r "9, %%" r "0, %%" r "0\n\t" \
  op " %%" r "10, %%" r "0, %%" r "0\n\t" op " %%" r "11, %%" r "0, %%" r "0\n\t"

#define ISOFLOP_CLOBBERS \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13"

#define ISOFLOP_CLEAR                                                                                                  \
  "vpxor %%xmm0, %%xmm0, %%xmm0\n\tvpxor %%xmm1, %%xmm1, %%xmm1\n\tvpxor %%xmm2, %%xmm2, %%xmm2\n\tvpxor %%xmm3, "     \
  "%%xmm3, %%xmm3\n\t"                                                                                                 \
  "vpxor %%xmm4, %%xmm4, %%xmm4\n\tvpxor %%xmm5, %%xmm5, %%xmm5\n\tvpxor %%xmm6, %%xmm6, %%xmm6\n\tvpxor %%xmm7, "     \
  "%%xmm7, %%xmm7\n\t"                                                                                                 \
  "vpxor %%xmm8, %%xmm8, %%xmm8\n\tvpxor %%xmm9, %%xmm9, %%xmm9\n\tvpxor %%xmm10, %%xmm10, %%xmm10\n\tvpxor %%xmm11, " \
  "%%xmm11, %%xmm11\n\t"

// `ones`: the 32-bit pattern of operands that are all one.
#define ISOFLOP_LOOP(name, op, r, add, move, Number, lanes, ones)                                                \
  double name(std::size_t iterations) {                                                                          \
    Number sums[lanes];                                                                                          \
    const std::uint32_t one = ones;                                                                              \
    asm volatile(ISOFLOP_CLEAR "vpbroadcastd (%2), %%" r "12\n\tvpbroadcastd (%2), %%" r                         \
                               "13\n\t"                                                                          \
                               "1:\n\t" ISOFLOP_TWELVE(op, r) "dec %0\n\tjnz 1b\n\t" ISOFLOP_ADD_UP(add, r) move \
                 " %%" r "0, (%1)\n\tvzeroupper"                                                                 \
                 : "+r"(iterations)                                                                              \
                 : "r"(sums), "r"(&one)                                                                          \
                 : ISOFLOP_CLOBBERS, "memory", "cc");                                                            \
    return total(sums, lanes);                                                                                   \
  }

ISOFLOP_LOOP(fma_loop_avx512, "vfmadd231ps", "zmm", "vaddps", "vmovups", float, 16, 0x3f800000u)
ISOFLOP_LOOP(bf16_loop_avx512, "vdpbf16ps", "zmm", "vaddps", "vmovups", float, 16, 0x3f803f80u)
ISOFLOP_LOOP(int8_loop_avx512, "vpdpbusd", "zmm", "vpaddd", "vmovups", std::int32_t, 16, 0x01010101u)
ISOFLOP_LOOP(fma_loop_avx2, "vfmadd231ps", "ymm", "vaddps", "vmovups", float, 8, 0x3f800000u)

double dependent_adds(std::size_t iterations) {
  std::size_t value = 0;
  asm volatile("1:\n\t.rept 32\n\tadd $1, %1\n\t.endr\n\tdec %0\n\tjnz 1b" : "+r"(iterations), "+r"(value) : : "cc");
  return static_cast<double>(value);
}

// Six products (ones stay ones) and six sums.
double fma_loop_scalar(std::size_t iterations) {
  float sums[4];
  const float one[4] = {1, 1, 1, 1};
  asm volatile(
      "movups (%2), %%xmm12\n\t"
      "movaps %%xmm12, %%xmm0\n\tmovaps %%xmm12, %%xmm1\n\tmovaps %%xmm12, %%xmm2\n\t"
      "movaps %%xmm12, %%xmm3\n\tmovaps %%xmm12, %%xmm4\n\tmovaps %%xmm12, %%xmm5\n\t"
      "xorps %%xmm6, %%xmm6\n\txorps %%xmm7, %%xmm7\n\txorps %%xmm8, %%xmm8\n\t"
      "xorps %%xmm9, %%xmm9\n\txorps %%xmm10, %%xmm10\n\txorps %%xmm11, %%xmm11\n\t"
      "1:\n\t"
      ".rept 2\n\t"
      "mulps %%xmm12, %%xmm0\n\taddps %%xmm12, %%xmm6\n\tmulps %%xmm12, %%xmm1\n\taddps %%xmm12, %%xmm7\n\t"
      "mulps %%xmm12, %%xmm2\n\taddps %%xmm12, %%xmm8\n\tmulps %%xmm12, %%xmm3\n\taddps %%xmm12, %%xmm9\n\t"
      "mulps %%xmm12, %%xmm4\n\taddps %%xmm12, %%xmm10\n\tmulps %%xmm12, %%xmm5\n\taddps %%xmm12, %%xmm11\n\t"
      ".endr\n\t"
      "dec %0\n\tjnz 1b\n\t"
      "addps %%xmm7, %%xmm6\n\taddps %%xmm8, %%xmm6\n\taddps %%xmm9, %%xmm6\n\taddps %%xmm10, %%xmm6\n\taddps %%xmm11, "
      "%%xmm6\n\t"
      "mulps %%xmm1, %%xmm0\n\tmulps %%xmm2, %%xmm0\n\tmulps %%xmm3, %%xmm0\n\tmulps %%xmm4, %%xmm0\n\tmulps %%xmm5, "
      "%%xmm0\n\t"
      "mulps %%xmm0, %%xmm6\n\tmovups %%xmm6, (%1)"
      : "+r"(iterations)
      : "r"(sums), "r"(one)
      : ISOFLOP_CLOBBERS, "memory", "cc");
  return total(sums, 4);
}

#define ISOFLOP_READ(name, op, r, step)                                                                       \
  unsigned name(const void* from, std::size_t bytes) {                                                        \
    std::uint32_t lanes[16] = {};                                                                             \
    std::size_t steps = bytes / (8 * step);                                                                   \
    if (steps == 0) return 0;                                                                                 \
    asm volatile(ISOFLOP_CLEAR                                                                                \
                 "1:\n\t" op " 0*" #step "(%1), %%" r "0, %%" r "0\n\t" op " 1*" #step "(%1), %%" r "1, %%" r \
                 "1\n\t" op " 2*" #step "(%1), %%" r "2, %%" r "2\n\t" op " 3*" #step "(%1), %%" r "3, %%" r  \
                 "3\n\t" op " 4*" #step "(%1), %%" r "4, %%" r "4\n\t" op " 5*" #step "(%1), %%" r "5, %%" r  \
                 "5\n\t" op " 6*" #step "(%1), %%" r "6, %%" r "6\n\t" op " 7*" #step "(%1), %%" r "7, %%" r  \
                 "7\n\t"                                                                                      \
                 "add $8*" #step ", %1\n\tdec %0\n\tjnz 1b\n\t" ISOFLOP_ADD_UP(op, r) "vmovups %%" r          \
                                                                                      "0, (%2)\n\tvzeroupper" \
                 : "+r"(steps), "+r"(from)                                                                    \
                 : "r"(lanes)                                                                                 \
                 : ISOFLOP_CLOBBERS, "memory", "cc");                                                         \
    unsigned all = 0;                                                                                         \
    for (const auto lane : lanes) all |= lane;                                                                \
    return all;                                                                                               \
  }

ISOFLOP_READ(read_loop_avx512, "vpord", "zmm", 64)
ISOFLOP_READ(read_loop_avx2, "vpor", "ymm", 32)

#else

double dependent_adds(std::size_t iterations) {
  volatile std::size_t value = 0;
  for (std::size_t i = 0; i < iterations * 32; ++i) value = value + 1;
  return static_cast<double>(value);
}

double fma_loop_scalar(std::size_t iterations) {
  float sums[12][4] = {};
  for (std::size_t i = 0; i < iterations; ++i)
    for (auto& lanes : sums)
      for (auto& sum : lanes) {
        sum = sum * 1.0f + 1.0f;
        asm volatile("" : "+m"(sum));
      }
  double all = 0;
  for (const auto& lanes : sums) all += total(lanes, 4);
  return all;
}

#endif

unsigned read_loop_scalar(const void* from, std::size_t bytes) {
  const auto* words = static_cast<const std::uint64_t*>(from);
  std::uint64_t parts[4] = {};
  for (std::size_t i = 0; i + 4 <= bytes / 8; i += 4) {
    for (std::size_t j = 0; j < 4; ++j) parts[j] |= words[i + j];
    asm volatile("" : "+r"(parts[0]), "+r"(parts[1]), "+r"(parts[2]), "+r"(parts[3]));
  }
  const std::uint64_t all = parts[0] | parts[1] | parts[2] | parts[3];
  return static_cast<unsigned>(all | all >> 32);
}

}  // namespace isoflop::sim
