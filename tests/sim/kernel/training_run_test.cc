#include "isoflop/sim/kernel/training_run.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/sim/kernel/checkpoint.h"
#include "isoflop/statistics.h"
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
  const auto bytes = std::filesystem::file_size(s.checkpoint);
  for (const auto place : {bytes / 2, bytes - 2}) {
    std::fstream file(s.checkpoint, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(place));
    const char was = static_cast<char>(file.get());
    for (const char now : {static_cast<char>(was ^ 4), was}) {
      file.seekp(static_cast<std::streamoff>(place));
      file.put(now);
      file.flush();
      if (now == was) CHECK_NOTHROW(read_model(s.checkpoint));
      else CHECK_THROWS_WITH_AS(run_training(s, *source), doctest::Contains("is damaged"), Error);
    }
  }
  std::filesystem::resize_file(s.checkpoint, bytes - 10);
  CHECK_THROWS_WITH_AS(run_training(s, *source), doctest::Contains("ends early"), Error);
  std::ofstream(s.checkpoint) << "isoflop checkpoint 1\n";
  CHECK_THROWS_WITH_AS(run_training(s, *source), doctest::Contains("another version"), Error);
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

TEST_CASE("a text in byte pairs is trained on, stored with its tokenizer and read back by what decodes") {
  const std::string path = temporary("pairs.txt"), checkpoint = temporary("pairs.ckpt");
  std::string text;
  for (int i = 0; text.size() < 20000; ++i) text += "the " + std::to_string(i * i % 97) + " cats\n";
  std::ofstream(path, std::ios::binary) << text;
  double bits[2];
  for (const bool pairs : {false, true}) {
    const auto source = text_source(path, 1, pairs ? 300 : 256);
    auto s = small_run();
    s.architecture.vocabulary = static_cast<std::int64_t>(source->vocabulary());
    s.checkpoint = checkpoint;
    std::filesystem::remove(checkpoint);
    const auto run = run_training(s, *source);
    REQUIRE(run.bits_per_byte().has_value());
    bits[pairs] = *run.bits_per_byte();
    double bytes = 0;
    for (std::size_t i = 0; i < s.held_out_batches; ++i)
      bytes += static_cast<double>(
          source->tokenizer()->decode(source->held_out(i, s.sequences, s.length).targets).size());
    const double tokens = static_cast<double>(s.held_out_batches * s.sequences * s.length);
    CHECK(agrees(bits[pairs], run.held_out_loss * tokens / bytes / std::log(2.0), 12));
    const TrainedModel model = read_model(checkpoint);
    REQUIRE(model.tokenizer.has_value());
    CHECK(model.tokenizer->text() == source->tokenizer()->text());
    CHECK(model.steps == s.steps);
    CHECK(model.architecture.vocabulary == s.architecture.vocabulary);
    CHECK(run.held_out_loss < std::log(static_cast<double>(s.architecture.vocabulary)));
    // The weights read back are the trained ones: they lose as much on the held-out text.
    Trainer trainer(model.architecture, s.sequences, s.length, Precision::Fp32, {}, 9, 1);
    trainer.weights() = model.weights;
    trainer.weights_changed();
    double loss = 0;
    for (std::size_t i = 0; i < s.held_out_batches; ++i) {
      const auto batch = source->held_out(i, s.sequences, s.length);
      loss += trainer.evaluate(batch.ids, batch.targets) / static_cast<double>(s.held_out_batches);
    }
    CHECK(loss == run.held_out_loss);
  }
  // Learnt from the part that is trained on, and not from the tenth that is held out.
  const auto source = text_source(path, 1, 300);
  CHECK(source->tokenizer()->text() == BytePairs::learn(text.substr(0, text.size() - text.size() / 10), 300).text());
  // A run with another vocabulary, or on another text of the same name, is another run.
  auto s = small_run();
  s.checkpoint = checkpoint;
  s.architecture.vocabulary = 300;
  CHECK_THROWS_WITH_AS(run_training(s, *text_source(path, 1, 280)), doctest::Contains("other settings"), Error);
  text[5000] = '?';
  std::ofstream(path, std::ios::binary) << text;
  CHECK_THROWS_WITH_AS(run_training(s, *text_source(path, 1, 300)), doctest::Contains("other settings"), Error);
  std::filesystem::resize_file(checkpoint, 200);
  CHECK_THROWS_WITH_AS(read_model(checkpoint), doctest::Contains("ends early"), Error);
  std::filesystem::remove(path);
  std::filesystem::remove(checkpoint);
}

TEST_CASE("texts of one repeated byte and of zeros and broken UTF-8 are trained on like any other") {
  const std::string path = temporary("odd.txt");
  for (const auto& unit : {std::string("a"), std::string("\0", 1), std::string("\xff\xc0\0 ", 4)}) {
    std::string text;
    while (text.size() < 200000) text += unit;
    std::ofstream(path, std::ios::binary) << text;
    const auto source = text_source(path, 1, 512);
    CHECK(source->vocabulary() < 300);
    auto s = small_run();
    s.steps = 2;
    s.architecture.vocabulary = static_cast<std::int64_t>(source->vocabulary());
    CHECK(std::isfinite(*run_training(s, *source).bits_per_byte()));
  }
  std::filesystem::remove(path);
}

TEST_SUITE("slow") {
  TEST_CASE("bf16 products change the held-out loss by less than two standard deviations between seeds") {
    std::vector<double> fp32, change;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      double loss[2];
      for (const int p : {0, 1}) {
        TrainingRunSettings s;
        s.architecture = test::llama("27 thousand parameters", 2, 32, 2, 2, 96, 128);
        s.steps = 500;
        s.schedule.peak = 5e-3;
        s.precision = p == 0 ? Precision::Fp32 : Precision::Bf16;
        s.seed = seed;
        loss[p] = run_training(s, *zipf_markov_source(128, 42)).held_out_loss;
      }
      CHECK(loss[0] != loss[1]);
      fp32.push_back(loss[0]);
      change.push_back(loss[1] - loss[0]);
    }
    INFO("mean change " << mean(change) << ", seed sigma " << standard_deviation(fp32));
    CHECK(std::fabs(mean(change)) <= 2 * standard_deviation(fp32));
  }
}
