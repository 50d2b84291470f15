// Compiled with -mavx512f/bw/vl/dq and -mavx512bf16; called only where instruction_set() found them.
#include <immintrin.h>

#include "isoflop/sim/kernel/micro_kernels.h"

namespace isoflop::sim {
namespace {

// Panels of A are as wide as a register, not as a tile: a step of them is then one cache line.
constexpr std::size_t tile_rows = 14, tile_columns = 32, a_width = 16;

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
  const auto step = [&] {
    const __m512 b0 = _mm512_loadu_ps(b), b1 = _mm512_loadu_ps(b + 16);
    __builtin_prefetch(b + 16 * 32);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const __m512 value = _mm512_set1_ps(a[r]);
      left[r] = fused<Bf16>(left[r], value, b0);
      right[r] = fused<Bf16>(right[r], value, b1);
    }
    a += a_width;
    b += tile_columns;
  };
  // The tile of c is asked for row by row while the first steps run, to be there when the sums are.
  const std::size_t first = depth < Rows ? depth : Rows;
  for (std::size_t p = 0; p < first; ++p) {
    const char* row = reinterpret_cast<const char*>(c + p * c_stride);
    __builtin_prefetch(row, 1);
    __builtin_prefetch(row + 64, 1);
    step();
  }
  for (std::size_t p = first; p < depth; ++p) step();
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
constexpr std::size_t step_k = Form == As::Bf16Pairs ? 2 : 1;

// Sixteen steps of one line whose elements are neighbours: all of them, or the first `left` elements.
template <As Form>
inline __m512i line_steps(const float* line) {
  const __m512 first = _mm512_loadu_ps(line);
  if constexpr (Form == As::Bf16Pairs)
    return reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(_mm512_loadu_ps(line + 16), first));
  else
    return Form == As::RoundedFp32 ? rounded_fp32(first) : _mm512_castps_si512(first);
}

template <As Form>
inline __m512i line_steps(const float* line, std::size_t left) {
  const __m512 first = _mm512_maskz_loadu_ps(lanes(left), line);
  if constexpr (Form == As::Bf16Pairs)
    return reinterpret_cast<__m512i>(
        _mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(lanes(left > 16 ? left - 16 : 0), line + 16), first));
  else
    return Form == As::RoundedFp32 ? rounded_fp32(first) : _mm512_castps_si512(first);
}

// Steps contiguous in memory: blocks of 16 lines x 16 steps through the transpose. `Lines` of the 16 exist.
template <As Form, std::size_t Lines>
void pack_lines(std::size_t depth, std::size_t width, const float* source, std::ptrdiff_t line_stride, float* to) {
  constexpr std::size_t block = 16 * step_k<Form>;
  for (std::size_t p = 0; p < depth; p += block) {
    __m512i x[16];
    const std::size_t left = depth - p;
    if (left >= block) {
#pragma GCC unroll 16
      for (std::size_t l = 0; l < 16; ++l)
        x[l] = l < Lines ? line_steps<Form>(source + static_cast<std::ptrdiff_t>(l) * line_stride + p)
                         : _mm512_setzero_si512();
    } else {
#pragma GCC unroll 16
      for (std::size_t l = 0; l < 16; ++l)
        x[l] = l < Lines ? line_steps<Form>(source + static_cast<std::ptrdiff_t>(l) * line_stride + p, left)
                         : _mm512_setzero_si512();
    }
    transpose(x);
    if (left >= block) {
#pragma GCC unroll 16
      for (std::size_t i = 0; i < 16; ++i, to += width) _mm512_storeu_si512(to, x[i]);
    } else {
      for (std::size_t i = 0; i * step_k<Form> < left; ++i, to += width) _mm512_storeu_si512(to, x[i]);
    }
  }
}

// One step of sixteen lines that are neighbours in memory; `odd` is the second k of a pair, or null.
template <As Form, bool Whole>
inline __m512i step_lines(const float* even, const float* odd, [[maybe_unused]] __mmask16 mask) {
  const auto read = [&](const float* at) { return Whole ? _mm512_loadu_ps(at) : _mm512_maskz_loadu_ps(mask, at); };
  const __m512 first = read(even);
  if constexpr (Form == As::Bf16Pairs) {
    // 0, 16, 1, 17, ...: the two rounded rows side by side, taken in turn.
    alignas(64) static constexpr std::uint16_t in_turn[32] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                                              21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                                              11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
    const __m512 second = odd ? read(odd) : _mm512_setzero_ps();
    return _mm512_permutexvar_epi16(_mm512_load_si512(in_turn),
                                    reinterpret_cast<__m512i>(_mm512_cvtne2ps_pbh(second, first)));
  } else {
    return Form == As::RoundedFp32 ? rounded_fp32(first) : _mm512_castps_si512(first);
  }
}

// Lines contiguous in memory: whole steps are copied, `Blocks` times sixteen lines each.
template <As Form, std::size_t Blocks, bool Whole>
void pack_steps(std::size_t depth, std::size_t count, const float* source, std::ptrdiff_t step_stride, float* panel) {
  for (std::size_t p = 0; p < depth; p += step_k<Form>, panel += 16 * Blocks) {
    const float* even = source + static_cast<std::ptrdiff_t>(p) * step_stride;
    const float* odd = step_k<Form> == 2 && p + 1 < depth ? even + step_stride : nullptr;
#pragma GCC unroll 2
    for (std::size_t b = 0; b < Blocks; ++b) {
      const __mmask16 mask = lanes(count > 16 * b ? count - 16 * b : 0);
      _mm512_storeu_si512(panel + 16 * b, step_lines<Form, Whole>(even + 16 * b, odd ? odd + 16 * b : nullptr, mask));
    }
  }
}

// `width` is that of a panel of A or of B: one register or two.
template <As Form>
void pack(std::size_t depth, std::size_t count, std::size_t width, const float* source, std::ptrdiff_t line_stride,
          std::ptrdiff_t step_stride, void* panel) {
  auto* to = static_cast<float*>(panel);
  if (step_stride != 1) {
    if (width == a_width) return pack_steps<Form, 1, false>(depth, count, source, step_stride, to);
    if (count == width) return pack_steps<Form, 2, true>(depth, count, source, step_stride, to);
    return pack_steps<Form, 2, false>(depth, count, source, step_stride, to);
  }
  using Lines = void (*)(std::size_t, std::size_t, const float*, std::ptrdiff_t, float*);
#define ISOFLOP_LINES(N) pack_lines<Form, N>
  static constexpr Lines of_lines[] = {
      ISOFLOP_LINES(0),  ISOFLOP_LINES(1),  ISOFLOP_LINES(2),  ISOFLOP_LINES(3),  ISOFLOP_LINES(4),  ISOFLOP_LINES(5),
      ISOFLOP_LINES(6),  ISOFLOP_LINES(7),  ISOFLOP_LINES(8),  ISOFLOP_LINES(9),  ISOFLOP_LINES(10), ISOFLOP_LINES(11),
      ISOFLOP_LINES(12), ISOFLOP_LINES(13), ISOFLOP_LINES(14), ISOFLOP_LINES(15), ISOFLOP_LINES(16)};
#undef ISOFLOP_LINES
  for (std::size_t first = 0; first < width; first += 16) {
    const std::size_t have = count > first ? (count - first < 16 ? count - first : 16) : 0;
    of_lines[have](depth, width, source + static_cast<std::ptrdiff_t>(first) * line_stride, line_stride, to + first);
  }
}

}  // namespace

MicroKernelSet avx512_fp32() { return {tile_rows, tile_columns, a_width, 1, 4, multiply<false>, pack<As::Fp32>}; }
MicroKernelSet avx512_bf16_emulated() {
  return {tile_rows, tile_columns, a_width, 1, 4, multiply<false>, pack<As::RoundedFp32>};
}
MicroKernelSet avx512_bf16() {
  return {tile_rows, tile_columns, a_width, 2, 4, multiply<true>, pack<As::Bf16Pairs>};
}

}  // namespace isoflop::sim
