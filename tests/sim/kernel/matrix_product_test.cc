#include "isoflop/sim/kernel/matrix_product.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "isoflop/random.h"
#include "isoflop/sim/kernel/cpu_peak.h"
#include "isoflop/sim/kernel/micro_kernels.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

std::vector<InstructionSet> available_sets() {
  std::vector<InstructionSet> sets;
  for (const auto set :
       {InstructionSet::Scalar, InstructionSet::Avx2, InstructionSet::Avx512, InstructionSet::Avx512Bf16})
    if (set <= instruction_set()) sets.push_back(set);
  return sets;
}

std::vector<float> random_values(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> values(count);
  for (auto& v : values) v = static_cast<float>(random.uniform(-1, 1));
  return values;
}

float at(MatrixView m, std::size_t i, std::size_t j) {
  return m.data[static_cast<std::ptrdiff_t>(i) * m.row_stride + static_cast<std::ptrdiff_t>(j) * m.column_stride];
}

// Sum and sum of magnitudes in double; the tolerance is machine epsilon times the magnitudes.
struct Oracle {
  double sum = 0, magnitude = 0;
};

Oracle oracle(MatrixView a, MatrixView b, std::size_t i, std::size_t j, std::size_t k, Precision precision) {
  Oracle result;
  for (std::size_t p = 0; p < k; ++p) {
    double x = at(a, i, p), y = at(b, p, j);
    if (precision == Precision::Bf16) {
      x = from_bf16(to_bf16(static_cast<float>(x)));
      y = from_bf16(to_bf16(static_cast<float>(y)));
    }
    result.sum += x * y;
    result.magnitude += std::fabs(x * y);
  }
  return result;
}

}  // namespace

TEST_CASE("every instruction set, layout and odd shape agrees with a naive product in double") {
  struct Shape {
    std::size_t m, n, k;
  };
  PackBuffers buffers;
  for (const auto set : available_sets())
    for (const auto precision : {Precision::Fp32, Precision::Bf16})
      for (const Shape s : {Shape{1, 1, 1}, Shape{14, 32, 16}, Shape{15, 33, 17}, Shape{3, 70, 5}, Shape{29, 7, 601},
                            Shape{64, 48, 1030}}) {
        const auto a = random_values(s.m * s.k, 1), b = random_values(s.k * s.n, 2);
        for (const bool a_transposed : {false, true})
          for (const bool b_transposed : {false, true}) {
            const MatrixView av =
                a_transposed ? MatrixView::transposed(a.data(), s.m) : MatrixView::row_major(a.data(), s.k);
            const MatrixView bv =
                b_transposed ? MatrixView::transposed(b.data(), s.k) : MatrixView::row_major(b.data(), s.n);
            std::vector<float> c(s.m * (s.n + 3), 0.5f);
            for (const bool accumulate : {false, true}) {
              matrix_product(s.m, s.n, s.k, av, bv, c.data(), s.n + 3, accumulate, precision, buffers, set);
              double worst = 0;
              for (std::size_t i = 0; i < s.m; ++i)
                for (std::size_t j = 0; j < s.n; ++j) {
                  const auto expected = oracle(av, bv, i, j, s.k, precision);
                  const double factor = accumulate ? 2 : 1;
                  const double error = std::fabs(c[i * (s.n + 3) + j] - factor * expected.sum);
                  worst = std::max(worst, error / (factor * expected.magnitude + 1e-30));
                }
              INFO(instruction_set_name(set) << " " << s.m << "x" << s.n << "x" << s.k);
              CHECK(worst < 16 * std::numeric_limits<float>::epsilon());
              CHECK(c[s.n] == 0.5f);
            }
          }
      }
}

TEST_CASE("a packed operand gives the same bits") {
  PackBuffers buffers;
  const std::size_t m = 37, n = 65, k = 700;
  const auto a = random_values(m * k, 3), b = random_values(n * k, 4);
  for (const auto set : available_sets())
    for (const auto precision : {Precision::Fp32, Precision::Bf16}) {
      std::vector<float> direct(m * n), packed(m * n);
      matrix_product(m, n, k, MatrixView::row_major(a.data(), k), MatrixView::transposed(b.data(), k), direct.data(), n,
                     false, precision, buffers, set);
      PackedMatrix weights;
      weights.pack(k, n, MatrixView::transposed(b.data(), k), precision, set);
      matrix_product(m, MatrixView::row_major(a.data(), k), weights, packed.data(), n, false, buffers);
      CHECK(std::memcmp(direct.data(), packed.data(), direct.size() * sizeof(float)) == 0);
    }
}

TEST_CASE("rows do not depend on how many rows are computed with them") {
  PackBuffers buffers;
  const std::size_t m = 45, n = 40, k = 300;
  const auto a = random_values(m * k, 5), b = random_values(n * k, 6);
  std::vector<float> whole(m * n), part(m * n);
  matrix_product(m, n, k, MatrixView::row_major(a.data(), k), MatrixView::row_major(b.data(), n), whole.data(), n,
                 false, Precision::Fp32, buffers);
  for (std::size_t i = 0; i < m; ++i)
    matrix_product(1, n, k, MatrixView::row_major(a.data() + i * k, k), MatrixView::row_major(b.data(), n),
                   part.data() + i * n, n, false, Precision::Fp32, buffers);
  CHECK(std::memcmp(whole.data(), part.data(), whole.size() * sizeof(float)) == 0);
}

TEST_CASE("an empty sum is zero, or leaves what was there") {
  PackBuffers buffers;
  std::vector<float> c(6, 7.0f);
  matrix_product(2, 3, 0, {nullptr, 0, 0}, {nullptr, 0, 0}, c.data(), 3, true, Precision::Fp32, buffers);
  CHECK(c[5] == 7.0f);
  matrix_product(2, 3, 0, {nullptr, 0, 0}, {nullptr, 0, 0}, c.data(), 3, false, Precision::Fp32, buffers);
  CHECK(c[5] == 0.0f);
}

TEST_CASE("bf16 rounding is to nearest even, keeps NaN and infinities") {
  CHECK(from_bf16(to_bf16(1.0f)) == 1.0f);
  CHECK(from_bf16(to_bf16(1.00390625f)) == 1.0f);         // halfway between 1 and 1 + 2^-7: even
  CHECK(from_bf16(to_bf16(1.01171875f)) == 1.015625f);    // halfway: rounds up to even
  CHECK(std::isnan(from_bf16(to_bf16(std::nanf("")))));
  CHECK(std::isinf(from_bf16(to_bf16(std::numeric_limits<float>::infinity()))));
}

TEST_CASE("the measured peak is the instruction set's FLOP per cycle, whatever the clock") {
  const double clock = core_clock_hz(0.02);
  const double per_cycle = multiply_add_peak_flop_per_s(Precision::Fp32, 0.02) / clock;
  // Between one and two 512-bit multiply-adds a cycle for AVX-512, at least one vector for the others.
  CHECK(per_cycle > 3);
  CHECK(per_cycle < 80);
}
