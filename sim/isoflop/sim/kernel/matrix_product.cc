#include "isoflop/sim/kernel/matrix_product.h"

#include <algorithm>
#include <cstdlib>

#include "isoflop/error.h"
#include "isoflop/sim/kernel/micro_kernels.h"

namespace isoflop::sim {
namespace {

InstructionSet best_available() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq"))
    return __builtin_cpu_supports("avx512bf16") ? InstructionSet::Avx512Bf16 : InstructionSet::Avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return InstructionSet::Avx2;
#endif
  return InstructionSet::Scalar;
}

InstructionSet chosen() {
  const InstructionSet best = best_available();
  const char* wish = std::getenv("ISOFLOP_ISA");
  if (!wish || !*wish) return best;
  for (const auto set :
       {InstructionSet::Scalar, InstructionSet::Avx2, InstructionSet::Avx512, InstructionSet::Avx512Bf16})
    if (instruction_set_name(set) == wish) {
      if (set > best)
        throw Error(Fault::CannotRun,
                    "ISOFLOP_ISA=" + std::string(wish) + ": this CPU offers " + instruction_set_name(best));
      return set;
    }
  throw Error(Fault::Usage, "ISOFLOP_ISA=" + std::string(wish) + ": expected scalar, avx2, avx512 or avx512bf16");
}

MicroKernelSet kernels(InstructionSet set, Precision precision) {
  const bool fp32 = precision == Precision::Fp32;
#if defined(__x86_64__)
  switch (set) {
    case InstructionSet::Avx512Bf16: return fp32 ? avx512_fp32() : avx512_bf16();
    case InstructionSet::Avx512: return fp32 ? avx512_fp32() : avx512_bf16_emulated();
    case InstructionSet::Avx2: return fp32 ? avx2_fp32() : avx2_bf16();
    case InstructionSet::Scalar: break;
  }
#else
  (void)set;
#endif
  return fp32 ? scalar_fp32() : scalar_bf16();
}

// k is cut so that panels stay near the first-level cache, m and n so that a block of A and one of B share the
// second-level one.
constexpr std::size_t depth_block = 1024;  // k; a multiple of every step_k
constexpr std::size_t a_block_bytes = 256 * 1024, b_block_bytes = 512 * 1024;

std::size_t panel_bytes(const MicroKernelSet& kernel, std::size_t width, std::size_t depth) {
  return (depth + kernel.step_k - 1) / kernel.step_k * width * kernel.element_bytes;
}

std::size_t rounded_up(std::size_t value, std::size_t step) { return (value + step - 1) / step * step; }

// Equal k-blocks: 520 is cut into 260 + 260, not 512 + 8.
std::size_t balanced_block(std::size_t total, std::size_t most, std::size_t step) {
  const std::size_t pieces = (total + most - 1) / most;
  return rounded_up((total + pieces - 1) / pieces, step);
}

// Where neighbouring lines are neighbours in memory, a few steps are copied for all panels before the next few, so that
// each row of the source is read once, front to back.
constexpr std::size_t steps_at_a_time = 16;

// `each` lines go into a panel of `width`.
void pack_panels(const MicroKernelSet& kernel, std::size_t each, std::size_t width, std::size_t lines,
                 std::size_t depth, const float* source, std::ptrdiff_t line_stride, std::ptrdiff_t step_stride,
                 std::byte* to) {
  const std::size_t panel = panel_bytes(kernel, width, depth);
  const std::size_t chunk = step_stride == 1 ? depth : steps_at_a_time;
  for (std::size_t p = 0; p < depth; p += chunk) {
    const float* from = source + static_cast<std::ptrdiff_t>(p) * step_stride;
    std::byte* here = to + panel_bytes(kernel, width, p);
    for (std::size_t first = 0; first < lines; first += each, here += panel)
      kernel.pack(std::min(chunk, depth - p), std::min(each, lines - first), width,
                  from + static_cast<std::ptrdiff_t>(first) * line_stride, line_stride, step_stride, here);
  }
}

// What stays in the second-level cache while panels of the other operand pass by, in whole panels of `panel` bytes.
std::size_t panels_at_a_time(std::size_t bytes, std::size_t panel) { return std::max<std::size_t>(1, bytes / panel); }

std::size_t panels_of(std::size_t lines, std::size_t each) { return (lines + each - 1) / each; }

/// One k-block of the operands and where its product goes.
struct Block {
  const MicroKernelSet& kernel;
  std::size_t depth;
  float* c;
  std::size_t c_stride;
  bool accumulate;

  std::size_t a_panel() const { return panel_bytes(kernel, kernel.a_width, depth); }
  std::size_t b_panel() const { return panel_bytes(kernel, kernel.tile_columns, depth); }
  std::size_t rows_at_a_time() const { return panels_at_a_time(a_block_bytes, a_panel()) * kernel.tile_rows; }
  std::size_t columns_at_a_time() const { return panels_at_a_time(b_block_bytes, b_panel()) * kernel.tile_columns; }

  // Lines first .. first + count - 1 of A or B.
  void pack_a(MatrixView a, std::size_t first, std::size_t count, std::byte* to) const {
    pack_panels(kernel, kernel.tile_rows, kernel.a_width, count, depth,
                a.data + static_cast<std::ptrdiff_t>(first) * a.row_stride, a.row_stride, a.column_stride, to);
  }
  void pack_b(MatrixView b, std::size_t first, std::size_t count, std::byte* to) const {
    pack_panels(kernel, kernel.tile_columns, kernel.tile_columns, count, depth,
                b.data + static_cast<std::ptrdiff_t>(first) * b.column_stride, b.column_stride, b.row_stride, to);
  }
  // Rows i0 .. of C by columns j0 .. from packed panels.
  void multiply(std::size_t i0, std::size_t rows, const std::byte* a_panels, std::size_t j0, std::size_t columns,
                const std::byte* b_panels) const {
    const std::size_t steps = (depth + kernel.step_k - 1) / kernel.step_k;
    for (std::size_t j = 0; j < columns; j += kernel.tile_columns, b_panels += b_panel()) {
      const std::byte* a_here = a_panels;
      for (std::size_t i = 0; i < rows; i += kernel.tile_rows, a_here += a_panel())
        kernel.multiply(steps, a_here, b_panels, c + (i0 + i) * c_stride + j0 + j, c_stride,
                        std::min(kernel.tile_rows, rows - i), std::min(kernel.tile_columns, columns - j), accumulate);
    }
  }
};

// All of A is packed; panels of B are packed, used by every row, and forgotten.
void multiply_passing_b(const Block& block, std::size_t m, std::size_t n, MatrixView a, MatrixView b,
                        PackBuffers& buffers) {
  std::byte* a_panels = buffers.a(panels_of(m, block.kernel.tile_rows) * block.a_panel());
  block.pack_a(a, 0, m, a_panels);
  const std::size_t row_block = block.rows_at_a_time(), column_block = std::min(n, block.columns_at_a_time());
  std::byte* b_panels = buffers.b(panels_of(column_block, block.kernel.tile_columns) * block.b_panel());
  for (std::size_t j0 = 0; j0 < n; j0 += column_block) {
    const std::size_t columns = std::min(column_block, n - j0);
    block.pack_b(b, j0, columns, b_panels);
    for (std::size_t i0 = 0; i0 < m; i0 += row_block)
      block.multiply(i0, std::min(row_block, m - i0), a_panels + i0 / block.kernel.tile_rows * block.a_panel(), j0,
                     columns, b_panels);
  }
}

// All of B is there; blocks of A are packed, used by every column, and forgotten.
void multiply_passing_a(const Block& block, std::size_t m, std::size_t n, MatrixView a, const std::byte* b_panels,
                        PackBuffers& buffers) {
  const std::size_t row_block = std::min(m, block.rows_at_a_time());
  std::byte* a_panels = buffers.a(panels_of(row_block, block.kernel.tile_rows) * block.a_panel());
  for (std::size_t i0 = 0; i0 < m; i0 += row_block) {
    const std::size_t rows = std::min(row_block, m - i0);
    block.pack_a(a, i0, rows, a_panels);
    block.multiply(i0, rows, a_panels, 0, n, b_panels);
  }
}

MatrixView from_row(MatrixView v, std::size_t row) {
  return {v.data + static_cast<std::ptrdiff_t>(row) * v.row_stride, v.row_stride, v.column_stride};
}
MatrixView from_column(MatrixView v, std::size_t column) {
  return {v.data + static_cast<std::ptrdiff_t>(column) * v.column_stride, v.row_stride, v.column_stride};
}

void clear(std::size_t m, std::size_t n, float* c, std::size_t c_stride) {
  for (std::size_t i = 0; i < m; ++i) std::fill_n(c + i * c_stride, n, 0.0f);
}

}  // namespace

InstructionSet instruction_set() {
  static const InstructionSet set = chosen();
  return set;
}

std::string instruction_set_name(InstructionSet set) {
  switch (set) {
    case InstructionSet::Scalar: return "scalar";
    case InstructionSet::Avx2: return "avx2";
    case InstructionSet::Avx512: return "avx512";
    case InstructionSet::Avx512Bf16: return "avx512bf16";
  }
  return "";
}

std::byte* PackBuffers::a(std::size_t bytes) {
  if (a_.size() < bytes + 64) a_.resize(bytes + 64);
  return a_.data();
}

std::byte* PackBuffers::b(std::size_t bytes) {
  if (b_.size() < bytes + 64) b_.resize(bytes + 64);
  return b_.data();
}

void matrix_product(std::size_t m, std::size_t n, std::size_t k, MatrixView a, MatrixView b, float* c,
                    std::size_t c_stride, bool accumulate, Precision precision, PackBuffers& buffers,
                    InstructionSet set) {
  if (k == 0 && !accumulate) clear(m, n, c, c_stride);
  if (m == 0 || n == 0 || k == 0) return;
  const MicroKernelSet kernel = kernels(set, precision);
  const std::size_t most = balanced_block(k, depth_block, kernel.step_k);
  for (std::size_t p = 0; p < k; p += most) {
    const Block block{kernel, std::min(most, k - p), c, c_stride, accumulate || p > 0};
    const MatrixView a_here = from_column(a, p), b_here = from_row(b, p);
    const std::size_t a_bytes = panels_of(m, kernel.tile_rows) * block.a_panel();
    const std::size_t b_bytes = panels_of(n, kernel.tile_columns) * block.b_panel();
    if (a_bytes <= b_bytes) {
      multiply_passing_b(block, m, n, a_here, b_here, buffers);
    } else {
      std::byte* b_panels = buffers.b(b_bytes);
      block.pack_b(b_here, 0, n, b_panels);
      multiply_passing_a(block, m, n, a_here, b_panels, buffers);
    }
  }
}

void PackedMatrix::pack(std::size_t k, std::size_t n, MatrixView b, Precision precision, InstructionSet set) {
  k_ = k;
  n_ = n;
  precision_ = precision;
  set_ = set;
  const MicroKernelSet kernel = kernels(set, precision);
  const std::size_t most = k == 0 ? 1 : balanced_block(k, depth_block, kernel.step_k);
  const std::size_t panels = panels_of(n, kernel.tile_columns);
  std::size_t bytes = 0;
  for (std::size_t p = 0; p < k; p += most)
    bytes += panels * panel_bytes(kernel, kernel.tile_columns, std::min(most, k - p));
  panels_.resize(bytes + 64);
  std::byte* to = panels_.data();
  for (std::size_t p = 0; p < k; p += most) {
    const Block block{kernel, std::min(most, k - p), nullptr, 0, false};
    block.pack_b(from_row(b, p), 0, n, to);
    to += panels * block.b_panel();
  }
}

void matrix_product(std::size_t m, MatrixView a, const PackedMatrix& b, float* c, std::size_t c_stride, bool accumulate,
                    PackBuffers& buffers) {
  if (b.k_ == 0 && !accumulate) clear(m, b.n_, c, c_stride);
  if (m == 0 || b.n_ == 0 || b.k_ == 0) return;
  const MicroKernelSet kernel = kernels(b.set_, b.precision_);
  const std::size_t most = balanced_block(b.k_, depth_block, kernel.step_k);
  const std::byte* from = b.panels_.data();
  for (std::size_t p = 0; p < b.k_; p += most) {
    const Block block{kernel, std::min(most, b.k_ - p), c, c_stride, accumulate || p > 0};
    multiply_passing_a(block, m, b.n_, from_column(a, p), from, buffers);
    from += panels_of(b.n_, kernel.tile_columns) * block.b_panel();
  }
}

}  // namespace isoflop::sim
