// What bf16 products do to the loss.
#include <fmt/format.h>

#include <cmath>

#include "floors.h"
#include "isoflop/sim/kernel/training_run.h"
#include "isoflop/sim/machine/machine_probes.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {

void judge_loss() {
  // Paired by seed: held-out loss after 2M tokens with bf16 products against fp32 products. Shorter runs differ more
  // between seeds (sigma 0.036 nats at 0.5M tokens, 0.010 at 2M), which would be a lower bar.
  std::vector<double> fp32, difference;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    double held_out[2];
    for (const int p : {0, 1}) {
      TrainingRunSettings s;
      s.architecture = plain_model(2, 32, 2, 2, 128);
      s.steps = 2000;
      s.schedule.peak = 5e-3;
      s.precision = p == 0 ? Precision::Fp32 : Precision::Bf16;
      s.seed = seed;
      s.threads = 2;
      held_out[p] = run_training(s, *zipf_markov_source(128, 42)).held_out_loss;
    }
    fp32.push_back(held_out[0]);
    difference.push_back(held_out[1] - held_out[0]);
  }
  const double sigma = standard_deviation(fp32), change = mean(difference);
  const bool good = std::abs(change) <= 2 * sigma;
  count(good ? "PASS" : "MISS");
  line("loss change from bf16 products, nats (27k parameters)", fmt::format("{:+.5f}", change),
       fmt::format("<= {:.4f}", 2 * sigma), good ? "PASS" : "MISS",
       fmt::format("two seed sigmas, 5 seeds, 2M tokens each"));
}

}  // namespace isoflop::sim
