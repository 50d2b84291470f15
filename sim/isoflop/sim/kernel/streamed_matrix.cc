#include "isoflop/sim/kernel/streamed_matrix.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "isoflop/sim/kernel/dot_products.h"
#include "isoflop/sim/kernel/matrix_product.h"
#include "isoflop/sim/kernel/micro_kernels.h"

namespace isoflop::sim {
namespace {

DotProducts chosen_products() {
#if defined(__x86_64__)
  if (instruction_set() >= InstructionSet::Avx512 && __builtin_cpu_supports("avx512vnni")) return dot_products_avx512();
  if (instruction_set() >= InstructionSet::Avx2) return dot_products_avx2();
#endif
  return dot_products_portable();
}

const DotProducts& products() {
  static const DotProducts chosen = chosen_products();
  return chosen;
}

bool is_integer(WeightFormat format) { return format == WeightFormat::Int8 || format == WeightFormat::Int4; }

std::size_t row_bytes(WeightFormat format, std::size_t padded) {
  switch (format) {
    case WeightFormat::Fp32: return padded * 4;
    case WeightFormat::Bf16: return padded * 2;
    case WeightFormat::Int8: return padded;
    case WeightFormat::Int4: return padded / 2;
  }
  return 0;
}

}  // namespace

std::string weight_format_name(WeightFormat format) {
  switch (format) {
    case WeightFormat::Fp32: return "fp32";
    case WeightFormat::Bf16: return "bf16";
    case WeightFormat::Int8: return "int8";
    case WeightFormat::Int4: return "int4";
  }
  return "";
}

void StreamedInput::prepare(const float* x, std::size_t columns, WeightFormat format) {
  const std::size_t whole = (columns + quantisation_group - 1) / quantisation_group * quantisation_group;
  values = x;
  if (whole != columns || is_integer(format)) {
    padded.assign(whole, 0.0f);
    std::copy_n(x, columns, padded.data());
    values = padded.data();
  }
  if (format == WeightFormat::Bf16) {
    // Even places, then odd ones, of every 32: how the product unpacks pairs.
    shuffled.resize(whole);
    for (std::size_t i = 0; i < whole; i += 32)
      for (std::size_t j = 0; j < 16; ++j) {
        shuffled[i + j] = values[i + 2 * j];
        shuffled[i + 16 + j] = values[i + 2 * j + 1];
      }
    values = shuffled.data();
  }
  if (!is_integer(format)) return;
  const std::size_t groups = whole / quantisation_group;
  rounded.resize(whole);
  scales.resize(groups);
  sums.resize(groups);
  products().quantise(whole, padded.data(), 127, rounded.data(), scales.data(), sums.data());
}

StreamedMatrix::StreamedMatrix(std::size_t rows, std::size_t columns, const float* w, WeightFormat format)
    : rows_(rows),
      columns_(columns),
      padded_((columns + quantisation_group - 1) / quantisation_group * quantisation_group),
      format_(format),
      values_(rows * row_bytes(format, padded_)) {
  const std::size_t groups = padded_ / quantisation_group;
  if (is_integer(format)) scales_.resize(rows * groups);
  std::vector<float> row(padded_, 0.0f);
  std::vector<std::int8_t> codes(padded_);
  std::vector<std::int32_t> sums(groups);
  for (std::size_t r = 0; r < rows; ++r) {
    std::copy_n(w + r * columns, columns, row.data());
    std::byte* to = values_.data() + r * row_bytes(format, padded_);
    if (format == WeightFormat::Fp32) {
      std::memcpy(to, row.data(), padded_ * sizeof(float));
    } else if (format == WeightFormat::Bf16) {
      for (std::size_t c = 0; c < padded_; ++c) {
        const std::uint16_t half = to_bf16(row[c]);
        std::memcpy(to + 2 * c, &half, 2);
      }
    } else {
      products().quantise(padded_, row.data(), format == WeightFormat::Int8 ? 127 : 7, codes.data(),
                          scales_.data() + r * groups, sums.data());
      if (format == WeightFormat::Int8) {
        for (std::size_t c = 0; c < padded_; ++c) to[c] = static_cast<std::byte>(codes[c] + 128);
      } else {
        for (std::size_t g = 0; g < groups; ++g)
          for (std::size_t i = 0; i < 32; ++i)
            to[g * 32 + i] = static_cast<std::byte>((codes[g * 64 + i] + 8) | (codes[g * 64 + 32 + i] + 8) << 4);
      }
    }
  }
}

void StreamedMatrix::multiply(const StreamedInput& x, std::size_t first, std::size_t last, float* y) const {
  const DotProducts& dot = products();
  const std::size_t stride = row_bytes(format_, padded_), groups = padded_ / quantisation_group;
  for (std::size_t r = first; r < last; ++r) {
    const std::byte* row = values_.data() + r * stride;
    const float* scales = scales_.empty() ? nullptr : scales_.data() + r * groups;
    switch (format_) {
      case WeightFormat::Fp32: y[r] = dot.fp32(padded_, reinterpret_cast<const float*>(row), x.values); break;
      case WeightFormat::Bf16: y[r] = dot.bf16(padded_, reinterpret_cast<const std::uint16_t*>(row), x.values); break;
      case WeightFormat::Int8:
        y[r] = dot.int8(padded_, reinterpret_cast<const std::uint8_t*>(row), scales, x.rounded.data(), x.scales.data(),
                        x.sums.data());
        break;
      case WeightFormat::Int4:
        y[r] = dot.int4(padded_, reinterpret_cast<const std::uint8_t*>(row), scales, x.rounded.data(), x.scales.data(),
                        x.sums.data());
        break;
    }
  }
}

std::vector<float> StreamedMatrix::restored() const {
  std::vector<float> w(rows_ * columns_);
  const std::size_t stride = row_bytes(format_, padded_), groups = padded_ / quantisation_group;
  for (std::size_t r = 0; r < rows_; ++r)
    for (std::size_t c = 0; c < columns_; ++c) {
      const std::byte* row = values_.data() + r * stride;
      float& to = w[r * columns_ + c];
      if (format_ == WeightFormat::Fp32) {
        std::memcpy(&to, row + 4 * c, 4);
      } else if (format_ == WeightFormat::Bf16) {
        std::uint16_t half;
        std::memcpy(&half, row + 2 * c, 2);
        to = from_bf16(half);
      } else {
        const std::size_t g = c / 64, i = c % 64;
        int q = 0;
        if (format_ == WeightFormat::Int8) q = static_cast<int>(row[c]) - 128;
        else q = (static_cast<int>(row[g * 32 + i % 32]) >> (i < 32 ? 0 : 4) & 15) - 8;
        to = scales_[r * groups + g] * static_cast<float>(q);
      }
    }
  return w;
}

}  // namespace isoflop::sim
