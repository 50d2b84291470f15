#include "isoflop/sim/kernel/crew.h"

#include <doctest/doctest.h>

#include <atomic>
#include <vector>

using namespace isoflop::sim;

TEST_CASE("a crew does each part of each round exactly once, with more threads than processors too") {
  for (const int threads : {1, 2, 3, 16}) {
    Crew crew(threads);
    REQUIRE(crew.size() == static_cast<std::size_t>(threads));
    std::vector<int> done(crew.size(), 0);
    for (int round = 1; round <= 2000; ++round) {
      crew.run([&](std::size_t part) { ++done[part]; });
      for (const int d : done) REQUIRE(d == round);
    }
  }
}

TEST_CASE("a crew sees what its caller wrote before a round, and the caller what the crew wrote in it") {
  Crew crew(3);
  std::vector<long> sums(crew.size(), 0);
  long expected = 0;
  for (long round = 1; round <= 500; ++round) {
    const long value = round;  // of this round's stack
    expected += value;
    crew.run([&](std::size_t part) { sums[part] += value; });
  }
  for (const long sum : sums) CHECK(sum == expected);
}
