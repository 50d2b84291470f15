// Compiled with AVX-512 and VNNI; called only where both were found.
#include <immintrin.h>

#include "isoflop/sim/kernel/dot_products.h"

namespace isoflop::sim {
#include "isoflop/sim/kernel/dot_products.inc"

namespace {

// Loops are unrolled over several cache lines: with a load instruction of its own for each line the processor kept
// reading ahead at the speed of memory; with two for all lines it reached 0.6 to 0.75 of it (Zen 4). Explicit
// prefetches made it worse.

// Loaded once: without this the compiler reads memory again for each use.
inline __m512i loaded(const void* from) {
  __m512i v = _mm512_loadu_si512(from);
  asm("" : "+v"(v));
  return v;
}

inline __m512i four_bytes(const std::int8_t* from) {
  int bytes;
  __builtin_memcpy(&bytes, from, 4);
  return _mm512_set1_epi32(bytes);
}

inline __m512 total(const __m512 (&sums)[4]) {
  return _mm512_add_ps(_mm512_add_ps(sums[0], sums[1]), _mm512_add_ps(sums[2], sums[3]));
}

// `X` rows of inputs share each line of weights. A row's sums run in the same order for any X.
template <std::size_t X>
void fp32_panel(std::size_t n, const std::uint8_t* panel, const PanelInput* x, float* y) {
  __m512 sums[X][4] = {};
  for (std::size_t k = 0; k < n; k += 4) {
#pragma GCC unroll 4
    for (std::size_t j = 0; j < 4; ++j) {
      const __m512 w = _mm512_loadu_ps(panel + 64 * (k + j));
#pragma GCC unroll 4
      for (std::size_t i = 0; i < X; ++i)
        sums[i][j] = _mm512_fmadd_ps(w, _mm512_set1_ps(x[i].values[k + j]), sums[i][j]);
    }
  }
  for (std::size_t i = 0; i < X; ++i) _mm512_storeu_ps(y + panel_rows * i, total(sums[i]));
}

template <std::size_t X>
void bf16_panel(std::size_t n, const std::uint8_t* panel, const PanelInput* x, float* y) {
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xffff0000u));
  __m512 sums[X][4] = {};
  for (std::size_t k = 0; k < n; k += 16) {
#pragma GCC unroll 8
    for (std::size_t j = 0; j < 16; j += 2) {
      const __m512i pairs = loaded(panel + 32 * (k + j));
      const __m512 even = _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16));
      const __m512 odd = _mm512_castsi512_ps(_mm512_and_si512(pairs, upper));
#pragma GCC unroll 4
      for (std::size_t i = 0; i < X; ++i) {
        __m512 &first = sums[i][j % 4], &second = sums[i][j % 4 + 1];
        first = _mm512_fmadd_ps(even, _mm512_set1_ps(x[i].values[k + j]), first);
        second = _mm512_fmadd_ps(odd, _mm512_set1_ps(x[i].values[k + j + 1]), second);
      }
    }
  }
  for (std::size_t i = 0; i < X; ++i) _mm512_storeu_ps(y + panel_rows * i, total(sums[i]));
}

// A group's products are whole numbers; the offset of the codes is taken out before they are scaled.
inline __m512 scaled(const __m512i (&whole)[4], __m512 scales, float x_scale, __m512 sum) {
  const __m512i all = _mm512_add_epi32(_mm512_add_epi32(whole[0], whole[1]), _mm512_add_epi32(whole[2], whole[3]));
  return _mm512_fmadd_ps(_mm512_cvtepi32_ps(all), _mm512_mul_ps(scales, _mm512_set1_ps(x_scale)), sum);
}

template <std::size_t X>
void int8_panel(std::size_t n, const std::uint8_t* panel, const PanelInput* x, float* y) {
  __m512 sums[X] = {};
  for (std::size_t g = 0; g < n / 64; ++g, panel += 64 * 17) {
    __m512i whole[X][4] = {};
    for (std::size_t i = 0; i < X; ++i) whole[i][0] = _mm512_set1_epi32(-128 * x[i].sums[g]);
#pragma GCC unroll 16
    for (std::size_t l = 0; l < 16; ++l) {
      const __m512i w = loaded(panel + 64 + 64 * l);
#pragma GCC unroll 4
      for (std::size_t i = 0; i < X; ++i)
        whole[i][l % 4] = _mm512_dpbusd_epi32(whole[i][l % 4], w, four_bytes(x[i].codes + 64 * g + 4 * l));
    }
    const __m512 scales = _mm512_loadu_ps(panel);
    for (std::size_t i = 0; i < X; ++i) sums[i] = scaled(whole[i], scales, x[i].scales[g], sums[i]);
  }
  for (std::size_t i = 0; i < X; ++i) _mm512_storeu_ps(y + panel_rows * i, sums[i]);
}

template <std::size_t X>
void int4_panel(std::size_t n, const std::uint8_t* panel, const PanelInput* x, float* y) {
  const __m512i mask = _mm512_set1_epi8(15);
  __m512 sums[X] = {};
  for (std::size_t g = 0; g < n / 64; ++g, panel += 64 * 9) {
    __m512i whole[X][4] = {};
    for (std::size_t i = 0; i < X; ++i) whole[i][0] = _mm512_set1_epi32(-8 * x[i].sums[g]);
#pragma GCC unroll 8
    for (std::size_t l = 0; l < 8; ++l) {
      const __m512i packed = loaded(panel + 64 + 64 * l);
      const __m512i low = _mm512_and_si512(packed, mask), high = _mm512_and_si512(_mm512_srli_epi16(packed, 4), mask);
#pragma GCC unroll 4
      for (std::size_t i = 0; i < X; ++i) {
        __m512i &first = whole[i][2 * l % 4], &second = whole[i][2 * l % 4 + 1];
        first = _mm512_dpbusd_epi32(first, low, four_bytes(x[i].codes + 64 * g + 8 * l));
        second = _mm512_dpbusd_epi32(second, high, four_bytes(x[i].codes + 64 * g + 8 * l + 4));
      }
    }
    const __m512 scales = _mm512_loadu_ps(panel);
    for (std::size_t i = 0; i < X; ++i) sums[i] = scaled(whole[i], scales, x[i].scales[g], sums[i]);
  }
  for (std::size_t i = 0; i < X; ++i) _mm512_storeu_ps(y + panel_rows * i, sums[i]);
}

using Rows = void (*)(std::size_t, const std::uint8_t*, const PanelInput*, float*);

template <Rows One, Rows Two, Rows Four>
void panel(std::size_t n, const std::uint8_t* weights, std::size_t count, const PanelInput* x, float* y) {
  for (; count >= 4; count -= 4, x += 4, y += 4 * panel_rows) Four(n, weights, x, y);
  if (count >= 2) {
    Two(n, weights, x, y);
    count -= 2, x += 2, y += 2 * panel_rows;
  }
  if (count == 1) One(n, weights, x, y);
}

}  // namespace

DotProducts dot_products_avx512() {
  return {panel<fp32_panel<1>, fp32_panel<2>, fp32_panel<4>>, panel<bf16_panel<1>, bf16_panel<2>, bf16_panel<4>>,
          panel<int8_panel<1>, int8_panel<2>, int8_panel<4>>, panel<int4_panel<1>, int4_panel<2>, int4_panel<4>>,
          quantise_groups};
}

}  // namespace isoflop::sim
