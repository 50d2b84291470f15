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
  if (!wish) return best;
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

// k is cut so that a panel of B stays in the first-level cache, m so that a block of A stays in the second-level one.
constexpr std::size_t depth_block = 512;  // k; a multiple of every step_k
constexpr std::size_t a_block_bytes = 384 * 1024;

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

void pack_panels(const MicroKernelSet& kernel, std::size_t width, std::size_t lines, std::size_t depth,
                 const float* source, std::ptrdiff_t line_stride, std::ptrdiff_t step_stride, std::byte* to) {
  const std::size_t panel = panel_bytes(kernel, width, depth);
  const std::size_t chunk = step_stride == 1 ? depth : steps_at_a_time;
  for (std::size_t p = 0; p < depth; p += chunk) {
    const float* from = source + static_cast<std::ptrdiff_t>(p) * step_stride;
    std::byte* here = to + panel_bytes(kernel, width, p);
    for (std::size_t first = 0; first < lines; first += width, here += panel)
      kernel.pack(std::min(chunk, depth - p), std::min(width, lines - first), width,
                  from + static_cast<std::ptrdiff_t>(first) * line_stride, line_stride, step_stride, here);
  }
}

// One k-block: packed B panels in memory, A packed block by block.
void multiply_block(const MicroKernelSet& kernel, std::size_t m, std::size_t n, std::size_t depth, MatrixView a,
                    const std::byte* b_panels, float* c, std::size_t c_stride, bool accumulate, PackBuffers& buffers) {
  const std::size_t a_panel = panel_bytes(kernel, kernel.tile_rows, depth);
  const std::size_t b_panel = panel_bytes(kernel, kernel.tile_columns, depth);
  const std::size_t steps = (depth + kernel.step_k - 1) / kernel.step_k;
  const std::size_t row_block = std::max<std::size_t>(1, a_block_bytes / a_panel) * kernel.tile_rows;
  for (std::size_t i0 = 0; i0 < m; i0 += row_block) {
    const std::size_t rows = std::min(row_block, m - i0);
    std::byte* a_panels = buffers.a((rows + kernel.tile_rows - 1) / kernel.tile_rows * a_panel);
    pack_panels(kernel, kernel.tile_rows, rows, depth, a.data + static_cast<std::ptrdiff_t>(i0) * a.row_stride,
                a.row_stride, a.column_stride, a_panels);
    for (std::size_t j = 0; j < n; j += kernel.tile_columns) {
      const std::byte* b_here = b_panels + j / kernel.tile_columns * b_panel;
      for (std::size_t i = 0; i < rows; i += kernel.tile_rows)
        kernel.multiply(steps, a_panels + i / kernel.tile_rows * a_panel, b_here, c + (i0 + i) * c_stride + j, c_stride,
                        std::min(kernel.tile_rows, rows - i), std::min(kernel.tile_columns, n - j), accumulate);
    }
  }
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
  const std::size_t block = balanced_block(k, depth_block, kernel.step_k);
  for (std::size_t p = 0; p < k; p += block) {
    const std::size_t depth = std::min(block, k - p);
    std::byte* panels = buffers.b(rounded_up(n, kernel.tile_columns) / kernel.tile_columns *
                                  panel_bytes(kernel, kernel.tile_columns, depth));
    pack_panels(kernel, kernel.tile_columns, n, depth, b.data + static_cast<std::ptrdiff_t>(p) * b.row_stride,
                b.column_stride, b.row_stride, panels);
    multiply_block(kernel, m, n, depth,
                   {a.data + static_cast<std::ptrdiff_t>(p) * a.column_stride, a.row_stride, a.column_stride}, panels,
                   c, c_stride, accumulate || p > 0, buffers);
  }
}

void PackedMatrix::pack(std::size_t k, std::size_t n, MatrixView b, Precision precision, InstructionSet set) {
  k_ = k;
  n_ = n;
  precision_ = precision;
  set_ = set;
  const MicroKernelSet kernel = kernels(set, precision);
  const std::size_t block = k == 0 ? 1 : balanced_block(k, depth_block, kernel.step_k);
  const std::size_t panels = (n + kernel.tile_columns - 1) / kernel.tile_columns;
  std::size_t bytes = 0;
  for (std::size_t p = 0; p < k; p += block)
    bytes += panels * panel_bytes(kernel, kernel.tile_columns, std::min(block, k - p));
  panels_.resize(bytes + 64);
  std::byte* to = panels_.data();
  for (std::size_t p = 0; p < k; p += block) {
    const std::size_t depth = std::min(block, k - p);
    pack_panels(kernel, kernel.tile_columns, n, depth, b.data + static_cast<std::ptrdiff_t>(p) * b.row_stride,
                b.column_stride, b.row_stride, to);
    to += panels * panel_bytes(kernel, kernel.tile_columns, depth);
  }
}

void matrix_product(std::size_t m, MatrixView a, const PackedMatrix& b, float* c, std::size_t c_stride, bool accumulate,
                    PackBuffers& buffers) {
  if (b.k_ == 0 && !accumulate) clear(m, b.n_, c, c_stride);
  if (m == 0 || b.n_ == 0 || b.k_ == 0) return;
  const MicroKernelSet kernel = kernels(b.set_, b.precision_);
  const std::size_t block = balanced_block(b.k_, depth_block, kernel.step_k);
  const std::size_t panels = (b.n_ + kernel.tile_columns - 1) / kernel.tile_columns;
  const std::byte* from = b.panels_.data();
  for (std::size_t p = 0; p < b.k_; p += block) {
    const std::size_t depth = std::min(block, b.k_ - p);
    multiply_block(kernel, m, b.n_, depth,
                   {a.data + static_cast<std::ptrdiff_t>(p) * a.column_stride, a.row_stride, a.column_stride}, from, c,
                   c_stride, accumulate || p > 0, buffers);
    from += panels * panel_bytes(kernel, kernel.tile_columns, depth);
  }
}

}  // namespace isoflop::sim
