// Whole training steps on two threads, step by step in turn with PyTorch.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "floors.h"
#include "isoflop/parallel.h"
#include "isoflop/random.h"
#include "isoflop/sim/kernel/cpu_peak.h"
#include "isoflop/sim/kernel/training_run.h"
#include "isoflop/sim/machine/op_probe.h"
#include "isoflop/statistics.h"
#include "torch.h"

namespace isoflop::sim {
namespace {

double peak_of_all(Precision precision, int threads) {
  std::vector<double> rates(static_cast<std::size_t>(threads));
  parallel_for(rates.size(), threads, [&](std::size_t i) { rates[i] = multiply_add_peak_flop_per_s(precision, 0.01); });
  double sum = 0;
  for (double r : rates) sum += r;
  return sum;
}

struct Training {
  std::int64_t layers, width, heads, length, batch, vocabulary;
  int windows;
  std::string name() const { return fmt::format("{}x{} T{} B{} V{}", layers, width, length, batch, vocabulary); }
};

constexpr int threads = 2;

void judge_shape(const Training& t, Precision precision, const std::string& policy) {
  const bool fp32 = precision == Precision::Fp32;
  Trainer trainer(plain_model(t.layers, t.width, t.heads, t.heads, t.vocabulary), static_cast<std::size_t>(t.batch),
                  static_cast<std::size_t>(t.length), precision, {}, 1, threads);
  Random random(1);
  std::vector<std::int32_t> ids(static_cast<std::size_t>(t.batch * t.length)), targets(ids.size());
  for (auto* values : {&ids, &targets})
    for (auto& v : *values) v = static_cast<std::int32_t>(random.index(static_cast<std::size_t>(t.vocabulary)));
  std::unique_ptr<Torch> torch;
  if (!policy.empty())
    torch = std::make_unique<Torch>(fmt::format("{} {} {} {} {} {} {} {}", t.layers, t.width, t.heads, t.length,
                                                t.batch, t.vocabulary, precision_name(precision), threads),
                                    policy);
  trainer.step({ids}, {targets}, 1e-4);
  const double once = wall_seconds();
  trainer.step({ids}, {targets}, 1e-4);
  const int steps = std::max(1, static_cast<int>(0.25 / (wall_seconds() - once)));
  std::vector<Window> speedups, shares;
  std::vector<double> rates;
  for (int i = 0; i < t.windows; ++i) {
    double ours = 0, theirs = 0, peak = 0;
    Window window = observed([&] {
      const double before = peak_of_all(precision, threads);
      const double start = wall_seconds();
      for (int s = 0; s < steps; ++s) trainer.step({ids}, {targets}, 1e-4);
      ours = (wall_seconds() - start) / steps;
      peak = std::max(before, peak_of_all(precision, threads));
      if (torch) theirs = torch->steps(steps).value_or(0) / steps;
    });
    window.value = trainer.model_flop_per_step() / ours / peak;
    shares.push_back(window);
    rates.push_back(static_cast<double>(ids.size()) / ours);
    window.value = theirs / ours;
    if (theirs > 0) speedups.push_back(window);
  }
  const std::string what = fmt::format("train {}, {}, 2 threads: ", t.name(), precision_name(precision));
  const auto fewest = std::min<std::size_t>(5, static_cast<std::size_t>(t.windows));
  if (!speedups.empty())
    judge(what + "x PyTorch", speedups, 1.3, true,
          fmt::format("{:.0f} tokens/s, PyTorch {}", median(rates), torch->version()), fewest);
  // The floor for utilisation holds from width 256 and 256 tokens up.
  if (t.width >= 256 && t.length >= 256) judge(what + "MFU", shares, fp32 ? 0.70 : 0.58, true, "", fewest);
  else line(what + "MFU", fmt::format("{:.3f}", summarise(shares, {}).median), "-", "", "no floor at this size");
}

}  // namespace

void judge_training(const Words& words) {
  const std::string policy = better_wait_policy(threads);
  if (policy.empty()) fmt::print("skipped: the comparison with PyTorch needs python3-torch (Debian package)\n");
  else fmt::print("PyTorch waits {} (the faster of two policies on 4x256)\n", policy);
  const bool all_shapes =
      std::none_of(words.begin(), words.end(), [](const auto& word) { return word.find('x') != std::string::npos; });
  const bool both = words.count("fp32") == words.count("bf16");
  for (const Training& t : {Training{2, 64, 4, 128, 16, 256, 9}, Training{4, 256, 4, 256, 8, 512, 7},
                            Training{4, 256, 4, 256, 8, 4096, 7}, Training{6, 384, 6, 256, 8, 4096, 7},
                            Training{12, 768, 12, 64, 4, 50257, 5}, Training{12, 768, 12, 512, 4, 8192, 3}}) {
    const std::string key = fmt::format("{}x{}-T{}", t.layers, t.width, t.length);
    if (!all_shapes &&
        std::none_of(words.begin(), words.end(), [&](const auto& word) { return key.starts_with(word); }))
      continue;
    for (const auto precision : {Precision::Fp32, Precision::Bf16})
      if (both || words.count(precision_name(precision)) > 0) judge_shape(t, precision, policy);
  }
}

}  // namespace isoflop::sim
