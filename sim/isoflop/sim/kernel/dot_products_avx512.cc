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

float vnni_int8(std::size_t n, const std::uint8_t* w, const float* w_scales, const std::int8_t* x,
                const float* x_scales, const std::int32_t* x_sums) {
  __m512 even = _mm512_setzero_ps(), odd = _mm512_setzero_ps();
  const std::size_t groups = n / 64;
  std::size_t g = 0;
  for (; g + 2 <= groups; g += 2) {
    even = group_sum(even, _mm512_loadu_si512(w + g * 64), x + g * 64, -128 * x_sums[g], w_scales[g] * x_scales[g]);
    odd = group_sum(odd, _mm512_loadu_si512(w + g * 64 + 64), x + g * 64 + 64, -128 * x_sums[g + 1],
                    w_scales[g + 1] * x_scales[g + 1]);
  }
  if (g < groups)
    even = group_sum(even, _mm512_loadu_si512(w + g * 64), x + g * 64, -128 * x_sums[g], w_scales[g] * x_scales[g]);
  return _mm512_reduce_add_ps(_mm512_add_ps(even, odd));
}

// Loaded once: without this the compiler reads memory again for each use.
inline __m512i loaded(const void* from) {
  __m512i v = _mm512_loadu_si512(from);
  asm("" : "+v"(v));
  return v;
}

// 64 bytes of pairs: the even places after a shift, the odd ones under a mask.
float pairs_bf16(std::size_t n, const std::uint16_t* w, const float* x) {
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
  __m512 a = _mm512_setzero_ps(), b = a, c = a, d = a;
  for (std::size_t i = 0; i < n; i += 64) {
    const __m512i first = loaded(w + i), second = loaded(w + i + 32);
    a = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_slli_epi32(first, 16)), _mm512_loadu_ps(x + i), a);
    b = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_and_si512(first, upper)), _mm512_loadu_ps(x + i + 16), b);
    c = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_slli_epi32(second, 16)), _mm512_loadu_ps(x + i + 32), c);
    d = _mm512_fmadd_ps(_mm512_castsi512_ps(_mm512_and_si512(second, upper)), _mm512_loadu_ps(x + i + 48), d);
  }
  return _mm512_reduce_add_ps(_mm512_add_ps(_mm512_add_ps(a, b), _mm512_add_ps(c, d)));
}

// Two groups at a time: 64 bytes hold the first halves of both in their low nibbles and the last halves in their high
// ones, so that lanes 0-7 of the product belong to one group and lanes 8-15 to the next.
inline __m512i two_groups(const std::uint8_t* w, const std::int8_t* x) {
  const __m512i packed = loaded(w), mask = _mm512_set1_epi8(15);
  const __m512i low = _mm512_and_si512(packed, mask), high = _mm512_and_si512(_mm512_srli_epi16(packed, 4), mask);
  const __m512i first = loaded(x), second = loaded(x + 64);
  const __m512i x_low = _mm512_shuffle_i64x2(first, second, 0x44), x_high = _mm512_shuffle_i64x2(first, second, 0xee);
  return _mm512_dpbusd_epi32(_mm512_dpbusd_epi32(_mm512_setzero_si512(), low, x_low), high, x_high);
}

inline __m512i one_group(const std::uint8_t* w, const std::int8_t* x) {
  const __m256i packed = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w)), mask = _mm256_set1_epi8(15);
  const __m256i low = _mm256_and_si256(packed, mask), high = _mm256_and_si256(_mm256_srli_epi16(packed, 4), mask);
  return _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1),
                             _mm512_loadu_si512(x));
}

// Unpacking fills the window in which the processor looks ahead for loads; asking for lines a page ahead makes up for
// it.
constexpr std::ptrdiff_t ahead = 4096;

// The offset of 8 comes off at the end: sum of scales times 8 x_sum, sixteen groups at a time.
float vnni_int4(std::size_t n, const std::uint8_t* w, const float* w_scales, const std::int8_t* x,
                const float* x_scales, const std::int32_t* x_sums) {
  const std::size_t groups = n / 64;
  __m512 even = _mm512_setzero_ps(), odd = even, offsets = even;
  const __m512i halves = _mm512_set_epi32(1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0), two = _mm512_set1_epi32(2);
  std::size_t g = 0;
  for (; g + 16 <= groups; g += 16) {
    const __m512 scales = _mm512_mul_ps(_mm512_loadu_ps(w_scales + g), _mm512_loadu_ps(x_scales + g));
    offsets = _mm512_fmadd_ps(scales, _mm512_cvtepi32_ps(_mm512_loadu_si512(x_sums + g)), offsets);
    __m512i which = halves;
    for (std::size_t j = g; j < g + 16; j += 4) {
      const std::uint8_t* here = w + j * 32;
      _mm_prefetch(reinterpret_cast<const char*>(here) + ahead, _MM_HINT_T0);
      _mm_prefetch(reinterpret_cast<const char*>(here) + ahead + 64, _MM_HINT_T0);
      even =
          _mm512_fmadd_ps(_mm512_cvtepi32_ps(two_groups(here, x + j * 64)), _mm512_permutexvar_ps(which, scales), even);
      which = _mm512_add_epi32(which, two);
      odd = _mm512_fmadd_ps(_mm512_cvtepi32_ps(two_groups(here + 64, x + j * 64 + 128)),
                            _mm512_permutexvar_ps(which, scales), odd);
      which = _mm512_add_epi32(which, two);
    }
  }
  float rest = 0;
  for (; g < groups; ++g) {
    const float scale = w_scales[g] * x_scales[g];
    even = _mm512_fmadd_ps(_mm512_cvtepi32_ps(one_group(w + g * 32, x + g * 64)), _mm512_set1_ps(scale), even);
    rest += scale * static_cast<float>(x_sums[g]);
  }
  return _mm512_reduce_add_ps(_mm512_fnmadd_ps(_mm512_set1_ps(8), offsets, _mm512_add_ps(even, odd))) - 8 * rest;
}

}  // namespace

DotProducts dot_products_avx512() { return {dot_fp32, pairs_bf16, vnni_int8, vnni_int4, quantise_groups}; }

}  // namespace isoflop::sim
