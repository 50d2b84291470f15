#include "isoflop/sim/kernel/streamed_matrix.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>

#include "isoflop/random.h"
#include "isoflop/sim/kernel/crew.h"
#include "isoflop/sim/kernel/dot_products.h"
#include "isoflop/sim/kernel/matrix_product.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {
std::vector<float> values(std::size_t count, std::uint64_t seed) {
  Random random(seed);
  std::vector<float> v(count);
  for (auto& x : v) x = static_cast<float>(random.normal());
  return v;
}
}  // namespace

TEST_CASE("a stored matrix times a vector is the product of what is stored") {
  for (const auto format : {WeightFormat::Fp32, WeightFormat::Bf16, WeightFormat::Int8, WeightFormat::Int4})
    for (const std::size_t columns : {64ul, 192ul, 100ul, 7ul}) {
      const std::size_t rows = 41;
      const auto w = values(rows * columns, 1), x = values(columns, 2);
      const StreamedMatrix matrix(rows, columns, w.data(), format);
      REQUIRE(matrix.panels() == 3);
      StreamedInput input;
      input.prepare(x.data(), columns, format);
      std::vector<float> y(rows);
      matrix.multiply({&input, 1}, 0, 1, {y.data(), 1, rows, rows});
      matrix.multiply({&input, 1}, 1, 3, {y.data(), 1, rows, rows});
      const auto stored = matrix.restored();
      for (std::size_t r = 0; r < rows; ++r) {
        double expected = 0, magnitude = 0;
        for (std::size_t c = 0; c < columns; ++c) {
          const bool whole = format == WeightFormat::Int8 || format == WeightFormat::Int4;
          const double activation =
              whole ? static_cast<double>(input.scales[c / 64]) * input.rounded[c] : static_cast<double>(x[c]);
          expected += static_cast<double>(stored[r * columns + c]) * activation;
          magnitude += std::fabs(static_cast<double>(stored[r * columns + c]) * activation);
        }
        INFO(weight_format_name(format) << " " << columns);
        CHECK(std::fabs(static_cast<double>(y[r]) - expected) < 1e-6 * magnitude + 1e-12);
      }
    }
}

TEST_CASE("a row of inputs gives the same bits alone and among others") {
  const std::size_t rows = 48, columns = 192, batch = 7;
  const auto w = values(rows * columns, 1), x = values(batch * columns, 2);
  for (const auto format : {WeightFormat::Fp32, WeightFormat::Bf16, WeightFormat::Int8, WeightFormat::Int4}) {
    const StreamedMatrix matrix(rows, columns, w.data(), format);
    std::vector<StreamedInput> inputs(batch);
    for (std::size_t i = 0; i < batch; ++i) inputs[i].prepare(x.data() + i * columns, columns, format);
    std::vector<float> together(batch * rows), alone(rows);
    matrix.multiply(inputs, 0, matrix.panels(), {together.data(), batch, rows, rows});
    for (std::size_t i = 0; i < batch; ++i) {
      matrix.multiply({&inputs[i], 1}, 0, matrix.panels(), {alone.data(), 1, rows, rows});
      CHECK(std::equal(alone.begin(), alone.end(), together.begin() + static_cast<std::ptrdiff_t>(i * rows)));
    }
  }
}

TEST_CASE("rounding errors are within half a step of each format") {
  const std::size_t rows = 8, columns = 256;
  const auto w = values(rows * columns, 3);
  const double steps[] = {0, 1.0 / 256, 1.0 / 254, 1.0 / 14};
  for (const auto format : {WeightFormat::Fp32, WeightFormat::Bf16, WeightFormat::Int8, WeightFormat::Int4}) {
    const auto stored = StreamedMatrix(rows, columns, w.data(), format).restored();
    for (std::size_t g = 0; g < rows * columns / 64; ++g) {
      double most = 0;
      for (std::size_t i = 0; i < 64; ++i) most = std::max(most, std::fabs(static_cast<double>(w[g * 64 + i])));
      for (std::size_t i = 0; i < 64; ++i) {
        const double scale = format == WeightFormat::Bf16 ? std::fabs(static_cast<double>(w[g * 64 + i])) : most;
        CHECK(std::fabs(static_cast<double>(stored[g * 64 + i]) - static_cast<double>(w[g * 64 + i])) <=
              scale * steps[static_cast<int>(format)] * 1.0001);
      }
    }
  }
}

TEST_CASE("bytes per weight are those of the formats") {
  const auto w = values(64 * 128, 4);
  CHECK(StreamedMatrix(64, 128, w.data(), WeightFormat::Fp32).bytes() == 64 * 128 * 4);
  CHECK(StreamedMatrix(64, 128, w.data(), WeightFormat::Bf16).bytes() == 64 * 128 * 2);
  CHECK(StreamedMatrix(64, 128, w.data(), WeightFormat::Int8).bytes() == 64 * 128 + 64 * 2 * 4);
  CHECK(StreamedMatrix(64, 128, w.data(), WeightFormat::Int4).bytes() == 64 * 128 / 2 + 64 * 2 * 4);
}

TEST_CASE("vector instructions and plain loops give the same integer products") {
  if (instruction_set() < InstructionSet::Avx512 || !__builtin_cpu_supports("avx512vnni")) {
    MESSAGE("skipped: no VNNI on this CPU");
    return;
  }
  Random random(5);
  const std::size_t groups = 7, n = groups * 64;
  std::vector<std::int8_t> x(n);
  std::vector<float> scales(groups, 0.25f);
  std::vector<std::int32_t> sums(groups, 0);
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = static_cast<std::int8_t>(static_cast<int>(random.index(255)) - 127);
    sums[i / 64] += x[i];
  }
  const PanelInput input{nullptr, x.data(), scales.data(), sums.data()};
  const auto plain = dot_products_portable(), fast = dot_products_avx512();
  for (const auto product : {&DotProducts::int8, &DotProducts::int4}) {
    std::vector<std::uint8_t> panel;
    for (std::size_t g = 0; g < groups; ++g) {
      const std::vector<float> weight_scales(panel_rows, 0.5f);
      const auto* bytes = reinterpret_cast<const std::uint8_t*>(weight_scales.data());
      panel.insert(panel.end(), bytes, bytes + 64);
      for (int i = 0; i < (product == &DotProducts::int8 ? 16 : 8) * 64; ++i)
        panel.push_back(static_cast<std::uint8_t>(random.index(256)));
    }
    std::vector<float> expected(panel_rows), actual(panel_rows);
    (plain.*product)(n, panel.data(), 1, &input, expected.data());
    (fast.*product)(n, panel.data(), 1, &input, actual.data());
    CHECK(actual == expected);
  }
}

TEST_CASE("a crew runs each share once per round, round after round") {
  for (int threads : {1, 2, 4}) {
    Crew crew(threads);
    std::vector<std::atomic<int>> count(crew.size());
    for (int round = 0; round < 500; ++round) crew.run([&](std::size_t i) { ++count[i]; });
    for (const auto& c : count) CHECK(c == 500);
  }
}
