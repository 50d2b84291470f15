// Pooled fits on made-up machines whose constants are known.
#include <cmath>

#include "agrees.h"
#include "isoflop/random.h"
#include "isoflop/sim/engines/pooled_fit.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

// t = work / (1e9 e) + start: twelve chips of two engines, efficiencies around 0.5 and 0.7.
struct World {
  std::vector<double> work;
  std::vector<std::string> chip;
  PooledProblem problem;
  std::vector<double> efficiency;

  World(double noise, std::size_t chips, std::size_t per_chip) {
    problem.constants = {{"e", "", "efficiency", 0.3, 0.01, 1, 0, 0},
                         {"start", "s", "fixed time", 1e-3, 1e-6, 1, 0, 0}};
    problem.spread = {0.3, 0.5};
    Random random(7, 1);
    for (std::size_t c = 0; c < chips; ++c) {
      const bool fast = c % 2 == 0;
      efficiency.push_back((fast ? 0.7 : 0.5) * std::exp(random.uniform(-0.1, 0.1)));
      const std::string engine = fast ? "fast" : "slow", name = engine + "/chip" + std::to_string(c);
      for (std::size_t i = 0; i < per_chip; ++i) {
        work.push_back(1e6 * std::pow(10.0, random.uniform(0, 2)));
        chip.push_back(name);
        const double t = (work.back() / (1e9 * efficiency[c]) + 2e-3) * std::exp(random.uniform(-noise, noise));
        problem.rows.push_back(
            {std::to_string(work.size()), name + "/" + std::to_string(i / 3), {"any", engine, name}, t});
      }
    }
    problem.predict = [this](std::span<const double> v, std::size_t row, int) {
      return work[row] / (1e9 * v[0]) + v[1];
    };
  }
};

}  // namespace

TEST_CASE("without noise every chip's own constants come back") {
  const World world(0, 12, 24);
  const PooledFit fit = fit_pooled(world.problem);
  for (std::size_t c = 0; c < 12; ++c) {
    const std::string name = (c % 2 == 0 ? "fast/chip" : "slow/chip") + std::to_string(c);
    const PooledCell& cell = fit.cells.at(name);
    CAPTURE(name);
    CHECK(std::fabs(std::log(cell.values[0] / world.efficiency[c])) < 0.02);
    CHECK(std::fabs(std::log(cell.values[1] / 2e-3)) < 0.05);
    CHECK(cell.rows == 24);
    CHECK(cell.groups == 8);
  }
}

TEST_CASE("a chip that was never measured gets its engine's constants and a wider interval") {
  const World world(0.05, 12, 24);
  const PooledFit fit = fit_pooled(world.problem);
  const PooledCell& cell = fit.resolve({"any", "fast", "fast/chip of tomorrow"});
  CHECK(cell.name == "fast");
  CHECK(std::fabs(std::log(cell.values[0] / 0.7)) < 0.1);
  CHECK(cell.unseen_interval.high / cell.unseen_interval.low >= cell.interval.high / cell.interval.low);
  CHECK(fit.resolve({"any", "an engine of tomorrow"}).name == "any");
}

TEST_CASE("intervals of rows left out cover nine of ten") {
  const World world(0.2, 12, 48);
  const PooledFit fit = fit_pooled(world.problem);
  double inside = 0;
  for (std::size_t i = 0; i < world.problem.rows.size(); ++i) {
    const double ratio = world.problem.rows[i].measured / fit.cross[i];
    inside += fit.interval[i].low <= ratio && ratio <= fit.interval[i].high ? 1 : 0;
  }
  const double coverage = inside / static_cast<double>(world.problem.rows.size());
  CHECK(coverage > 0.85);
  CHECK(coverage < 0.97);
}

TEST_CASE("too few groups for an interval give a wide one, never none") {
  const World world(0.1, 2, 9);
  const PooledFit fit = fit_pooled(world.problem);
  for (const RatioInterval& interval : fit.interval) {
    CHECK(interval.low == interval_of_too_few_rows.low);
    CHECK(interval.high == interval_of_too_few_rows.high);
  }
}

TEST_CASE("the result does not depend on the number of threads") {
  const World world(0.1, 6, 24);
  PooledOptions one, three;
  one.threads = 1;
  three.threads = 3;
  const PooledFit a = fit_pooled(world.problem, one), b = fit_pooled(world.problem, three);
  CHECK(a.cross == b.cross);
  CHECK(a.leaf_left_out == b.leaf_left_out);
}
