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

// Of sixteen rows: a column, two columns, or a group with its scales.
std::size_t panel_bytes(WeightFormat format, std::size_t padded) {
  const std::size_t groups = padded / quantisation_group;
  switch (format) {
    case WeightFormat::Fp32: return padded * 64;
    case WeightFormat::Bf16: return padded * 32;
    case WeightFormat::Int8: return groups * 64 * 17;
    case WeightFormat::Int4: return groups * 64 * 9;
  }
  return 0;
}

// Where row r of a panel has its scale and its codes (dot_products.h).
std::size_t scale_place(WeightFormat format, std::size_t group, std::size_t r) {
  return group * 64 * (format == WeightFormat::Int8 ? 17 : 9) + 4 * r;
}

std::size_t code_place(WeightFormat format, std::size_t column, std::size_t r) {
  const std::size_t group = column / quantisation_group, c = column % quantisation_group;
  return format == WeightFormat::Int8 ? (group * 17 + 1 + c / 4) * 64 + 4 * r + c % 4
                                      : (group * 9 + 1 + c / 8) * 64 + 4 * r + c % 4;
}

PanelProduct product_of(WeightFormat format) {
  switch (format) {
    case WeightFormat::Fp32: return products().fp32;
    case WeightFormat::Bf16: return products().bf16;
    case WeightFormat::Int8: return products().int8;
    case WeightFormat::Int4: break;
  }
  return products().int4;
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
  if (whole != columns) {
    padded.assign(whole, 0.0f);
    std::copy_n(x, columns, padded.data());
    values = padded.data();
  }
  if (!is_integer(format)) return;
  const std::size_t groups = whole / quantisation_group;
  rounded.resize(whole);
  scales.resize(groups);
  sums.resize(groups);
  products().quantise(whole, values, 127, rounded.data(), scales.data(), sums.data());
}

StreamedMatrix::StreamedMatrix(std::size_t rows, std::size_t columns, const float* w, WeightFormat format)
    : rows_(rows),
      columns_(columns),
      padded_((columns + quantisation_group - 1) / quantisation_group * quantisation_group),
      format_(format),
      values_(panels() * panel_bytes(format, padded_)) {
  const std::size_t groups = padded_ / quantisation_group;
  std::vector<float> row(padded_, 0.0f), scales(groups);
  std::vector<std::int8_t> codes(padded_);
  std::vector<std::int32_t> sums(groups);
  for (std::size_t line = 0; line < panels() * panel_rows; ++line) {
    const std::size_t r = line % panel_rows;
    if (line < rows) std::copy_n(w + line * columns, columns, row.data());
    else std::fill(row.begin(), row.end(), 0.0f);
    std::uint8_t* to = values_.data() + line / panel_rows * panel_bytes(format, padded_);
    if (format == WeightFormat::Fp32) {
      for (std::size_t c = 0; c < padded_; ++c) std::memcpy(to + 64 * c + 4 * r, &row[c], 4);
    } else if (format == WeightFormat::Bf16) {
      for (std::size_t c = 0; c < padded_; ++c) {
        const std::uint16_t half = to_bf16(row[c]);
        std::memcpy(to + 64 * (c / 2) + 4 * r + 2 * (c % 2), &half, 2);
      }
    } else {
      const bool bytes = format == WeightFormat::Int8;
      products().quantise(padded_, row.data(), bytes ? 127 : 7, codes.data(), scales.data(), sums.data());
      for (std::size_t g = 0; g < groups; ++g) std::memcpy(to + scale_place(format, g, r), &scales[g], 4);
      for (std::size_t c = 0; c < padded_; ++c) {
        std::uint8_t& code = to[code_place(format, c, r)];
        if (bytes) code = static_cast<std::uint8_t>(codes[c] + 128);
        else code = static_cast<std::uint8_t>(code | (codes[c] + 8) << (c % 8 < 4 ? 0 : 4));
      }
    }
  }
}

std::size_t StreamedMatrix::panels() const { return (rows_ + panel_rows - 1) / panel_rows; }

void StreamedMatrix::multiply(std::span<const StreamedInput> x, std::size_t first, std::size_t last, View y) const {
  const PanelProduct product = product_of(format_);
  const std::size_t stride = panel_bytes(format_, padded_);
  constexpr std::size_t most = 4;  // rows of x at a time
  for (std::size_t p = first; p < last; ++p)
    for (std::size_t i0 = 0; i0 < x.size(); i0 += most) {
      const std::size_t count = std::min(most, x.size() - i0);
      PanelInput inputs[most];
      float out[most * panel_rows];
      for (std::size_t i = 0; i < count; ++i) {
        const StreamedInput& from = x[i0 + i];
        inputs[i] = {from.values, from.rounded.data(), from.scales.data(), from.sums.data()};
      }
      product(padded_, values_.data() + p * stride, count, inputs, out);
      const std::size_t here = std::min(panel_rows, rows_ - p * panel_rows);
      for (std::size_t i = 0; i < count; ++i)
        std::copy_n(out + i * panel_rows, here, y.row(i0 + i) + p * panel_rows);
    }
}

std::vector<float> StreamedMatrix::restored() const {
  std::vector<float> w(rows_ * columns_);
  const std::size_t stride = panel_bytes(format_, padded_);
  for (std::size_t line = 0; line < rows_; ++line)
    for (std::size_t c = 0; c < columns_; ++c) {
      const std::uint8_t* panel = values_.data() + line / panel_rows * stride;
      const std::size_t r = line % panel_rows;
      float& to = w[line * columns_ + c];
      if (format_ == WeightFormat::Fp32) {
        std::memcpy(&to, panel + 64 * c + 4 * r, 4);
      } else if (format_ == WeightFormat::Bf16) {
        std::uint16_t half;
        std::memcpy(&half, panel + 64 * (c / 2) + 4 * r + 2 * (c % 2), 2);
        to = from_bf16(half);
      } else {
        const int code = panel[code_place(format_, c, r)];
        const int q = format_ == WeightFormat::Int8 ? code - 128 : (code >> (c % 8 < 4 ? 0 : 4) & 15) - 8;
        float scale;
        std::memcpy(&scale, panel + scale_place(format_, c / quantisation_group, r), 4);
        to = scale * static_cast<float>(q);
      }
    }
  return w;
}

}  // namespace isoflop::sim
