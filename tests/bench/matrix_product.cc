// Our matrix product against the multiply-add peak measured just before and after each case, on one thread.
// 57 cases: 19 shapes x {forward x W^T, input gradient dY W, weight gradient dY^T X}.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "isoflop/random.h"
#include "isoflop/sim/kernel/cpu_peak.h"
#include "isoflop/sim/kernel/matrix_product.h"
#include "isoflop/sim/kernel/thread_clock.h"
#include "isoflop/statistics.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

double seconds_of(const auto& work) {
  const double start = thread_seconds();
  work();
  return thread_seconds() - start;
}

struct Shape {
  std::size_t m, n, k;
};

constexpr std::array<Shape, 19> shapes = {{{2048, 128, 128},
                                           {2048, 512, 128},
                                           {2048, 128, 512},
                                           {2048, 256, 256},
                                           {2048, 1024, 256},
                                           {2048, 256, 1024},
                                           {2048, 4096, 256},
                                           {2048, 512, 512},
                                           {2048, 2048, 512},
                                           {2048, 512, 2048},
                                           {1024, 768, 768},
                                           {1024, 3072, 768},
                                           {1024, 768, 3072},
                                           {256, 768, 768},
                                           {256, 3072, 768},
                                           {1024, 4096, 1024},
                                           {1024, 1024, 4096},
                                           {2048, 1024, 128},
                                           {1024, 32000, 256}}};

}  // namespace

int main() {
  std::vector<float> x(2048 * 4096 + 64), w(32000 * 1024 + 64), y(1024 * 32000 + 64);
  Random random(42);
  for (auto* values : {&x, &w, &y})
    for (auto& v : *values) v = static_cast<float>(random.uniform(-1, 1));
  std::vector<float> out(std::max(y.size(), w.size()));
  PackBuffers buffers;
  fmt::print("instruction set {}\n{:>18} {:>4}  {:>10} {:>10}\n", instruction_set_name(instruction_set()), "m x n x k",
             "", "fp32 %", "bf16 %");
  std::vector<double> fp32_percent, bf16_percent;
  for (const auto& s : shapes)
    for (int direction = 0; direction < 3; ++direction) {
      // Forward: y(m,n) = x(m,k) w(n,k)^T. Input gradient: dx(m,k) = dy(m,n) w(n,k). Weight gradient: dw(n,k) =
      // dy(m,n)^T x(m,k).
      const auto run = [&](Precision precision) {
        if (direction == 0)
          matrix_product(s.m, s.n, s.k, MatrixView::row_major(x.data(), s.k), MatrixView::transposed(w.data(), s.k),
                         out.data(), s.n, false, precision, buffers);
        if (direction == 1)
          matrix_product(s.m, s.k, s.n, MatrixView::row_major(y.data(), s.n), MatrixView::row_major(w.data(), s.k),
                         out.data(), s.k, false, precision, buffers);
        if (direction == 2)
          matrix_product(s.n, s.k, s.m, MatrixView::transposed(y.data(), s.n), MatrixView::row_major(x.data(), s.k),
                         out.data(), s.k, false, precision, buffers);
      };
      const double flop = 2.0 * static_cast<double>(s.m * s.n * s.k);
      const int repeats = std::max(1, static_cast<int>(1e9 / flop));
      std::array<std::vector<double>, 2> ratios;
      for (int round = 0; round < 7; ++round)
        for (int p = 0; p < 2; ++p) {
          const auto precision = p == 0 ? Precision::Fp32 : Precision::Bf16;
          const double before = multiply_add_peak_flop_per_s(precision, 3e-3);
          const double time = seconds_of([&] { for (int r = 0; r < repeats; ++r) run(precision); }) / repeats;
          const double after = multiply_add_peak_flop_per_s(precision, 3e-3);
          if (round > 0) ratios[static_cast<std::size_t>(p)].push_back(100 * flop / time / std::max(before, after));
        }
      fp32_percent.push_back(median(ratios[0]));
      bf16_percent.push_back(median(ratios[1]));
      fmt::print("{:>18} {:>4}  {:10.1f} {:10.1f}\n", fmt::format("{}x{}x{}", s.m, s.n, s.k),
                 std::array{"fwd", "dX", "dW"}[static_cast<std::size_t>(direction)], fp32_percent.back(),
                 bf16_percent.back());
    }
  fmt::print("median {:.1f} (min {:.1f})   {:.1f} (min {:.1f})\n", median(fp32_percent),
             *std::min_element(fp32_percent.begin(), fp32_percent.end()), median(bf16_percent),
             *std::min_element(bf16_percent.begin(), bf16_percent.end()));
}
