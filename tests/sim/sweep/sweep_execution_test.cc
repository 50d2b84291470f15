#include "isoflop/sim/sweep/sweep_execution.h"

#include <doctest/doctest.h>

#include <barrier>
#include <thread>

#include "isoflop/error.h"
#include "sim/sweep/tiny_sweep.h"

using namespace isoflop;
using namespace isoflop::sim;
using namespace isoflop::test;

namespace {

SweepOutcome make(const SweepPlan& plan, const std::string& folder, int jobs = 1, std::size_t shard = 1,
                  std::size_t shards = 1) {
  SweepOptions options;
  options.folder = folder;
  options.jobs = jobs;
  options.shard = shard;
  options.shards = shards;
  return run_sweep(plan, options);
}

struct Stop {};

}  // namespace

TEST_CASE("a sweep makes the same files side by side, in shards that are merged, and from another seed others") {
  const SweepPlan plan(tiny_sweep());
  const auto one = fresh_folder("one"), two = fresh_folder("two"), a = fresh_folder("a"), b = fresh_folder("b"),
             whole = fresh_folder("whole");
  const auto outcome = make(plan, one);
  CHECK(outcome.made == 6);
  CHECK(outcome.records.size() == 6);
  const auto expected = result_files(one);
  CHECK(expected.size() == 9);
  make(plan, two, 2);
  CHECK(result_files(two) == expected);
  CHECK(make(plan, a, 1, 1, 2).made == 3);
  CHECK(make(plan, b, 1, 2, 2).made == 3);
  CHECK(merge_sweeps({a}, fresh_folder("half")).size() == 3);
  merge_sweeps({b, a}, whole);
  CHECK(result_files(whole) == expected);
  auto other = tiny_sweep();
  other.seed = 7;
  const auto seven = fresh_folder("seven");
  make(SweepPlan(other), seven);
  CHECK(result_files(seven)["runs.csv"] != expected.at("runs.csv"));
  CHECK_THROWS_WITH_AS(merge_sweeps({a, seven}, whole), doctest::Contains("another plan"), Error);
  for (const auto& folder : {one, two, a, b, whole, seven, fresh_folder("half")}) std::filesystem::remove_all(folder);
}

TEST_CASE("processes that make a tuned sweep together leave the files of one, also when they come back as more") {
  auto s = tiny_sweep();
  s.tune_factors = {0.5, 1};
  const SweepPlan plan(s);
  const auto alone = fresh_folder("alone"), together = fresh_folder("together");
  make(plan, alone);
  // Threads stand for processes. Two begin and are stopped at the end of their trials, four come back.
  for (const std::size_t processes : {2, 4}) {
    std::barrier all_here(static_cast<std::ptrdiff_t>(processes));
    std::vector<std::jthread> threads;
    for (std::size_t p = 1; p <= processes; ++p)
      threads.emplace_back([&, p] {
        SweepOptions options;
        options.folder = together;
        options.shard = p;
        options.shards = processes;
        int waits = 0;
        try {
          const auto outcome = run_sweep_together(plan, options, [&] {
            all_here.arrive_and_wait();
            if (++waits == 2 && processes == 2) throw Stop();
          });
          if (p == 1) CHECK(outcome.records.size() == 6);
        } catch (const Stop&) {
        }
      });
  }
  CHECK(result_files(together) == result_files(alone));
  CHECK(std::filesystem::is_empty(together + "/checkpoints"));
  for (const auto& folder : {alone, together}) std::filesystem::remove_all(folder);
}

TEST_CASE("a stopped sweep continues inside the run it was stopped in and ends with the same files") {
  const SweepPlan plan(tiny_sweep());
  const auto whole = fresh_folder("unbroken"), broken = fresh_folder("broken");
  make(plan, whole);
  SweepOptions options;
  options.folder = broken;
  options.checkpoint_every_s = 0;
  int calls = 0;
  options.progress = [&](const SweepProgress&) {
    if (++calls == 150) throw Stop();
  };
  CHECK_THROWS_AS(run_sweep(plan, options), Stop);
  options.progress = nullptr;
  const auto outcome = run_sweep(plan, options);
  CHECK(outcome.continued == 1);
  CHECK(outcome.found + outcome.made == 6);
  CHECK(result_files(broken) == result_files(whole));
  CHECK(run_sweep(plan, options).found == 6);
  for (const auto& folder : {whole, broken}) std::filesystem::remove_all(folder);
}

TEST_CASE("a folder with another plan, a foreign record and a busy shard are refused") {
  const auto folder = fresh_folder("refuse");
  const SweepPlan plan(tiny_sweep());
  make(plan, folder);
  auto other = tiny_sweep();
  other.rule.base = 1e-3;
  CHECK_THROWS_WITH_AS(make(SweepPlan(other), folder), doctest::Contains("another plan"), Error);
  const auto path = record_path(folder, plan.runs()[0].name);
  write_file(path, "{\"schema\": \"isoflop.sweep-run/1\", \"plan\": \"x\"}");
  CHECK_THROWS_WITH_AS(make(plan, folder), doctest::Contains("another plan"), Error);
  std::filesystem::remove(path);
  SweepOptions options;
  options.folder = folder;
  options.progress = [&](const SweepProgress&) {
    CHECK_THROWS_WITH_AS(make(plan, folder), doctest::Contains("another process"), Error);
    throw Stop();
  };
  CHECK_THROWS_AS(run_sweep(plan, options), Stop);
  std::filesystem::remove_all(folder);
}

TEST_CASE("tuning tries its factors on each size and the runs take the best") {
  auto s = tiny_sweep();
  s.budgets = 1;
  s.highest_flop = s.lowest_flop;
  s.rule = {1e-3, 0, 0, 1};
  s.tune_factors = {1e-3, 10};  // the first hardly learns
  const SweepPlan plan(s);
  CHECK(plan.tuning().size() == 6);
  const auto folder = fresh_folder("tuned");
  const auto outcome = make(plan, folder);
  CHECK(outcome.made == 9);
  REQUIRE(outcome.records.size() == 3);
  for (const auto& record : outcome.records) CHECK(record.learning_rate == 1e-2);
  std::filesystem::remove_all(folder);
}

TEST_CASE("losses lie above a perfect model's and curves end with the run's loss") {
  const auto folder = fresh_folder("losses");
  const auto outcome = make(SweepPlan(tiny_sweep()), folder);
  for (const auto& r : outcome.records) {
    REQUIRE(r.perfect_loss.has_value());
    CHECK(r.loss > *r.perfect_loss);
    REQUIRE(r.curve.size() >= 2);
    CHECK(r.curve.back().loss == r.loss);
    CHECK(r.curve.back().tokens == r.run.tokens);
    CHECK(r.curve.front().loss > r.loss);
  }
  std::filesystem::remove_all(folder);
}
