#include "isoflop/sim/serving/expert_spread.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "agrees.h"
#include "isoflop/model/routing.h"
#include "isoflop/random.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

struct Counted {
  double copies = 0, touched = 0;
};

// Every token chooses k distinct experts of equal popularity; the busiest of x groups, mean over many batches.
Counted count_by_force(std::size_t experts, std::size_t k, std::size_t groups, std::size_t tokens,
                       std::size_t batches) {
  Random random(7);
  Counted mean;
  std::vector<std::size_t> order(experts);
  for (std::size_t i = 0; i < experts; ++i) order[i] = i;
  for (std::size_t b = 0; b < batches; ++b) {
    std::vector<double> copies(groups, 0.0), touched(groups, 0.0);
    std::vector<bool> seen(experts, false);
    for (std::size_t t = 0; t < tokens; ++t)
      for (std::size_t j = 0; j < k; ++j) {
        std::swap(order[j], order[j + random.index(experts - j)]);
        const std::size_t e = order[j], g = e / (experts / groups);
        copies[g] += 1;
        if (!seen[e]) touched[g] += 1;
        seen[e] = true;
      }
    mean.copies += *std::max_element(copies.begin(), copies.end()) / static_cast<double>(batches);
    mean.touched += *std::max_element(touched.begin(), touched.end()) / static_cast<double>(batches);
  }
  return mean;
}

}  // namespace

TEST_CASE("the busiest group of experts has what brute force counts") {
  struct Mixture {
    std::int64_t experts, k, groups;
  };
  for (const Mixture m : {Mixture{128, 2, 8}, Mixture{256, 8, 16}, Mixture{8, 2, 4}, Mixture{64, 6, 64}})
    for (const std::int64_t tokens : {1, 8, 64, 256}) {
      CAPTURE(m.experts);
      CAPTURE(tokens);
      const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
      const Counted truth = count_by_force(size(m.experts), size(m.k), size(m.groups), size(tokens), 400);
      const ExpertSpread s = busiest_group(m.experts, m.k, m.groups, static_cast<double>(tokens), 0);
      CHECK(std::fabs(s.touched / truth.touched - 1) < (tokens == 1 ? 0.15 : 0.04));
      CHECK(s.touched <= static_cast<double>(m.experts / m.groups));
      if (tokens >= 64) CHECK(std::fabs(s.copies / truth.copies - 1) < 0.05);
    }
}

TEST_CASE("one group has every copy and the expected distinct experts, and a group of one expert those of its expert") {
  const ExpertSpread all = busiest_group(128, 2, 1, 8, 0);
  CHECK(all.copies == 16);
  CHECK(agrees(all.touched, 128 * (1 - std::pow(1 - 2.0 / 128, 8)), 6));
  const ExpertSpread many = busiest_group(128, 2, 128, 1e6, 0);
  CHECK(agrees(many.touched, 1.0, 6));
  CHECK(agrees(many.copies, 1e6 * 2 / 128, 1.5));
}

TEST_CASE("skewed routing loads the busiest group more, and chances to be chosen sum to k") {
  double sum = 0;
  for (const double q : inclusion_probabilities(64, 6, 0.8)) {
    CHECK(q <= 1);
    sum += q;
  }
  CHECK(agrees(sum, 6.0, 10));
  double before = busiest_group(64, 6, 8, 4096, 0).copies;
  for (const double skew : {0.3, 0.6, 1.0}) {
    const double now = busiest_group(64, 6, 8, 4096, skew).copies;
    CHECK(now > before);
    CHECK(now <= 4096.0 * 6);
    before = now;
  }
}
