// The inner loops of the matrix product, one set per instruction set. Private to the kernel: the files that implement
// them are compiled for their instruction set and must not use library templates, which other files could share.
#pragma once
#include <cstddef>
#include <cstdint>

namespace isoflop::sim {

/// A tile: c (rows, columns <= tile_columns) += or = panel_a * panel_b over `depth` steps.
/// panel_a: depth x a_width, panel_b: depth x tile_columns, both step-major and padded with zeros.
/// For bf16 a step is a pair of k and an element a pair of bf16.
using MicroKernel = void (*)(std::size_t depth, const void* panel_a, const void* panel_b, float* c,
                             std::size_t c_stride, std::size_t rows, std::size_t columns, bool accumulate);
/// Copies `count` lines (rows of A or columns of B) of `depth` k-steps into one panel of `width` lines, zero padded.
/// Line l, step p is at source[l * line_stride + p * step_stride].
using PackPanel = void (*)(std::size_t depth, std::size_t count, std::size_t width, const float* source,
                           std::ptrdiff_t line_stride, std::ptrdiff_t step_stride, void* panel);

struct MicroKernelSet {
  std::size_t tile_rows, tile_columns;
  std::size_t a_width;        ///< lines of a panel of A: tile_rows, or more to keep steps apart by whole registers
  std::size_t step_k;         ///< k per step: 1 for fp32, 2 for bf16 pairs
  std::size_t element_bytes;  ///< of one line and step in a panel: 4
  MicroKernel multiply;
  PackPanel pack;
};

MicroKernelSet scalar_fp32();
MicroKernelSet scalar_bf16();
MicroKernelSet avx2_fp32();
MicroKernelSet avx2_bf16();
MicroKernelSet avx512_fp32();
MicroKernelSet avx512_bf16_emulated();
MicroKernelSet avx512_bf16();

/// Round to nearest even, as the hardware does for normal numbers; NaN stays NaN.
inline std::uint16_t to_bf16(float value) {
  std::uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

inline float from_bf16(std::uint16_t value) {
  const std::uint32_t bits = static_cast<std::uint32_t>(value) << 16;
  float result;
  __builtin_memcpy(&result, &bits, 4);
  return result;
}

}  // namespace isoflop::sim
