// Our own packed matrix product: deterministic, exactly countable, and fast on the instruction set found at run time.
//
// C (m, n) = op(A) (m, k) * op(B) (k, n), row-major, 2 m n k FLOP. Operands are copied into panels that the inner loop
// reads front to back; partial sums over k always run in the same order, so results do not depend on how callers share
// the work over threads. Approach after Goto & van de Geijn 2008, doi:10.1145/1356052.1356053.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "isoflop/sim/kernel/large_pages.h"

namespace isoflop::sim {

/// In rising order; Avx512Bf16 has bf16 products in hardware.
enum class InstructionSet { Scalar, Avx2, Avx512, Avx512Bf16 };

/// The best one this CPU offers, or the one that the environment variable ISOFLOP_ISA names
/// (scalar, avx2, avx512, avx512bf16) if the CPU has it.
InstructionSet instruction_set();
std::string instruction_set_name(InstructionSet set);

/// Multiply in fp32, or round both operands to bf16 while packing and accumulate in fp32 (bf16 hardware where present,
/// the same rounding in software elsewhere).
enum class Precision { Fp32, Bf16 };

/// A matrix in memory: element (i, j) at data[i * row_stride + j * column_stride].
struct MatrixView {
  const float* data;
  std::ptrdiff_t row_stride, column_stride;

  /// Rows of `columns` floats, one after the other.
  static MatrixView row_major(const float* data, std::size_t columns) {
    return {data, static_cast<std::ptrdiff_t>(columns), 1};
  }
  /// The transpose of a row-major matrix with `columns` columns.
  static MatrixView transposed(const float* data, std::size_t columns) {
    return {data, 1, static_cast<std::ptrdiff_t>(columns)};
  }
};

/// Scratch memory of one thread; grows to what the largest product needs and is kept.
class PackBuffers {
 public:
  std::byte* a(std::size_t bytes);  ///< At least so many bytes, for packed panels of one operand.
  std::byte* b(std::size_t bytes);

 private:
  LargeArray<std::byte> a_, b_;
};

/// c (m, n), leading dimension c_stride, = a (m, k) * b (k, n), or += when `accumulate`. No aliasing. One thread.
void matrix_product(std::size_t m, std::size_t n, std::size_t k, MatrixView a, MatrixView b, float* c,
                    std::size_t c_stride, bool accumulate, Precision precision, PackBuffers& buffers,
                    InstructionSet set = instruction_set());

/// One matrix packed once and used by many products: weights that stay the same over a pass.
class PackedMatrix {
 public:
  /// Packs b (k, n) for the right-hand side.
  void pack(std::size_t k, std::size_t n, MatrixView b, Precision precision, InstructionSet set = instruction_set());
  std::size_t k() const { return k_; }
  std::size_t n() const { return n_; }

 private:
  friend void matrix_product(std::size_t, MatrixView, const PackedMatrix&, float*, std::size_t, bool, PackBuffers&);
  std::size_t k_ = 0, n_ = 0;
  Precision precision_ = Precision::Fp32;
  InstructionSet set_ = InstructionSet::Scalar;
  LargeArray<std::byte> panels_;
};

/// c (m, b.n) = a (m, b.k) * b, bit for bit what matrix_product gives with the unpacked operand.
void matrix_product(std::size_t m, MatrixView a, const PackedMatrix& b, float* c, std::size_t c_stride, bool accumulate,
                    PackBuffers& buffers);

}  // namespace isoflop::sim
