#include "isoflop/sim/op/kernel_format.h"

#include <array>
#include <utility>

namespace isoflop::sim {

double weight_bytes_per_element(KernelFormat format) {
  switch (format) {
    case KernelFormat::Fp32: return 4;
    case KernelFormat::Bf16:
    case KernelFormat::Fp16: return 2;
    case KernelFormat::Fp8:
    case KernelFormat::Int8: return 1;
    case KernelFormat::Fp8Block: return 1 + 4.0 / (128 * 128);
    case KernelFormat::Nvfp4: return 0.5 + 1.0 / 16;
    case KernelFormat::Int4Weight: return 0.5 + 2.0 / 128;
  }
  return 2;
}

double activation_bytes_per_element(KernelFormat format) {
  if (format == KernelFormat::Int4Weight) return 2;
  return format == KernelFormat::Fp8Block ? 1 + 4.0 / 128 : weight_bytes_per_element(format);
}

bool quantises_activations(KernelFormat format) {
  return format == KernelFormat::Fp8 || format == KernelFormat::Fp8Block || format == KernelFormat::Nvfp4 ||
         format == KernelFormat::Int8;
}

NumberFormat arithmetic_of(KernelFormat format) {
  switch (format) {
    case KernelFormat::Fp32: return NumberFormat::Fp32;
    case KernelFormat::Bf16:
    case KernelFormat::Int4Weight: return NumberFormat::Bf16;
    case KernelFormat::Fp16: return NumberFormat::Fp16;
    case KernelFormat::Fp8:
    case KernelFormat::Fp8Block: return NumberFormat::Fp8;
    case KernelFormat::Nvfp4: return NumberFormat::Fp4;
    case KernelFormat::Int8: return NumberFormat::Int8;
  }
  return NumberFormat::Bf16;
}

namespace {
constexpr std::array<std::pair<std::string_view, KernelFormat>, 14> names = {{
    {"fp32", KernelFormat::Fp32},          {"bfloat16", KernelFormat::Bf16},     {"fp16", KernelFormat::Fp16},
    {"fp8", KernelFormat::Fp8},            {"fp8_block", KernelFormat::Fp8Block}, {"nvfp4", KernelFormat::Nvfp4},
    {"int8", KernelFormat::Int8},          {"int4_wo", KernelFormat::Int4Weight}, {"bf16", KernelFormat::Bf16},
    {"float16", KernelFormat::Fp16},       {"half", KernelFormat::Fp16},         {"float32", KernelFormat::Fp32},
    {"fp4", KernelFormat::Nvfp4},          {"int4", KernelFormat::Int4Weight},
}};
}  // namespace

std::optional<KernelFormat> kernel_format_named(std::string_view word) {
  for (const auto& [name, format] : names)
    if (name == word) return format;
  return std::nullopt;
}

std::string_view name_of(KernelFormat format) {
  for (const auto& [name, known] : names)
    if (known == format) return name;
  return "";
}

}  // namespace isoflop::sim
