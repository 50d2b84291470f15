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

// Two groups at a time: 64 bytes hold the first halves of both in their low nibbles and the last halves in their high
// ones, so that lanes 0-7 of the product belong to one group and lanes 8-15 to the next.
inline __m512i two_groups(const std::uint8_t* w, const std::int8_t* x) {
  const __m512i packed = _mm512_loadu_si512(w), mask = _mm512_set1_epi8(15);
  const __m512i low = _mm512_and_si512(packed, mask), high = _mm512_and_si512(_mm512_srli_epi16(packed, 4), mask);
  const __m512i first = _mm512_loadu_si512(x), second = _mm512_loadu_si512(x + 64);
  const __m512i x_low = _mm512_shuffle_i64x2(first, second, 0x44), x_high = _mm512_shuffle_i64x2(first, second, 0xee);
  return _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(_mm512_setzero_si512(), low, x_low), high, x_high);
}

// The offset of 8 comes off at the end: sum of scales times 8 x_sum, sixteen groups at a time.
float vnni_int4(std::size_t n, const std::uint8_t* w, const float* w_scales, const std::int8_t* x, const float* x_scales,
                const std::int32_t* x_sums) {
  const std::size_t groups = n / 64;
  __m512 sums[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()}, offsets = _mm512_setzero_ps();
  const __m512i halves = _mm512_set_epi32(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0);
  for (std::size_t g = 0; g < groups; g += 16) {
    const std::size_t here = groups - g < 16 ? groups - g : 16;
    const auto mask = static_cast<__mmask16>((1u << here) - 1);
    const __m512 scales = _mm512_mul_ps(_mm512_maskz_loadu_ps(mask, w_scales + g), _mm512_maskz_loadu_ps(mask, x_scales + g));
    offsets = _mm512_fmadd_ps(scales, _mm512_cvtepi32_ps(_mm512_maskz_loadu_epi32(mask, x_sums + g)), offsets);
    std::size_t j = 0;
    for (; j + 2 <= here; j += 2) {
      const __m512i which = _mm512_add_epi32(halves, _mm512_set1_epi32(static_cast<int>(j)));
      const __m512i whole = two_groups(w + (g + j) * 32, x + (g + j) * 64);
      sums[j / 2 % 2] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), _mm512_permutexvar_ps(which, scales), sums[j / 2 % 2]);
    }
    if (j < here) {
      const __m256i packed = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w + (g + j) * 32)), low_bits = _mm256_set1_epi8(15);
      const __m256i low = _mm256_and_si256(packed, low_bits), high = _mm256_and_si256(_mm256_srli_epi16(packed, 4), low_bits);
      const __m512i both = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
      const __m512i whole = _mm512_dpbusd_epi32(_mm512_setzero_si512(), both, _mm512_loadu_si512(x + (g + j) * 64));
      sums[0] = _mm512_fmadd_ps(_mm512_cvtepi32_ps(whole), _mm512_set1_ps(w_scales[g + j] * x_scales[g + j]), sums[0]);
    }
  }
  return _mm512_reduce_add_ps(_mm512_fnmadd_ps(_mm512_set1_ps(8), offsets, _mm512_add_ps(sums[0], sums[1])));
}

}  // namespace

DotProducts dot_products_avx512() { return {dot_fp32, dot_bf16, vnni_int8, vnni_int4, quantise_groups}; }

}  // namespace isoflop::sim
