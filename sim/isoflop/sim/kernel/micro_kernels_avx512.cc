// Compiled with -mavx512f/bw/vl/dq and -mavx512bf16; called only where instruction_set() found them.
#include <immintrin.h>

#include "isoflop/sim/kernel/micro_kernels.h"

namespace isoflop::sim {
namespace {

constexpr std::size_t tile_rows = 14, tile_columns = 32;

__mmask16 lanes(std::size_t count) { return static_cast<__mmask16>(count >= 16 ? 0xffffu : (1u << count) - 1u); }

template <bool Bf16>
inline __m512 fused(__m512 sum, __m512 a, __m512 b) {
  if constexpr (Bf16)
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  else
    return _mm512_fmadd_ps(a, b, sum);
}

// Rows is a constant so that the 2 * Rows sums stay in registers.
template <int Rows, bool Bf16>
void tile(std::size_t depth, const float* a, const float* b, float* c, std::size_t c_stride, std::size_t columns,
          bool accumulate) {
  __m512 left[Rows], right[Rows];
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) left[r] = right[r] = _mm512_setzero_ps();
  for (std::size_t p = 0; p < depth; ++p) {
    const __m512 b0 = _mm512_loadu_ps(b), b1 = _mm512_loadu_ps(b + 16);
    __builtin_prefetch(b + 16 * 32);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const __m512 value = _mm512_set1_ps(a[r]);
      left[r] = fused<Bf16>(left[r], value, b0);
      right[r] = fused<Bf16>(right[r], value, b1);
    }
    a += tile_rows;
    b += tile_columns;
  }
  const __mmask16 m0 = lanes(columns), m1 = lanes(columns > 16 ? columns - 16 : 0);
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
    float* row = c + static_cast<std::size_t>(r) * c_stride;
    if (accumulate) {
      left[r] = _mm512_add_ps(left[r], _mm512_maskz_loadu_ps(m0, row));
      right[r] = _mm512_add_ps(right[r], _mm512_maskz_loadu_ps(m1, row + 16));
    }
    _mm512_mask_storeu_ps(row, m0, left[r]);
    _mm512_mask_storeu_ps(row + 16, m1, right[r]);
  }
}

template <bool Bf16>
void multiply(std::size_t depth, const void* panel_a, const void* panel_b, float* c, std::size_t c_stride,
              std::size_t rows, std::size_t columns, bool accumulate) {
  const auto* a = static_cast<const float*>(panel_a);
  const auto* b = static_cast<const float*>(panel_b);
  switch (rows) {
#define ISOFLOP_ROWS(R) \
  case R: return tile<R, Bf16>(depth, a, b, c, c_stride, columns, accumulate);
    ISOFLOP_ROWS(1) ISOFLOP_ROWS(2) ISOFLOP_ROWS(3) ISOFLOP_ROWS(4) ISOFLOP_ROWS(5) ISOFLOP_ROWS(6) ISOFLOP_ROWS(7)
    ISOFLOP_ROWS(8) ISOFLOP_ROWS(9) ISOFLOP_ROWS(10) ISOFLOP_ROWS(11) ISOFLOP_ROWS(12) ISOFLOP_ROWS(13) ISOFLOP_ROWS(14)
#undef ISOFLOP_ROWS
    default: return;
  }
}

// 16 x 16 transpose of 32-bit lanes, in place.
inline void transpose(__m512i (&x)[16]) {
  __m512i t[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 16; i += 4) {
    x[i] = _mm512_unpacklo_epi64(t[i], t[i + 2]);
    x[i + 1] = _mm512_unpackhi_epi64(t[i], t[i + 2]);
    x[i + 2] = _mm512_unpacklo_epi64(t[i + 1], t[i + 3]);
    x[i + 3] = _mm512_unpackhi_epi64(t[i + 1], t[i + 3]);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 4; ++i) {
    t[i] = _mm512_shuffle_i32x4(x[i], x[i + 4], 0x88);
    t[i + 4] = _mm512_shuffle_i32x4(x[i], x[i + 4], 0xdd);
    t[i + 8] = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0x88);
    t[i + 12] = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0xdd);
  }
#pragma GCC unroll 16
  for (int i = 0; i < 4; ++i) {
    x[i] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0x88);
    x[i + 8] = _mm512_shuffle_i32x4(t[i], t[i + 8], 0xdd);
    x[i + 4] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0x88);
    x[i + 12] = _mm512_shuffle_i32x4(t[i + 4], t[i + 12], 0xdd);
  }
}

inline __m512i rounded_fp32(__m512 x) {  // bf16-rounded values kept as fp32
  const __m512i bits = _mm512_castps_si512(x);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i up = _mm512_add_epi32(bits, _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff)));
  const __mmask16 nan = _mm512_cmp_ps_mask(x, x, _CMP_UNORD_Q);
  const __m512i kept = _mm512_mask_blend_epi32(nan, up, _mm512_or_si512(bits, _mm512_set1_epi32(0x400000)));
  return _mm512_and_si512(kept, _mm512_set1_epi32(static_cast<int>(0xffff0000u)));
}

enum class As { Fp32, RoundedFp32, Bf16Pairs };

template <As Form>
inline __m512i loaded(__mmask16 mask, const float* at) {
  const __m512 x = _mm512_maskz_loadu_ps(mask, at);
  if constexpr (Form == As::RoundedFp32) return rounded_fp32(x);
  return _mm512_castps_si512(x);
}

// Steps contiguous in memory: blocks of 16 lines x 16 elements through the transpose.
template <As Form>
void pack_lines(std::size_t depth, std::size_t count, std::size_t width, const float* source,
                std::ptrdiff_t line_stride, float* panel) {
  constexpr std::size_t step_k = Form == As::Bf16Pairs ? 2 : 1;
  const std::size_t steps = (depth + step_k - 1) / step_k;
  for (std::size_t first = 0; first < width; first += 16) {
    const std::size_t block_width = width - first < 16 ? width - first : 16;
    const std::size_t have = count > first ? (count - first < 16 ? count - first : 16) : 0;
    for (std::size_t s = 0; s < steps; s += 16) {
      __m512i x[16];
#pragma GCC unroll 16
      for (std::size_t l = 0; l < 16; ++l) {
        if (l >= have) {
          x[l] = _mm512_setzero_si512();
          continue;
        }
        const float* line = source + static_cast<std::ptrdiff_t>(first + l) * line_stride + s * step_k;
        if constexpr (Form == As::Bf16Pairs) {
          const std::size_t left = depth - s * 2;
          const __m512 low = _mm512_maskz_loadu_ps(lanes(left), line);
          const __m512 high = _mm512_maskz_loadu_ps(lanes(left > 16 ? left - 16 : 0), line + 16);
          x[l] = reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(high, low));
        } else {
          x[l] = loaded<Form>(lanes(depth - s), line);
        }
      }
      transpose(x);
      const std::size_t here = steps - s < 16 ? steps - s : 16;
      float* to = panel + s * width + first;
      for (std::size_t i = 0; i < here; ++i, to += width) _mm512_mask_storeu_epi32(to, lanes(block_width), x[i]);
    }
  }
}

// Lines contiguous in memory: whole steps are copied.
template <As Form>
void pack_steps(std::size_t depth, std::size_t count, std::size_t width, const float* source,
                std::ptrdiff_t step_stride, float* panel) {
  constexpr std::size_t step_k = Form == As::Bf16Pairs ? 2 : 1;
  for (std::size_t p = 0; p < depth; p += step_k, panel += width) {
    const float* step = source + static_cast<std::ptrdiff_t>(p) * step_stride;
    for (std::size_t first = 0; first < width; first += 16) {
      const std::size_t block_width = width - first < 16 ? width - first : 16;
      const __mmask16 mask = lanes(count > first ? count - first : 0);
      __m512i x;
      if constexpr (Form == As::Bf16Pairs) {
        const __m512 even = _mm512_maskz_loadu_ps(mask, step + first);
        const __m512 odd = p + 1 < depth
                               ? _mm512_maskz_loadu_ps(mask, step + step_stride + static_cast<std::ptrdiff_t>(first))
                               : _mm512_setzero_ps();
        const __m512i low = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(even)));
        const __m512i high = _mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(odd)));
        x = _mm512_or_si512(low, _mm512_slli_epi32(high, 16));
      } else {
        x = loaded<Form>(mask, step + first);
      }
      _mm512_mask_storeu_epi32(panel + first, lanes(block_width), x);
    }
  }
}

template <As Form>
void pack(std::size_t depth, std::size_t count, std::size_t width, const float* source, std::ptrdiff_t line_stride,
          std::ptrdiff_t step_stride, void* panel) {
  auto* to = static_cast<float*>(panel);
  if (step_stride == 1) pack_lines<Form>(depth, count, width, source, line_stride, to);
  else pack_steps<Form>(depth, count, width, source, step_stride, to);
}

}  // namespace

MicroKernelSet avx512_fp32() { return {tile_rows, tile_columns, 1, 4, multiply<false>, pack<As::Fp32>}; }
MicroKernelSet avx512_bf16_emulated() {
  return {tile_rows, tile_columns, 1, 4, multiply<false>, pack<As::RoundedFp32>};
}
MicroKernelSet avx512_bf16() { return {tile_rows, tile_columns, 2, 4, multiply<true>, pack<As::Bf16Pairs>}; }

}  // namespace isoflop::sim
