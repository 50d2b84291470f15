// Dot products of stored weights with activations, one set per instruction set. Private to the kernel.
#pragma once
#include <cstddef>
#include <cstdint>

namespace isoflop::sim {

/// n is a multiple of 64.
struct DotProducts {
  float (*fp32)(std::size_t n, const float* w, const float* x);
  /// x in blocks of 32: the 16 elements of even places, then those of odd places, as one shift and one mask unpack w.
  float (*bf16)(std::size_t n, const std::uint16_t* w, const float* x);
  /// w: bytes, value + 128. Sum over groups of w_scale * x_scale * (sum w x).
  float (*int8)(std::size_t n, const std::uint8_t* w, const float* w_scales, const std::int8_t* x,
                const float* x_scales, const std::int32_t* x_sums);
  /// w: 32 bytes a group; low nibbles are the first 32 weights, high nibbles the last; value + 8.
  float (*int4)(std::size_t n, const std::uint8_t* w, const float* w_scales, const std::int8_t* x,
                const float* x_scales, const std::int32_t* x_sums);
  /// Groups of 64: codes to the nearest (ties to even) of x / scale, scale = largest magnitude / largest_code; their
  /// sums.
  void (*quantise)(std::size_t n, const float* x, float largest_code, std::int8_t* rounded, float* scales,
                   std::int32_t* sums);
};

DotProducts dot_products_portable();
DotProducts dot_products_avx2();    ///< the portable loops, compiled for AVX2
DotProducts dot_products_avx512();  ///< integer products need VNNI

}  // namespace isoflop::sim
