// A whole training run: batches, schedule, curve, held-out loss, checkpoints that continue to the same bits.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "isoflop/sim/kernel/token_source.h"
#include "isoflop/sim/kernel/training_step.h"

namespace isoflop::sim {

struct TrainingRunSettings {  ///< Model, batches, schedule and what is kept.
  Architecture architecture;
  std::size_t sequences = 16, length = 64;
  std::size_t micro_batches = 1;     ///< gradients of so many batches are added before an update
  std::int64_t steps = 100;
  Precision precision = Precision::Fp32;
  OptimiserSettings optimiser;
  Schedule schedule;
  std::uint64_t seed = 42;
  int threads = 0;
  std::uint64_t first_batch = 0;     ///< of the source; runs that must not share their data start elsewhere
  std::size_t held_out_batches = 8;
  std::vector<std::int64_t>
      evaluate_after;                ///< numbers of steps, rising, after which the held-out loss is measured too
  std::string checkpoint;            ///< file; empty: none. Continued from when it exists and fits the settings.
  std::int64_t checkpoint_every = 100;
  double checkpoint_every_s = 1e300;  ///< also when so much time has passed, though at most 5 % of it goes into saving;
                                      ///< 0: after every step. Does not touch the result
};

struct CurvePoint {  ///< One logged step.
  std::int64_t step = 0;
  double loss = 0, learning_rate = 0, gradient_norm = 0;
  double held_out_loss = 0;          ///< after this step; 0: not measured here
};

struct TrainingRunResult {  ///< The curve, the losses and the speed.
  std::vector<CurvePoint> curve;
  std::int64_t first_step = 0;       ///< where a resumed run continued
  std::string diverged;              ///< not empty: at which step the loss stopped being a number
  double held_out_loss = 0;          ///< nats per token
  std::optional<double> perfect_loss;  ///< of a perfect model on the same held-out tokens
  std::optional<double> bytes_per_token;  ///< of the held-out targets, where tokens stand for bytes
  double seconds = 0;                ///< of the steps alone
  double tokens_per_s = 0, model_flop_per_s = 0, executed_flop_per_s = 0;
  double model_flop_per_step = 0, executed_flop_per_step = 0;
  std::size_t parameters = 0, memory_bytes = 0;

  /// Held-out loss per byte: comparable between tokenisations of one text.
  std::optional<double> bits_per_byte() const;
};

/// `after_step` sees each point as it is made. Throws Error (BadInput) for a checkpoint of other settings.
TrainingRunResult run_training(const TrainingRunSettings& settings, const TokenSource& source,
                               const std::function<void(const CurvePoint&)>& after_step = {});

}  // namespace isoflop::sim
