// Compiled with AVX-512 and VNNI; called only where both were found.
#include <immintrin.h>

#include "isoflop/sim/kernel/dot_products.h"

namespace isoflop::sim {
#include "isoflop/sim/kernel/dot_products.inc"

namespace {

// One group: 64 unsigned weights times 64 signed activations, offset taken out in lane 0, scaled into the sums.
inline __m512 group_sum(__m512 sums, __m512i w, const std::int8_t* x, std::int32_t correction, float scale) {
  const __m512i start = _mm512_maskz_set1_epi32(1, correction);
  const __m512i whole = _mm512_dpbusd_epi32(start, w, _mm512_loadu_si512(x));
  return _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), _mm512_set1_ps(scale), sums);
}

float vnni_int8(std::size_t n, const std::uint8_t* w, const float* w_scales, const std::int8_t* x, const float* x_scales,
                const std::int32_t* x_sums) {
  __m512 even = _mm512_setzero_ps(), odd = _mm512_setzero_ps();
  const std::size_t groups = n / 64;
  std::size_t g = 0;
  for (; g + 2 <= groups; g += 2) {
    even = group_sum(even, _mm512_loadu_si512(w + g * 64), x + g * 64, -128 * x_sums[g], w_scales[g] * x_scales[g]);
    odd = group_sum(odd, _mm512_loadu_si512(w + g * 64 + 64), x + g * 64 + 64, -128 * x_sums[g + 1], w_scales[g + 1] * x_scales[g + 1]);
  }
  if (g < groups) even = group_sum(even, _mm512_loadu_si512(w + g * 64), x + g * 64, -128 * x_sums[g], w_scales[g] * x_scales[g]);
  return _mm512_reduce_add_ps(_mm512_add_ps(even, odd));
}

inline __m512i nibbles(const std::uint8_t* w) {
  const __m256i packed = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w)), mask = _mm256_set1_epi8(15);
  const __m256i low = _mm256_and_si256(packed, mask), high = _mm256_and_si256(_mm256_srli_epi16(packed, 4), mask);
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

float vnni_int4(std::size_t n, const std::uint8_t* w, const float* w_scales, const std::int8_t* x, const float* x_scales,
                const std::int32_t* x_sums) {
  __m512 even = _mm512_setzero_ps(), odd = _mm512_setzero_ps();
  const std::size_t groups = n / 64;
  std::size_t g = 0;
  for (; g + 2 <= groups; g += 2) {
    even = group_sum(even, nibbles(w + g * 32), x + g * 64, -8 * x_sums[g], w_scales[g] * x_scales[g]);
    odd = group_sum(odd, nibbles(w + g * 32 + 32), x + g * 64 + 64, -8 * x_sums[g + 1], w_scales[g + 1] * x_scales[g + 1]);
  }
  if (g < groups) even = group_sum(even, nibbles(w + g * 32), x + g * 64, -8 * x_sums[g], w_scales[g] * x_scales[g]);
  return _mm512_reduce_add_ps(_mm512_add_ps(even, odd));
}

}  // namespace

DotProducts dot_products_avx512() { return {dot_fp32, dot_bf16, vnni_int8, vnni_int4}; }

}  // namespace isoflop::sim
