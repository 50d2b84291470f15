#include "isoflop/sim/kernel/zipf_markov.h"

#include <doctest/doctest.h>

#include <cmath>

#include "agrees.h"
#include "isoflop/error.h"

using isoflop::sim::ZipfMarkov;

TEST_CASE("the entropy rate is what a long sample costs under the true law") {
  const ZipfMarkov source(16, 1);
  const std::size_t count = 400000;
  const auto tokens = source.sample(count, 0);
  // One window over everything: all but one target see two tokens. The sd of a token's surprise is about 1.5 nats.
  const double measured = source.perfect_loss(tokens, count - 1);
  CHECK(std::fabs(measured - source.entropy_rate()) < 4 * 1.6 / std::sqrt(static_cast<double>(count)));
}

TEST_CASE("more context never raises the entropy, and windows lie between") {
  const ZipfMarkov source(32, 3);
  CHECK(source.entropy_rate() < source.bigram_entropy());
  CHECK(source.bigram_entropy() < source.unigram_entropy());
  CHECK(source.unigram_entropy() < std::log(32.0));
  CHECK(source.window_floor(1) == source.bigram_entropy());
  CHECK(agrees(source.window_floor(64), source.entropy_rate() + (source.bigram_entropy() - source.entropy_rate()) / 64,
               14));
}

TEST_CASE("streams repeat for a seed and differ from each other") {
  const ZipfMarkov source(16, 1);
  CHECK(source.sample(1000, 5) == ZipfMarkov(16, 1).sample(1000, 5));
  CHECK(source.sample(1000, 5) != source.sample(1000, 6));
  CHECK_THROWS_AS(ZipfMarkov(3, 1), isoflop::Error);
}
