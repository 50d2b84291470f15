#include "isoflop/sim/kernel/training_run.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <numbers>

#include "isoflop/error.h"
#include "isoflop/sha256.h"
#include "isoflop/sim/kernel/checkpoint.h"

namespace isoflop::sim {
namespace {

// Everything that decides the bits of a run; a checkpoint of another run is refused. Threads are not among them.
std::string fingerprint(const TrainingRunSettings& s, const TokenSource& source, const Trainer& trainer) {
  std::string text = fmt::format(
      "{} {} {} {} {} {} {} {} {} {} {} {} {} {} {}", source.identity(), s.sequences, s.length, s.micro_batches,
      s.steps, static_cast<int>(s.precision), s.optimiser.beta1, s.optimiser.beta2, s.optimiser.epsilon,
      s.optimiser.weight_decay, s.optimiser.clip_norm, static_cast<int>(s.schedule.kind), s.schedule.peak,
      s.schedule.warmup_fraction, s.seed);
  for (const auto& place : trainer.layout().places()) text += fmt::format(";{} {}", place.name, place.count);
  text += fmt::format(" {} {}", s.first_batch, s.held_out_batches);
  for (const auto step : s.evaluate_after) text += fmt::format(",{}", step);
  return sha256_hex(text);
}

double held_out_loss(Trainer& trainer, const TrainingRunSettings& s, const TokenSource& source) {
  double sum = 0;
  for (std::size_t i = 0; i < s.held_out_batches; ++i) {
    const TokenBatch batch = source.held_out(i, s.sequences, s.length);
    sum += trainer.evaluate(batch.ids, batch.targets) / static_cast<double>(s.held_out_batches);
  }
  return sum;
}

std::optional<double> perfect_held_out_loss(const TrainingRunSettings& s, const TokenSource& source) {
  if (s.held_out_batches == 0) return std::nullopt;
  double sum = 0;
  for (std::size_t i = 0; i < s.held_out_batches; ++i) {
    const auto best = source.perfect_loss(source.held_out(i, s.sequences, s.length), s.length);
    if (!best) return std::nullopt;
    sum += *best / static_cast<double>(s.held_out_batches);
  }
  return sum;
}

std::optional<double> held_out_bytes_per_token(const TrainingRunSettings& s, const TokenSource& source) {
  const BytePairs* tokenizer = source.tokenizer();
  if (!tokenizer || s.held_out_batches == 0) return std::nullopt;
  double bytes = 0, tokens = 0;
  for (std::size_t i = 0; i < s.held_out_batches; ++i)
    for (const auto token : source.held_out(i, s.sequences, s.length).targets) {
      bytes += static_cast<double>(tokenizer->bytes_of(static_cast<std::size_t>(token)).size());
      ++tokens;
    }
  return bytes / tokens;
}

}  // namespace

std::optional<double> TrainingRunResult::bits_per_byte() const {
  if (!bytes_per_token) return std::nullopt;
  return held_out_loss / std::numbers::ln2 / *bytes_per_token;
}

TrainingRunResult run_training(const TrainingRunSettings& s, const TokenSource& source,
                               const std::function<void(const CurvePoint&)>& after_step) {
  if (static_cast<std::size_t>(s.architecture.vocabulary) < source.vocabulary())
    throw Error(Fault::BadInput,
                fmt::format("{}: has {} tokens in its vocabulary, the source ({}) needs {}", s.architecture.name,
                            s.architecture.vocabulary, source.name(), source.vocabulary()));
  Trainer trainer(s.architecture, s.sequences, s.length, s.precision, s.optimiser, s.seed, s.threads);
  TrainingRunResult result;
  const std::string print = fingerprint(s, source, trainer);
  if (!s.checkpoint.empty() && std::filesystem::exists(s.checkpoint))
    result.curve = resume_checkpoint(s.checkpoint, print, trainer);
  result.first_step = static_cast<std::int64_t>(result.curve.size());
  const auto now_s = [] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  double saved = now_s(), saving_s = 0;
  for (std::int64_t step = result.first_step; step < s.steps; ++step) {
    std::vector<std::vector<std::int32_t>> ids, targets;
    for (std::size_t m = 0; m < s.micro_batches; ++m) {
      TokenBatch batch =
          source.batch(s.first_batch + static_cast<std::uint64_t>(step) * s.micro_batches + m, s.sequences, s.length);
      ids.push_back(std::move(batch.ids));
      targets.push_back(std::move(batch.targets));
    }
    const double rate = learning_rate(s.schedule, step, s.steps);
    const auto start = std::chrono::steady_clock::now();
    const StepResult done = trainer.step(ids, targets, rate);
    result.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (!std::isfinite(done.loss) || !std::isfinite(done.gradient_norm)) {
      result.diverged = fmt::format(
          "the loss stopped being a number at step {} (learning rate {:.3g}); weights are those before it", step, rate);
      break;
    }
    result.curve.push_back({step, done.loss, rate, done.gradient_norm});
    if (std::binary_search(s.evaluate_after.begin(), s.evaluate_after.end(), step + 1))
      result.curve.back().held_out_loss = held_out_loss(trainer, s, source);
    if (after_step) after_step(result.curve.back());
    const double pause = s.checkpoint_every_s > 0 ? std::max(s.checkpoint_every_s, 20 * saving_s) : 0;
    const bool time_to_save = now_s() - saved >= pause;
    if (!s.checkpoint.empty() && (time_to_save || (step + 1) % s.checkpoint_every == 0 || step + 1 == s.steps)) {
      const double start_s = now_s();
      save_checkpoint(s.checkpoint, print, s, source.tokenizer(), trainer, result.curve);
      saved = now_s();
      saving_s = saved - start_s;
    }
  }
  result.held_out_loss = held_out_loss(trainer, s, source);
  result.perfect_loss = perfect_held_out_loss(s, source);
  result.bytes_per_token = held_out_bytes_per_token(s, source);
  const double run_steps = static_cast<double>(static_cast<std::int64_t>(result.curve.size()) - result.first_step);
  const double micro = static_cast<double>(s.micro_batches);
  result.model_flop_per_step = micro * trainer.model_flop_per_step();
  result.executed_flop_per_step = micro * trainer.flop_per_step();
  if (result.seconds > 0) {
    result.tokens_per_s = run_steps * micro * static_cast<double>(s.sequences * s.length) / result.seconds;
    result.model_flop_per_s = run_steps * result.model_flop_per_step / result.seconds;
    result.executed_flop_per_s = run_steps * result.executed_flop_per_step / result.seconds;
  }
  for (const auto& place : trainer.layout().places()) result.parameters += place.count;
  result.memory_bytes = trainer.memory_bytes();
  return result;
}

}  // namespace isoflop::sim
