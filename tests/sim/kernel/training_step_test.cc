#include "isoflop/sim/kernel/training_step.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "agrees.h"
#include "isoflop/sim/kernel/zipf_markov.h"
#include "lib/model/blocks.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

struct Batch {
  std::vector<std::int32_t> ids, targets;
};

Batch batch_of(const ZipfMarkov& source, std::size_t sequences, std::size_t length, std::uint64_t stream) {
  const auto tokens = source.sample(sequences * (length + 1), stream);
  Batch batch;
  for (std::size_t s = 0; s < sequences; ++s)
    for (std::size_t t = 0; t < length; ++t) {
      batch.ids.push_back(tokens[s * (length + 1) + t]);
      batch.targets.push_back(tokens[s * (length + 1) + t + 1]);
    }
  return batch;
}

Architecture tiny_llama() { return test::llama("tiny", 2, 32, 4, 2, 64, 16); }

}  // namespace

TEST_CASE("training lowers the loss towards the source's floor and never below it") {
  const ZipfMarkov source(16, 1);
  const std::size_t sequences = 16, length = 32;
  Trainer trainer(tiny_llama(), sequences, length, Precision::Fp32, {}, 1, 2);
  const Schedule schedule{ScheduleKind::Cosine, 1e-2, 0.05, 0.2, 0.1};
  const int steps = 150;
  double first = 0;
  for (int i = 0; i < steps; ++i) {
    const Batch b = batch_of(source, sequences, length, 100 + static_cast<std::uint64_t>(i));
    const auto result = trainer.step({b.ids}, {b.targets}, learning_rate(schedule, i, steps));
    if (i == 0) first = result.loss;
  }
  CHECK(std::fabs(first - std::log(16.0)) < 0.05);  // an untrained model knows nothing
  const Batch test = batch_of(source, sequences, length, 7);
  const double loss = trainer.evaluate(test.ids, test.targets);
  std::vector<std::int32_t> windows;
  for (std::size_t s = 0; s < sequences; ++s) {
    for (std::size_t t = 0; t < length; ++t) windows.push_back(test.ids[s * length + t]);
    windows.push_back(test.targets[s * length + length - 1]);
  }
  const double perfect = source.perfect_loss(windows, length);
  CHECK(loss < source.unigram_entropy());
  CHECK(loss > perfect);
  CHECK(loss < perfect + 0.35);
}

TEST_CASE("a run is the same bits for a seed and for any number of threads") {
  const ZipfMarkov source(16, 1);
  std::vector<float> weights[3];
  const int threads[3] = {1, 2, 5};
  for (int run = 0; run < 3; ++run) {
    Trainer trainer(tiny_llama(), 8, 64, Precision::Bf16, {}, 9, threads[run]);
    CHECK(trainer.shards() == 4);
    for (int i = 0; i < 4; ++i) {
      const Batch b = batch_of(source, 8, 64, static_cast<std::uint64_t>(i));
      trainer.step({b.ids}, {b.targets}, 1e-3);
    }
    weights[run] = trainer.weights();
  }
  CHECK(std::memcmp(weights[0].data(), weights[1].data(), weights[0].size() * sizeof(float)) == 0);
  CHECK(std::memcmp(weights[0].data(), weights[2].data(), weights[0].size() * sizeof(float)) == 0);
}

TEST_CASE("micro-batches accumulate to the gradient of the whole batch") {
  const ZipfMarkov source(16, 1);
  const Batch whole = batch_of(source, 8, 16, 1);
  std::vector<std::vector<std::int32_t>> ids(2), targets(2);
  for (std::size_t i = 0; i < whole.ids.size(); ++i) {
    ids[i / 64].push_back(whole.ids[i]);
    targets[i / 64].push_back(whole.targets[i]);
  }
  Trainer one(tiny_llama(), 8, 16, Precision::Fp32, {}, 3, 1), two(tiny_llama(), 4, 16, Precision::Fp32, {}, 3, 1);
  const auto a = one.step({whole.ids}, {whole.targets}, 1e-3);
  const auto b = two.step(ids, targets, 1e-3);
  CHECK(agrees(a.loss, b.loss, 5));
  CHECK(agrees(a.gradient_norm, b.gradient_norm, 4));
}

TEST_CASE("one AdamW step moves each weight as the formula says") {
  // After the first step m = (1 - b1) g and v = (1 - b2) g^2, so the corrected ratio is g / |g|: a move of the rate.
  const ZipfMarkov source(16, 1);
  const Batch b = batch_of(source, 4, 16, 1);
  OptimiserSettings settings;
  settings.weight_decay = 0;
  settings.clip_norm = 0;
  Trainer trainer(tiny_llama(), 4, 16, Precision::Fp32, settings, 3, 1);
  const auto before = trainer.weights();
  trainer.step({b.ids}, {b.targets}, 1e-3);
  std::size_t moved = 0;
  for (std::size_t i = 0; i < before.size(); ++i) {
    const double move = std::fabs(static_cast<double>(trainer.weights()[i]) - static_cast<double>(before[i]));
    const double g = static_cast<double>(trainer.first_moments()[i]) / 0.1;
    const double expected = std::fabs(g) > 0 ? 1e-3 * std::fabs(g) / (std::fabs(g) + 1e-8) : 0;
    if (std::fabs(g) > 1e-5) {
      ++moved;
      CHECK(std::fabs(move - expected) < 2e-6);
    }
  }
  CHECK(moved > before.size() / 2);
}

TEST_CASE("schedules start low, peak, and end where they say") {
  for (const auto kind : {ScheduleKind::Constant, ScheduleKind::Cosine, ScheduleKind::WarmupStableDecay}) {
    const Schedule s{kind, 1e-2, 0.1, 0.2, 0.1};
    CHECK(agrees(learning_rate(s, 0, 100), 1e-3, 12));
    CHECK(agrees(learning_rate(s, 9, 100), 1e-2, 12));
    CHECK(agrees(learning_rate(s, 99, 100), kind == ScheduleKind::Constant ? 1e-2 : 1e-3, 9));
  }
  CHECK(learning_rate({ScheduleKind::WarmupStableDecay, 1, 0.1, 0.2, 0}, 50, 100) == 1);
}
