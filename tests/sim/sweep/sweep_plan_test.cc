#include "isoflop/sim/sweep/sweep_plan.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>

#include "agrees.h"
#include "isoflop/error.h"

using namespace isoflop;
using namespace isoflop::sim;

TEST_CASE("a rung of the ladder has the parameters and FLOP its shape says") {
  // 2 layers of width 32: 4 d^2 for attention, 3 d f for SwiGLU with f = 96, two norms; tied embedding of 128; last
  // norm.
  const auto model = size_model(read_rung("2x32"), 128, 64);
  CHECK(model.params_non_embedding == 2 * (4 * 32 * 32 + 3 * 32 * 96 + 2 * 32) + 32);
  CHECK(model.params == model.params_non_embedding + 128 * 32);
  const double products = 2.0 * (2 * (4 * 32 * 32 + 3 * 32 * 96) + 128 * 32), attention = 2 * 4.0 * 32 * 65 / 2;
  CHECK(agrees(model.flop_per_token, 3 * (products + attention), 12));
  CHECK_THROWS_AS(read_rung("2x33x2"), Error);
  CHECK_THROWS_AS(read_rung("2"), Error);
  CHECK_THROWS_AS(read_rung("axb"), Error);
}

TEST_CASE("sizes rise along the default ladder by no more than a factor of 2") {
  double last = 0;
  for (const auto& rung : default_ladder()) {
    const auto params = static_cast<double>(size_model(rung, 128, 64).params);
    if (last > 0) {
      CHECK(params > last * 1.2);
      CHECK(params < last * 2);
    }
    last = params;
  }
}

TEST_CASE("an IsoFLOP plan gives every budget its sizes, within half a step of the budget") {
  SweepSettings s;
  s.budgets = 4;
  s.sizes = 5;
  const SweepPlan plan(s);
  CHECK(plan.runs().size() == 20);
  std::map<double, std::set<std::int64_t>> sizes;
  std::set<std::string> names;
  for (const auto& run : plan.runs()) {
    CHECK(std::fabs(run.flop - run.budget_flop) <= 0.5 * run.flop / static_cast<double>(run.steps) * (1 + 1e-12));
    CHECK(agrees(run.flop, run.tokens * run.model.flop_per_token, 12));
    CHECK(run.tokens == static_cast<double>(run.steps * 1024));
    sizes[run.budget_flop].insert(run.model.params);
    names.insert(run.name);
  }
  CHECK(names.size() == 20);
  REQUIRE(sizes.size() == 4);
  CHECK(agrees(sizes.begin()->first, s.lowest_flop, 12));
  CHECK(agrees(sizes.rbegin()->first, s.highest_flop, 12));
  for (const auto& [budget, set] : sizes) {
    CHECK(set.size() == 5);
    const double optimum = std::sqrt(budget / (6 * s.tokens_per_param));
    CHECK(static_cast<double>(*set.begin()) < optimum);
    CHECK(static_cast<double>(*set.rbegin()) > optimum);
  }
}

TEST_CASE("a random plan is a function of its seed and stays within its budgets") {
  SweepSettings s;
  s.grid = SweepGrid::Random;
  s.runs = 50;
  const SweepPlan plan(s), again(s);
  CHECK(plan.json() == again.json());
  for (const auto& run : plan.runs()) CHECK((run.budget_flop >= s.lowest_flop && run.budget_flop <= s.highest_flop));
  s.seed = 43;
  CHECK(SweepPlan(s).json() != plan.json());
}

TEST_CASE("a plan survives its file, and an edited file is refused") {
  SweepSettings s;
  s.seed = 0xffffffffffffffffu;
  s.tune_factors = {0.5, 1, 2};
  s.source = "hierarchy:4,8";
  const SweepPlan plan(s);
  const std::string text = plan.json();
  const auto read = SweepPlan::from_json(text, "plan.json");
  CHECK(read.json() == text);
  CHECK(read.sha256() == plan.sha256());
  auto edited = text;
  edited.replace(edited.find("\"steps\": ") + 9, 1, "9");
  CHECK_THROWS_WITH_AS(SweepPlan::from_json(edited, "plan.json"), doctest::Contains("edited"), Error);
  CHECK_THROWS_AS(SweepPlan::from_json("{}", "plan.json"), Error);
}

TEST_CASE("a FLOP budget is met from below, nearly") {
  SweepSettings s;
  const auto fitted = fitted_to(s, 1e13, "FLOP", [](const SweepPlan& p) { return p.flop(); });
  const double flop = SweepPlan(fitted).flop();
  CHECK(flop <= 1e13);
  CHECK(flop > 0.97e13);
  CHECK(fitted.lowest_flop == s.lowest_flop);
  CHECK_THROWS_WITH_AS(fitted_to(s, 1e11, "FLOP", [](const SweepPlan& p) { return p.flop(); }),
                       doctest::Contains("lower the lowest budget"), Error);
}

TEST_CASE("the learning rate follows its rule up to the cap") {
  const LearningRateRule rule{4e-3, -0.5, -0.25, 1e-2};
  CHECK(agrees(rule.rate(1e5, 1e6), 4e-3, 12));
  CHECK(agrees(rule.rate(4e5, 16e6), 1e-3, 12));
  CHECK(rule.rate(1e3, 1e4) == 1e-2);
}

TEST_CASE("replicates share size and tokens, and neither weights nor text") {
  SweepSettings s;
  s.budgets = s.sizes = 2;
  s.replicates = 2;
  const SweepPlan plan(s);
  CHECK(plan.runs().size() == 8);
  const auto first = plan.training(plan.runs()[0], 1e-3), second = plan.training(plan.runs()[1], 1e-3);
  CHECK(plan.runs()[0].tokens == plan.runs()[1].tokens);
  CHECK(first.seed != second.seed);
  CHECK(first.first_batch + static_cast<std::uint64_t>(first.steps) <= second.first_batch);
}
