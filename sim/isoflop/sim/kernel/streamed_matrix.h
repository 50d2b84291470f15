// Weights as decoding reads them: every byte once per step, front to back, in the format they are stored in.
//
// fp32 and bf16 weights multiply fp32 activations. int8 and int4 weights stand in groups of 64 with one fp32 scale
// each (1 + 4/64 and 0.5 + 4/64 bytes per weight); the activations are rounded to int8 per group for the product, as
// integer dot products need, which adds an error of about 0.4 % of a group's largest activation per element.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "isoflop/sim/kernel/large_pages.h"
#include "isoflop/sim/kernel/view.h"

namespace isoflop::sim {

enum class WeightFormat { Fp32, Bf16, Int8, Int4 };  ///< How stored weights are read.

std::string weight_format_name(WeightFormat format);  ///< "int4", as in options.
inline constexpr std::size_t quantisation_group = 64;

/// Activations of one row in the form a product needs: fp32, and for integer formats also int8 per group.
struct StreamedInput {
  const float* values;
  std::vector<std::int8_t> rounded;
  std::vector<float> scales;           ///< per group
  std::vector<std::int32_t> sums;      ///< per group: sum of rounded values

  /// Call before a product with weights of that format.
  void prepare(const float* x, std::size_t columns, WeightFormat format);
  std::vector<float> padded;           ///< columns filled up to whole groups with zeros
};

class StreamedMatrix {
 public:
  /// w (rows, columns) row-major. Rounds once; scale = largest magnitude of the group / 127 or / 7. Stored in panels of
  /// sixteen rows and whole groups of columns, filled up with zeros.
  StreamedMatrix(std::size_t rows, std::size_t columns, const float* w, WeightFormat format);

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  std::size_t panels() const;
  std::size_t bytes() const { return values_.size(); }
  WeightFormat format() const { return format_; }
  /// y.row(i)[r] = w x[i] for the rows r of panels first .. last - 1; each weight is read from memory once for all x.
  void multiply(std::span<const StreamedInput> x, std::size_t first, std::size_t last, View y) const;
  /// The weights as stored, in fp32: what the products really use.
  std::vector<float> restored() const;

 private:
  std::size_t rows_, columns_, padded_;
  WeightFormat format_;
  LargeArray<std::uint8_t> values_;  ///< panels as dot_products.h describes them
};

}  // namespace isoflop::sim
