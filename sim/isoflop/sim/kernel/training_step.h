// Training on this CPU: one optimiser step over a batch, shared over threads so that the result is the same bits for
// any number of them.
#pragma once
#include <cstdint>
#include <memory>
#include <vector>

#include "isoflop/model/architecture.h"
#include "isoflop/sim/kernel/execution.h"

namespace isoflop::sim {

/// AdamW (Loshchilov & Hutter, arXiv:1711.05101) with global norm clipping. Decay applies to matrices only.
struct OptimiserSettings {
  double beta1 = 0.9, beta2 = 0.95, epsilon = 1e-8;
  double weight_decay = 0.1;
  double clip_norm = 1;  ///< 0: no clipping
};

enum class ScheduleKind { Constant, Cosine, WarmupStableDecay };  ///< Shape of the learning rate after warm-up.

/// Learning rate over a run: linear warm-up, then constant, cosine to `final_fraction`, or stable with a linear decay
/// over the last `decay_fraction` of steps (arXiv:2404.06395).
struct Schedule {
  ScheduleKind kind = ScheduleKind::Cosine;
  double peak = 1e-3;
  double warmup_fraction = 0.05;
  double decay_fraction = 0.2;
  double final_fraction = 0.1;
};
double learning_rate(const Schedule& schedule, std::int64_t step, std::int64_t steps);

struct StepResult {  ///< What an update reports.
  double loss = 0;           ///< mean cross-entropy before the step, nats per token
  double gradient_norm = 0;  ///< before clipping
};

/// Into how many parts a batch is cut, by its shape alone; each part keeps gradients of its own.
std::size_t training_shards(std::size_t sequences, std::size_t length);

/// Weights, optimiser state and the executions that share a batch. The batch is cut into shards by its shape alone;
/// shards add their gradients in a fixed order.
class Trainer {
 public:
  /// Throws Error (BadInput) for what cannot be executed, (CannotRun) where memory does not suffice.
  Trainer(const Architecture& architecture, std::size_t sequences, std::size_t length, Precision precision,
          const OptimiserSettings& optimiser, std::uint64_t seed, int threads);
  ~Trainer();

  /// ids, targets: sequences x length, row-major; several micro-batches accumulate before one update.
  StepResult step(const std::vector<std::vector<std::int32_t>>& ids,
                  const std::vector<std::vector<std::int32_t>>& targets, double rate);
  /// Mean loss without an update.
  double evaluate(const std::vector<std::int32_t>& ids, const std::vector<std::int32_t>& targets);

  const WeightLayout& layout() const;
  std::vector<float>& weights();  ///< State of the optimiser, for checkpoints.
  std::vector<float>& first_moments();
  std::vector<float>& second_moments();
  std::int64_t& steps_taken();
  /// Call after writing to weights(): packed copies follow.
  void weights_changed();

  std::size_t shards() const;
  std::size_t memory_bytes() const;
  /// FLOP that one step executes: the counted cost of the op list, forward and backward (scores computed again).
  double flop_per_step() const;
  /// Model FLOP of one step by the exact count: 3 x the matrix products of the forward pass.
  double model_flop_per_step() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace isoflop::sim
