// Where the spread between seeds comes from: the same training run under several initial weights.
//
// Held-out loss of a 2 x 32 model after 2 million tokens of the Zipf-Markov source, per rule for the initial standard
// deviation of matrices, and per seed with the data the same: mean and standard deviation over seeds, and what bf16
// products change, paired by seed. One thread a run, as many runs at once as there are processors; 4 minutes on two.
//
// usage: bench_seed_noise [SEEDS]     (default 8)
#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <vector>

#include "isoflop/parallel.h"
#include "isoflop/sim/kernel/token_source.h"
#include "isoflop/sim/kernel/training_step.h"
#include "isoflop/sim/machine/machine_probes.h"
#include "isoflop/statistics.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

constexpr std::size_t sequences = 16, length = 64;
constexpr std::int64_t width = 32, steps = 2000;
constexpr double usual_sd = 0.02;  // what Trainer starts from, matrices that write to the residual stream less

// `of_fan_in`: matrices get that over the root of their inputs; 0: left as they are.
double held_out_loss(double of_fan_in, Precision precision, std::uint64_t seed, const TokenSource& source) {
  Trainer trainer(plain_model(2, width, 2, 2, 128), sequences, length, precision, {}, seed, 1);
  if (of_fan_in > 0) {
    for (const auto& place : trainer.layout().places()) {
      if (place.shape.size() < 2 || place.name == "embedding") continue;
      const double sd = of_fan_in / std::sqrt(static_cast<double>(place.shape.back()));
      for (std::size_t i = 0; i < place.count; ++i)
        trainer.weights()[place.offset + i] *= static_cast<float>(sd / usual_sd);
    }
    trainer.weights_changed();
  }
  Schedule schedule;
  schedule.peak = 5e-3;
  for (std::int64_t step = 0; step < steps; ++step) {
    const TokenBatch batch = source.batch(static_cast<std::uint64_t>(step), sequences, length);
    trainer.step({batch.ids}, {batch.targets}, learning_rate(schedule, step, steps));
  }
  constexpr std::uint64_t batches = 64;
  double sum = 0;
  for (std::uint64_t i = 0; i < batches; ++i) {
    const TokenBatch batch = source.held_out(i, sequences, length);
    sum += trainer.evaluate(batch.ids, batch.targets) / static_cast<double>(batches);
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const auto seeds = static_cast<std::size_t>(argc > 1 ? std::max(2, std::atoi(argv[1])) : 8);
  const auto source = zipf_markov_source(128, 42);
  fmt::print("{:>30} {:>12} {:>12} {:>16} {:>14}\n", "initial sd of matrices", "mean, nats", "seed sigma",
             "bf16 - fp32", "its error");
  for (const double of_fan_in : {0.0, 0.5, 1.0}) {
    std::vector<double> fp32(seeds), bf16(seeds), change(seeds);
    parallel_for(2 * seeds, 0, [&](std::size_t i) {
      (i < seeds ? fp32 : bf16)[i % seeds] =
          held_out_loss(of_fan_in, i < seeds ? Precision::Fp32 : Precision::Bf16, i % seeds + 1, *source);
    });
    for (std::size_t i = 0; i < seeds; ++i) change[i] = bf16[i] - fp32[i];
    fmt::print("{:>30} {:12.4f} {:12.4f} {:+16.4f} {:14.4f}\n",
               of_fan_in > 0 ? fmt::format("{} / sqrt(inputs)", of_fan_in) : fmt::format("{}", usual_sd), mean(fp32),
               standard_deviation(fp32), mean(change),
               standard_deviation(change) / std::sqrt(static_cast<double>(seeds)));
    std::fflush(stdout);
  }
}
