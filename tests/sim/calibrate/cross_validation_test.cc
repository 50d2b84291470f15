#include "isoflop/sim/calibrate/cross_validation.h"

#include <cmath>
#include <map>
#include <set>

#include "agrees.h"
#include "isoflop/random.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

std::vector<std::string> grouped(std::size_t groups, std::size_t rows) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < groups * rows; ++i) names.push_back("g" + std::to_string(i % groups));
  return names;
}

}  // namespace

TEST_CASE("no group is split between folds and folds are of like size") {
  const auto groups = grouped(23, 7);
  const auto folds = folds_by_group(groups, 5, 42);
  std::map<std::string, std::set<int>> folds_of;
  std::map<int, int> size;
  for (std::size_t i = 0; i < groups.size(); ++i) {
    folds_of[groups[i]].insert(folds[i]);
    ++size[folds[i]];
  }
  for (const auto& [group, where] : folds_of) CHECK(where.size() == 1);
  CHECK(size.size() == 5);
  for (const auto& [fold, count] : size) CHECK(count >= 28);
}

TEST_CASE("folds do not depend on the order of the rows") {
  auto groups = grouped(11, 3);
  const auto folds = folds_by_group(groups, 4, 7);
  std::vector<std::string> reversed(groups.rbegin(), groups.rend());
  const auto other = folds_by_group(reversed, 4, 7);
  for (std::size_t i = 0; i < groups.size(); ++i) CHECK(folds[i] == other[groups.size() - 1 - i]);
}

TEST_CASE("a constant per group is worthless on groups left out, and cross-validation says so") {
  // Each group has its own level; the model has one constant for each, so in-sample it is perfect.
  CalibrationProblem problem;
  std::vector<std::size_t> group_of;
  Random random(3);
  for (std::size_t g = 0; g < 12; ++g) {
    const double level = std::exp(0.5 * random.normal());
    for (int i = 0; i < 4; ++i) {
      problem.rows.push_back({"", "g" + std::to_string(g), level, 1});
      group_of.push_back(g);
    }
    problem.constants.push_back({"level" + std::to_string(g), "", "", 1, 0.01, 100});
  }
  problem.predict = [&](std::span<const double> v, std::size_t row) { return v[group_of[row]]; };
  CalibrationOptions options;
  options.starts = 1;
  // A fit never sees the constants of the groups it leaves out: started at 1, they stay there.
  auto start = calibrate(problem, options);
  CHECK(start.in_sample.mape < 1e-3);
  for (auto& c : start.constants) c.value.estimate = 1;
  const auto cross = cross_validate(problem, start, 12, options, 2);
  CHECK(cross.scheme == "12-fold by group");
  CHECK(cross.accuracy.mape > 20);
}

TEST_CASE("cross-validated predictions are the same on one thread and on four") {
  CalibrationProblem problem;
  std::vector<double> x;
  Random random(5);
  for (int i = 0; i < 60; ++i) {
    x.push_back(random.uniform(1, 100));
    problem.rows.push_back({"", "g" + std::to_string(i % 10), (2 + x.back() / 3) * std::exp(0.1 * random.normal()), 1});
  }
  problem.constants = {{"a", "", "", 1, 0.01, 100}, {"b", "", "", 1, 0.01, 100}};
  problem.predict = [&](std::span<const double> v, std::size_t row) { return v[0] + x[row] / v[1]; };
  const auto full = calibrate(problem);
  const auto one = cross_validate(problem, full, 5, {}, 1), four = cross_validate(problem, full, 5, {}, 4);
  CHECK(one.predicted == four.predicted);
}

TEST_CASE("intervals from known groups cover nine of ten values of new groups") {
  double covered = 0;
  constexpr int trials = 60;
  for (std::uint64_t seed = 0; seed < trials; ++seed) {
    Random random(9, seed);
    const auto draw = [&](std::size_t count, std::vector<double>& ratios, std::vector<std::string>& groups) {
      for (std::size_t g = 0; g < count; ++g) {
        const double shared = 0.2 * random.normal();
        for (int i = 0; i < 5; ++i) {
          ratios.push_back(std::exp(shared + 0.1 * random.normal()));
          groups.push_back("g" + std::to_string(g));
        }
      }
    };
    std::vector<double> known, fresh;
    std::vector<std::string> known_groups, fresh_groups;
    draw(60, known, known_groups);
    draw(40, fresh, fresh_groups);
    const auto interval = conformal_interval(known, known_groups);
    int inside = 0;
    for (double ratio : fresh) inside += interval.low <= ratio && ratio <= interval.high;
    covered += inside / static_cast<double>(fresh.size());
  }
  covered /= trials;
  CHECK(covered > 0.87);
  CHECK(covered < 0.95);
}

TEST_CASE("one measured ratio gives no interval") {
  const std::vector<double> one = {1.0};
  const std::vector<std::string> group = {"g"};
  CHECK(conformal_interval(one, group).low == 0);
  CHECK(std::isinf(conformal_interval(one, group).high));
}
