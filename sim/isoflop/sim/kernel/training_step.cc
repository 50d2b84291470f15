#include "isoflop/sim/kernel/training_step.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <mutex>
#include <numbers>
#include <set>
#include <string>

#include "isoflop/error.h"
#include "isoflop/machine_share.h"
#include "isoflop/model/op_cost.h"
#include "isoflop/parallel.h"
#include "isoflop/sim/kernel/large_pages.h"
#include "isoflop/sim/kernel/vector_loops.h"

namespace isoflop::sim {
namespace {

// More shards than this would not pay for the extra copies of the gradients; fewer would leave cores idle.
constexpr std::size_t most_shards = 4;
constexpr std::size_t fewest_tokens_per_shard = 128;

bool decays(const WeightLayout::Place& place) {
  return place.shape.size() >= 2 && place.name.find("bias") == std::string::npos;
}

constexpr std::size_t update_block = 16384;

}  // namespace

std::size_t training_shards(std::size_t sequences, std::size_t length) {
  std::size_t shards = 1;
  while (shards * 2 <= most_shards && sequences % (shards * 2) == 0 &&
         sequences / (shards * 2) * length >= fewest_tokens_per_shard)
    shards *= 2;
  return shards;
}

double learning_rate(const Schedule& s, std::int64_t step, std::int64_t steps) {
  const double done = static_cast<double>(step) + 1, all = static_cast<double>(std::max<std::int64_t>(1, steps));
  const double warmup = std::max(1.0, s.warmup_fraction * all);
  if (done <= warmup) return s.peak * done / warmup;
  switch (s.kind) {
    case ScheduleKind::Constant: return s.peak;
    case ScheduleKind::Cosine: {
      const double progress = std::min(1.0, (done - warmup) / std::max(1.0, all - warmup));
      return s.peak * (s.final_fraction + (1 - s.final_fraction) * 0.5 * (1 + std::cos(std::numbers::pi * progress)));
    }
    case ScheduleKind::WarmupStableDecay: {
      const double decay = s.decay_fraction * all, left = all - done;
      if (decay <= 0 || left >= decay) return s.peak;
      return s.peak * (s.final_fraction + (1 - s.final_fraction) * left / decay);
    }
  }
  return s.peak;
}

struct Trainer::State {
  Architecture architecture;
  std::size_t sequences, length, shards;
  Precision precision;
  OptimiserSettings optimiser;
  int threads;
  Program program;  // of one shard
  WeightLayout layout;
  std::set<std::string> overwritten;  // weights_of_one_product
  std::vector<float> weights, m, v;
  std::int64_t steps = 0;
  PackedWeights packed;
  // One for each thread, not for each shard: what a thread wrote for its last shard is still in its cache.
  std::vector<Execution> executions;
  std::vector<Execution*> idle;
  std::mutex idle_mutex;
  std::vector<std::vector<float>> gradients;

  State(const Architecture& a, std::size_t b, std::size_t t, Precision p, const OptimiserSettings& o,
        int threads_wanted)
      : architecture(a),
        sequences(b),
        length(t),
        shards(training_shards(b, t)),
        precision(p),
        optimiser(o),
        threads(thread_count(threads_wanted)),
        program(forward(a, Step::train(static_cast<std::int64_t>(b / shards), static_cast<std::int64_t>(t)))),
        layout(program),
        overwritten(weights_of_one_product(program)) {
    check_memory();
    for (std::size_t i = 0; i < side_by_side(); ++i) executions.emplace_back(program, layout, precision);
    for (auto& execution : executions) idle.push_back(&execution);
    for (std::size_t s = 0; s < shards; ++s) gradients.push_back(zeros_in_large_pages(layout.count()));
  }

  std::size_t side_by_side() const { return std::min(shards, static_cast<std::size_t>(threads)); }

  // Calls work(shard, execution) for each shard; an execution has one shard at a time. No pass remembers another.
  void for_each_shard(const std::function<void(std::size_t, Execution&)>& work) {
    parallel_for(shards, threads, [&](std::size_t shard) {
      Execution* own = nullptr;
      {
        const std::scoped_lock lock(idle_mutex);
        own = idle.back();
        idle.pop_back();
      }
      const auto give_back = [&] {
        const std::scoped_lock lock(idle_mutex);
        idle.push_back(own);
      };
      try {
        work(shard, *own);
      } catch (...) {
        give_back();
        throw;
      }
      give_back();
    });
  }

  // Weights, two moments, packed weights in both directions, gradients of each shard and activations of each thread.
  void check_memory() const {
    const double parameters = static_cast<double>(layout.count()), each = static_cast<double>(shards);
    double activations = 0;
    for (const Tensor& tensor : program.tensors)
      if (tensor.kind == TensorKind::Activation) activations += static_cast<double>(tensor.elements());
    const double bytes = 4 * parameters * (3 + each) + (precision == Precision::Bf16 ? 4 : 8) * parameters +
                         4 * activations * static_cast<double>(side_by_side());
    require_memory(bytes, fmt::format("training {} parameters on {} x {} tokens", layout.count(), sequences, length));
  }

  std::size_t shard_tokens() const { return sequences / shards * length; }

  // Where gradients are added to; the others are overwritten by the first batch of a step.
  void clear(float* gradient) const {
    for (const auto& place : layout.places())
      if (overwritten.count(place.name) == 0) std::fill_n(gradient + place.offset, place.count, 0.0f);
  }

  // Gradients of all shards are added to the first one's, always in the same order.
  void add_up_gradients() {
    const std::size_t blocks = (layout.count() + update_block - 1) / update_block;
    parallel_for(blocks, threads, [&](std::size_t block) {
      const std::size_t first = block * update_block, count = std::min(update_block, layout.count() - first);
      for (std::size_t s = 1; s < shards; ++s)
        vector_loops().accumulate(count, gradients[s].data() + first, gradients[0].data() + first);
    });
  }

  double gradient_norm() const {
    const std::size_t blocks = (layout.count() + update_block - 1) / update_block;
    std::vector<double> squares(blocks);
    parallel_for(blocks, threads, [&](std::size_t block) {
      const std::size_t first = block * update_block;
      squares[block] =
          vector_loops().sum_of_squares(std::min(update_block, layout.count() - first), gradients[0].data() + first);
    });
    double sum = 0;
    for (double s : squares) sum += s;
    return std::sqrt(sum);
  }

  void update(double rate, double gradient_factor) {
    const double t = static_cast<double>(steps);
    const double step_size = rate / (1 - std::pow(optimiser.beta1, t)),
                 root = 1 / std::sqrt(1 - std::pow(optimiser.beta2, t));
    struct Block {
      std::size_t first, count;
      bool decays;
    };
    std::vector<Block> blocks;
    for (const auto& place : layout.places())
      for (std::size_t first = 0; first < place.count; first += update_block)
        blocks.push_back({place.offset + first, std::min(update_block, place.count - first), decays(place)});
    parallel_for(blocks.size(), threads, [&](std::size_t i) {
      const Block& b = blocks[i];
      vector_loops().adamw(
          b.count, weights.data() + b.first, m.data() + b.first, v.data() + b.first, gradients[0].data() + b.first,
          static_cast<float>(gradient_factor), static_cast<float>(optimiser.beta1), static_cast<float>(optimiser.beta2),
          static_cast<float>(step_size), static_cast<float>(root), static_cast<float>(optimiser.epsilon),
          b.decays ? static_cast<float>(rate * optimiser.weight_decay) : 0.0f);
    });
  }
};

Trainer::Trainer(const Architecture& architecture, std::size_t sequences, std::size_t length, Precision precision,
                 const OptimiserSettings& optimiser, std::uint64_t seed, int threads) {
  check_executable(architecture);
  state_ = std::make_unique<State>(architecture, sequences, length, precision, optimiser, threads);
  state_->weights = initial_weights(state_->layout, architecture.layers.size(), seed);
  state_->m = zeros_in_large_pages(state_->layout.count());
  state_->v = zeros_in_large_pages(state_->layout.count());
  weights_changed();
}
Trainer::~Trainer() = default;

void Trainer::weights_changed() {
  state_->packed.pack(state_->layout, state_->weights.data(), state_->precision, true, state_->threads);
}

StepResult Trainer::step(const std::vector<std::vector<std::int32_t>>& ids,
                         const std::vector<std::vector<std::int32_t>>& targets, double rate) {
  State& s = *state_;
  const std::size_t micro = ids.size();
  std::vector<double> losses(s.shards, 0.0);
  s.for_each_shard([&](std::size_t shard, Execution& execution) {
    s.clear(s.gradients[shard].data());
    for (std::size_t i = 0; i < micro; ++i) {
      const std::size_t first = shard * s.shard_tokens();
      losses[shard] +=
          execution.forward(s.weights.data(), s.packed, ids[i].data() + first, targets[i].data() + first);
      execution.backward(s.weights.data(), s.packed, 1.0f / static_cast<float>(s.shards * micro),
                         s.gradients[shard].data(), i == 0);
    }
  });
  StepResult result;
  for (double loss : losses) result.loss += loss / static_cast<double>(s.shards * micro);
  s.add_up_gradients();
  result.gradient_norm = s.gradient_norm();
  if (!std::isfinite(result.loss) || !std::isfinite(result.gradient_norm))
    return result;  // the caller sees it; weights stay
  const double clip = s.optimiser.clip_norm;
  ++s.steps;
  s.update(rate, clip > 0 && result.gradient_norm > clip ? clip / result.gradient_norm : 1);
  weights_changed();
  return result;
}

double Trainer::evaluate(const std::vector<std::int32_t>& ids, const std::vector<std::int32_t>& targets) {
  State& s = *state_;
  std::vector<double> losses(s.shards);
  s.for_each_shard([&](std::size_t shard, Execution& execution) {
    const std::size_t first = shard * s.shard_tokens();
    losses[shard] = execution.forward(s.weights.data(), s.packed, ids.data() + first, targets.data() + first);
  });
  double loss = 0;
  for (double l : losses) loss += l / static_cast<double>(s.shards);
  return loss;
}

const WeightLayout& Trainer::layout() const { return state_->layout; }
std::vector<float>& Trainer::weights() { return state_->weights; }
std::vector<float>& Trainer::first_moments() { return state_->m; }
std::vector<float>& Trainer::second_moments() { return state_->v; }
std::int64_t& Trainer::steps_taken() { return state_->steps; }
std::size_t Trainer::shards() const { return state_->shards; }

std::size_t Trainer::memory_bytes() const {
  std::size_t bytes =
      state_->layout.count() * sizeof(float) * (5 + state_->shards);  // weights, m, v, two packed copies, gradients
  for (const auto& execution : state_->executions) bytes += execution.activation_bytes();
  return bytes;
}

double Trainer::flop_per_step() const {
  double flop = 0;
  for (const Pass pass : {Pass::Forward, Pass::Backward, Pass::ScoresAgain})
    flop += cost(state_->program, pass).flops();
  return flop * static_cast<double>(state_->shards);
}

double Trainer::model_flop_per_step() const {
  return 3 * cost(state_->program, Pass::Forward).matmul_flops * static_cast<double>(state_->shards);
}

}  // namespace isoflop::sim
