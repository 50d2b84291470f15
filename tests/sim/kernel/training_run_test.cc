#include "isoflop/sim/kernel/training_run.h"

#include <doctest/doctest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "isoflop/error.h"
#include "lib/model/blocks.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

TrainingRunSettings small_run() {
  TrainingRunSettings s;
  s.architecture = test::llama("tiny", 1, 32, 4, 2, 48, 16);
  s.sequences = 8;
  s.length = 32;
  s.steps = 12;
  s.schedule.peak = 1e-2;
  s.held_out_batches = 2;
  return s;
}

std::string temporary(const std::string& name) {
  const auto path = (std::filesystem::temp_directory_path() / ("isoflop-test-" + name)).string();
  std::filesystem::remove(path);
  return path;
}

struct Stop {};

}  // namespace

TEST_CASE("a run that is stopped and continued ends at the same bits as one that is not") {
  const auto source = zipf_markov_source(16, 1);
  const auto whole = run_training(small_run(), *source);
  auto s = small_run();
  s.checkpoint = temporary("resume.ckpt");
  s.checkpoint_every = 5;
  CHECK_THROWS_AS(run_training(s, *source, [](const CurvePoint& p) { if (p.step == 7) throw Stop(); }), Stop);
  const auto resumed = run_training(s, *source);
  CHECK(resumed.first_step == 5);
  REQUIRE(resumed.curve.size() == whole.curve.size());
  for (std::size_t i = 0; i < whole.curve.size(); ++i) CHECK(resumed.curve[i].loss == whole.curve[i].loss);
  CHECK(resumed.held_out_loss == whole.held_out_loss);
  std::filesystem::remove(s.checkpoint);
}

TEST_CASE("a checkpoint of other settings, a truncated one and another file are refused") {
  const auto source = zipf_markov_source(16, 1);
  auto s = small_run();
  s.checkpoint = temporary("refuse.ckpt");
  run_training(s, *source);
  auto other = s;
  other.schedule.peak = 2e-2;
  CHECK_THROWS_WITH_AS(run_training(other, *source), doctest::Contains("other settings"), Error);
  std::filesystem::resize_file(s.checkpoint, std::filesystem::file_size(s.checkpoint) - 10);
  CHECK_THROWS_WITH_AS(run_training(s, *source), doctest::Contains("ends early"), Error);
  std::ofstream(s.checkpoint) << "hello";
  CHECK_THROWS_WITH_AS(run_training(s, *source), doctest::Contains("is no checkpoint"), Error);
  std::filesystem::remove(s.checkpoint);
}

TEST_CASE("held-out loss is never below a perfect model's beyond sampling noise, and counts are exact") {
  const auto source = zipf_markov_source(16, 1);
  const auto run = run_training(small_run(), *source);
  REQUIRE(run.perfect_loss.has_value());
  CHECK(run.held_out_loss > *run.perfect_loss);
  CHECK(run.executed_flop_per_step > run.model_flop_per_step);
}

TEST_CASE("a file too short to train on and a vocabulary too small are refused") {
  const auto path = temporary("short.txt");
  std::ofstream(path) << "short";
  CHECK_THROWS_AS(text_source(path, 1), Error);
  std::filesystem::remove(path);
  CHECK_THROWS_AS(run_training(small_run(), *zipf_markov_source(32, 1)), Error);
}
