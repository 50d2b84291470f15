// Number formats that hardware states a peak for.
#pragma once
#include <array>
#include <optional>
#include <string_view>

namespace isoflop {

enum class NumberFormat { Fp32, Bf16, Fp16, Fp8, Int8, Fp4 };

inline constexpr std::array<NumberFormat, 6> all_number_formats = {NumberFormat::Fp32, NumberFormat::Bf16,
                                                                   NumberFormat::Fp16, NumberFormat::Fp8,
                                                                   NumberFormat::Int8, NumberFormat::Fp4};

constexpr std::string_view name_of(NumberFormat format) {  ///< "bf16", as in tables and options.
  constexpr std::array<std::string_view, 6> names = {"fp32", "bf16", "fp16", "fp8", "int8", "fp4"};
  return names[static_cast<std::size_t>(format)];
}

constexpr double bytes_per_element(NumberFormat format) {  ///< Without scales.
  constexpr std::array<double, 6> bytes = {4, 2, 2, 1, 1, 0.5};
  return bytes[static_cast<std::size_t>(format)];
}

/// "bf16" and the like; nothing for other words.
constexpr std::optional<NumberFormat> number_format_named(std::string_view word) {
  for (NumberFormat format : all_number_formats)
    if (name_of(format) == word) return format;
  return std::nullopt;
}

}  // namespace isoflop
