// Products of stored weights with activations, one set per instruction set. Private to the kernel.
//
// Weights stand in panels of sixteen rows, side by side: a register holds the same place of all sixteen, an activation
// is repeated over its lanes, and no sum runs across lanes. A panel is read once, front to back.
#pragma once
#include <cstddef>
#include <cstdint>

namespace isoflop::sim {

inline constexpr std::size_t panel_rows = 16;

/// Activations of one row of inputs: fp32 weights and bf16 weights use `values`, integer weights the codes in groups of
/// 64 with a scale and a sum each.
struct PanelInput {
  const float* values;
  const std::int8_t* codes;
  const float* scales;
  const std::int32_t* sums;
};

/// y[16 i + r] = row r of the panel times x[i], i < count; n columns, a multiple of 64.
using PanelProduct = void (*)(std::size_t n, const std::uint8_t* panel, std::size_t count, const PanelInput* x,
                              float* y);

struct DotProducts {
  PanelProduct fp32;  ///< a column: 16 floats
  PanelProduct bf16;  ///< two columns: 16 pairs, the even column in the low half
  PanelProduct int8;  ///< a group: 16 fp32 scales, then 16 lines of 16 x 4 columns as bytes, value + 128
  PanelProduct int4;  ///< a group: 16 fp32 scales, then 8 lines of 16 x 8 columns: the low nibbles of four bytes are
                      ///< the first four columns, the high nibbles the last four, value + 8
  /// Groups of 64: codes to the nearest (ties to even) of x / scale, scale = largest magnitude / largest_code; their
  /// sums.
  void (*quantise)(std::size_t n, const float* x, float largest_code, std::int8_t* rounded, float* scales,
                   std::int32_t* sums);
};

DotProducts dot_products_portable();
DotProducts dot_products_avx2();    ///< the portable loops, compiled for AVX2
DotProducts dot_products_avx512();  ///< integer products need VNNI

}  // namespace isoflop::sim
