// Bytes and arithmetic of each kernel format. Scales: fp8_block has one fp32 scale per 128 x 128 weights (DeepSeek-V3,
// arXiv:2412.19437, section 3.3), nvfp4 one fp8 scale per 16 elements (0.5625 bytes), int4 weights one fp16 scale per
// group of 128 (0.516 bytes).
#pragma once
#include <optional>
#include <string_view>

#include "isoflop/hardware/number_format.h"
#include "isoflop/sim/op/shapes.h"

namespace isoflop::sim {

double weight_bytes_per_element(KernelFormat format);  ///< As stored, scales included.
/// The same of a call that may store its weights smaller than its kernel's format does.
template <class Shape>
double weight_bytes_of(const Shape& shape) {
  return shape.stored_weight_bytes > 0 ? shape.stored_weight_bytes : weight_bytes_per_element(shape.format);
}
/// As the matrix unit reads them, after quantisation.
double activation_bytes_per_element(KernelFormat format);
/// Whether 16-bit activations are first quantised by a pass of their own.
bool quantises_activations(KernelFormat format);
/// Whose peak limits the arithmetic. Weight-only formats compute in 16 bits.
NumberFormat arithmetic_of(KernelFormat format);

/// "bfloat16", "fp16", "fp8", "fp8_block", "nvfp4", "int4_wo" as the tables write them, and their common synonyms.
std::optional<KernelFormat> kernel_format_named(std::string_view word);
std::string_view name_of(KernelFormat format);

}  // namespace isoflop::sim
