#include "isoflop/sim/op/gemm_model.h"

#include <algorithm>
#include <cmath>

#include "agrees.h"
#include "isoflop/random.h"
#include "isoflop/sim/op/op_model.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

const DeviceLimits h100{989e12, 3.35e12, 132, 450e9, 50e9};

std::vector<double> generic(KernelFormat format) {
  std::vector<double> values;
  for (const auto& c : gemm_constants(format, false)) values.push_back(c.start);
  return values;
}

GemmShape random_shape(Random& random) {
  const auto size = [&](double low, double high) {
    return static_cast<std::int64_t>(std::exp(random.uniform(std::log(low), std::log(high))));
  };
  return {size(1, 40000), size(16, 60000), size(16, 60000), KernelFormat::Bf16};
}

}  // namespace

TEST_CASE("a matrix product is never faster than its arithmetic or its bytes, whatever the constants") {
  Random random(11);
  for (int i = 0; i < 2000; ++i) {
    GemmShape shape = random_shape(random);
    shape.format = i % 2 ? KernelFormat::Bf16 : KernelFormat::Fp8;
    std::vector<double> values;
    for (const auto& c : gemm_constants(shape.format, false))
      values.push_back(std::exp(random.uniform(std::log(c.low), std::log(c.high))));
    const OpCost cost = gemm_cost(shape, h100, values, {});
    CHECK(cost.seconds >= cost.floor_s);
  }
}

TEST_CASE("more bandwidth, more arithmetic and more multiprocessors of the same speed never make it slower") {
  Random random(12);
  const auto values = generic(KernelFormat::Bf16);
  for (int i = 0; i < 500; ++i) {
    const GemmShape shape = random_shape(random);
    const double before = gemm_cost(shape, h100, values, {}).seconds;
    DeviceLimits faster = h100;
    faster.bandwidth_bytes_per_s *= 1.5;
    CHECK(gemm_cost(shape, faster, values, {}).seconds <= before);
    faster = h100;
    faster.peak_flop_per_s *= 1.5;
    CHECK(gemm_cost(shape, faster, values, {}).seconds <= before);
    faster = h100;
    faster.multiprocessors *= 2;
    faster.peak_flop_per_s *= 2;
    faster.bandwidth_bytes_per_s *= 2;
    CHECK(gemm_cost(shape, faster, values, {}).seconds <= before * (1 + 1e-12));
  }
}

TEST_CASE("pruned tiles give the same time as all tiles") {
  // The oracle goes through every tile and split without any pruning.
  Random random(13);
  constexpr double tile_sizes[][2] = {{256, 128}, {128, 256}, {128, 128}, {64, 256}, {256, 64}, {64, 128}, {128, 64},
                                      {64, 64},   {32, 128},  {128, 32},  {16, 128}, {128, 16}, {32, 64}, {64, 32}};
  for (int i = 0; i < 500; ++i) {
    const GemmShape shape = random_shape(random);
    std::vector<double> v;
    for (const auto& c : gemm_constants(shape.format, false))
      v.push_back(c.start * std::exp(random.uniform(-0.2, 0.2)));
    const auto m = static_cast<double>(shape.m), n = static_cast<double>(shape.n), k = static_cast<double>(shape.k);
    double tiles_s = 1e30;
    for (const auto& tile : tile_sizes)
      for (double split = 1; split <= 32; split *= 2) {
        const double blocks = std::ceil(m / tile[0]) * std::ceil(n / tile[1]);
        if (split > 1 && (k / split < 256 || blocks * split > 2 * 132)) break;
        const double waves = std::ceil(blocks * split / 132), depth = k / split;
        const double compute = 2 * tile[0] * tile[1] * depth / (h100.peak_flop_per_s * v[1] / 132);
        const double feed = (tile[0] + tile[1]) * 2 * depth / (h100.bandwidth_bytes_per_s * v[3] / 132);
        tiles_s = std::min(tiles_s, waves * (std::max(compute, feed) + v[4]) + (split > 1 ? v[5] : 0));
      }
    const double memory_s = 2 * (m * k + n * k + m * n) / (h100.bandwidth_bytes_per_s * v[2]);
    const double expected = v[0] + std::hypot(tiles_s, memory_s);
    CHECK(agrees(gemm_cost(shape, h100, v, {}).seconds, expected, 8));
  }
}

TEST_CASE("one row more than fills the multiprocessors costs another wave") {
  const auto values = generic(KernelFormat::Bf16);
  // 11 x 12 tiles of 256 x 128 fill 132 multiprocessors exactly.
  const double full = gemm_cost({2816, 1536, 16384, KernelFormat::Bf16}, h100, values, {}).seconds;
  const double over = gemm_cost({2817, 1536, 16384, KernelFormat::Bf16}, h100, values, {}).seconds;
  CHECK(over > 1.1 * full);
}

TEST_CASE("decoding one token is bound by memory, a large square by arithmetic, a tiny product by its launch") {
  const auto values = generic(KernelFormat::Bf16);
  CHECK(gemm_cost({1, 8192, 8192, KernelFormat::Bf16}, h100, values, {}).bound == Bound::Bandwidth);
  CHECK(gemm_cost({8192, 8192, 8192, KernelFormat::Bf16}, h100, values, {}).bound == Bound::Compute);
  CHECK(gemm_cost({16, 64, 64, KernelFormat::Bf16}, h100, values, {}).bound == Bound::Launch);
}

TEST_CASE("8-bit weights halve the time of decoding where memory bounds it") {
  std::vector<double> values = generic(KernelFormat::Fp8);
  values[7] = values[8] = 1e-9;  // no quantisation pass
  DeviceLimits fp8 = h100;
  fp8.peak_flop_per_s *= 2;
  const double wide = gemm_cost({1, 32768, 32768, KernelFormat::Bf16}, h100, generic(KernelFormat::Bf16), {}).seconds;
  const double narrow = gemm_cost({1, 32768, 32768, KernelFormat::Fp8}, fp8, values, {}).seconds;
  CHECK(narrow / wide > 0.45);
  CHECK(narrow / wide < 0.56);
}

TEST_CASE("the host's launch time shows only where the call is short and the host is waited for") {
  auto values = generic(KernelFormat::Fp8Block);
  values[9] = 150e-6;
  CHECK(agrees(gemm_cost({16, 64, 64, KernelFormat::Fp8Block}, h100, values, {false, true}).seconds, 150e-6, 6));
  CHECK(gemm_cost({16, 64, 64, KernelFormat::Fp8Block}, h100, values, {}).seconds < 1e-5);
}
