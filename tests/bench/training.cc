// Training speed on this CPU: tokens per second and model FLOP per second against the multiply-add peak measured around
// it.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "isoflop/parallel.h"
#include "isoflop/random.h"
#include "isoflop/sim/kernel/cpu_peak.h"
#include "isoflop/sim/kernel/thread_clock.h"
#include "isoflop/sim/kernel/training_step.h"
#include "isoflop/statistics.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

Architecture llama_like(std::int64_t layers, std::int64_t width, std::int64_t heads, std::int64_t vocabulary) {
  Architecture a;
  a.name = "bench";
  a.width = width;
  a.vocabulary = vocabulary;
  Layer layer;
  layer.attention.heads = layer.attention.kv_heads = heads;
  layer.attention.head_dim = layer.attention.rotary_dims = width / heads;
  layer.mlp = Mlp{(8 * width / 3 + 15) / 16 * 16, true, Activation::Silu, false};
  a.layers.assign(static_cast<std::size_t>(layers), layer);
  return a;
}

struct Case {
  std::int64_t layers, width, heads, length, batch, vocabulary;
};

// Peak of `threads` threads at once.
double peak(Precision precision, int threads) {
  std::vector<double> rates(static_cast<std::size_t>(threads));
  parallel_for(rates.size(), threads, [&](std::size_t i) { rates[i] = multiply_add_peak_flop_per_s(precision, 0.02); });
  double sum = 0;
  for (double r : rates) sum += r;
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::stoi(argv[1]) : 2;
  fmt::print("{:>28} {:>5} {:>10} {:>12} {:>9} {:>9}\n", "layers x width, T, B, V", "", "tokens/s", "GFLOP/s", "MFU %",
             "spread %");
  for (const Case c : {Case{2, 64, 4, 128, 16, 256}, Case{4, 256, 4, 256, 8, 512}, Case{4, 256, 4, 256, 8, 4096},
                       Case{6, 384, 6, 256, 8, 4096}, Case{12, 768, 12, 512, 4, 8192}})
    for (const auto precision : {Precision::Fp32, Precision::Bf16}) {
      Trainer trainer(llama_like(c.layers, c.width, c.heads, c.vocabulary), static_cast<std::size_t>(c.batch),
                      static_cast<std::size_t>(c.length), precision, {}, 1, threads);
      Random random(1);
      std::vector<std::int32_t> ids(static_cast<std::size_t>(c.batch * c.length)), targets(ids.size());
      for (auto* values : {&ids, &targets})
        for (auto& v : *values) v = static_cast<std::int32_t>(random.index(static_cast<std::size_t>(c.vocabulary)));
      std::vector<double> rates, shares;
      for (int round = 0; round < 8; ++round) {
        const double before = peak(precision, threads);
        const auto now = [&] {
          // One thread: its own computing time, which other programs on the machine do not stretch.
          if (threads == 1) return thread_seconds();
          return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
        };
        const double start = now();
        int steps = 0;
        double elapsed = 0;
        do {
          trainer.step({ids}, {targets}, 1e-4);
          ++steps;
          elapsed = now() - start;
        } while (elapsed < 0.5);
        const double after = peak(precision, threads);
        if (round == 0) continue;
        rates.push_back(static_cast<double>(steps) * static_cast<double>(ids.size()) / elapsed);
        shares.push_back(static_cast<double>(steps) * trainer.model_flop_per_step() / elapsed /
                         std::max(before, after));
      }
      const double tokens = median(rates);
      fmt::print("{:>28} {:>5} {:10.0f} {:12.1f} {:9.1f} {:9.1f}\n",
                 fmt::format("{}x{}, {}, {}, {}", c.layers, c.width, c.length, c.batch, c.vocabulary),
                 precision == Precision::Fp32 ? "fp32" : "bf16", tokens,
                 tokens / static_cast<double>(ids.size()) * trainer.model_flop_per_step() / 1e9, 100 * median(shares),
                 100 * (*std::max_element(rates.begin(), rates.end()) - *std::min_element(rates.begin(), rates.end())) /
                     tokens);
    }
}
