// 57 matrix products of training, each against the multiply-add peak measured just before and after it.
#include <fmt/format.h>

#include <algorithm>

#include "floors.h"
#include "isoflop/random.h"
#include "isoflop/sim/kernel/thread_clock.h"
#include "isoflop/sim/machine/op_probe.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

struct Shape {
  std::size_t m, n, k;
};
constexpr Shape shapes[] = {{2048, 128, 128},   {2048, 512, 128},  {2048, 128, 512},  {2048, 256, 256},
                            {2048, 1024, 256},  {2048, 256, 1024}, {2048, 4096, 256}, {2048, 512, 512},
                            {2048, 2048, 512},  {2048, 512, 2048}, {1024, 768, 768},  {1024, 3072, 768},
                            {1024, 768, 3072},  {256, 768, 768},   {256, 3072, 768},  {1024, 4096, 1024},
                            {1024, 1024, 4096}, {2048, 1024, 128}, {1024, 32000, 256}};

}  // namespace

void judge_products() {
  std::vector<float> x(2048 * 4096 + 64), w(32000 * 1024 + 64), y(1024 * 32000 + 64);
  Random random(42);
  for (auto* values : {&x, &w, &y})
    for (std::size_t i = 0; i < values->size(); ++i)
      (*values)[i] = i < 4099 ? static_cast<float>(random.uniform(-1, 1)) : (*values)[i - 4099];
  std::vector<float> out(std::max(y.size(), w.size()));
  PackBuffers buffers;
  for (const auto precision : {Precision::Fp32, Precision::Bf16}) {
    std::vector<double> medians;
    std::vector<Window> rounds;
    std::vector<std::vector<double>> ratios(std::size(shapes) * 3);
    for (int round = 0; round < 7; ++round) {
      Window window = observed([&] {
        for (std::size_t c = 0; c < ratios.size(); ++c) {
          const Shape s = shapes[c / 3];
          const auto run = [&] {
            if (c % 3 == 0)
              matrix_product(s.m, s.n, s.k, MatrixView::row_major(x.data(), s.k), MatrixView::transposed(w.data(), s.k),
                             out.data(), s.n, false, precision, buffers);
            if (c % 3 == 1)
              matrix_product(s.m, s.k, s.n, MatrixView::row_major(y.data(), s.n), MatrixView::row_major(w.data(), s.k),
                             out.data(), s.k, false, precision, buffers);
            if (c % 3 == 2)
              matrix_product(s.n, s.k, s.m, MatrixView::transposed(y.data(), s.n), MatrixView::row_major(x.data(), s.k),
                             out.data(), s.k, false, precision, buffers);
          };
          const double flop = 2.0 * static_cast<double>(s.m * s.n * s.k);
          const int repeats = std::max(1, static_cast<int>(5e8 / flop));
          const double before = multiply_add_peak_flop_per_s(precision, 2e-3);
          const double start = thread_seconds();
          for (int r = 0; r < repeats; ++r) run();
          const double seconds = (thread_seconds() - start) / repeats;
          ratios[c].push_back(flop / seconds / std::max(before, multiply_add_peak_flop_per_s(precision, 2e-3)));
        }
      });
      std::vector<double> last;
      for (const auto& r : ratios) last.push_back(r.back());
      window.value = median(last);
      if (round > 0) rounds.push_back(window);
    }
    for (auto& r : ratios) medians.push_back(median({r.data() + 1, r.size() - 1}));
    const bool fp32 = precision == Precision::Fp32;
    const double least = *std::min_element(medians.begin(), medians.end());
    judge(fmt::format("57 products, {}, 1 thread: median share of peak", precision_name(precision)), rounds,
          fp32 ? 0.82 : 0.78, false, fmt::format("least of the cases {:.2f}{}", least, fp32 ? " (floor 0.72)" : ""));
  }
}

}  // namespace isoflop::sim
