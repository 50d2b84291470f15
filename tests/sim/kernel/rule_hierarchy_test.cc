#include "isoflop/sim/kernel/rule_hierarchy.h"

#include <doctest/doctest.h>

#include <cmath>
#include <map>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/sim/kernel/token_source.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

// All V^n token strings of sentence length with their probabilities, by the grammar's own log_probability.
std::vector<std::pair<std::vector<std::int32_t>, double>> all_strings(const RuleHierarchy& grammar) {
  std::vector<std::pair<std::vector<std::int32_t>, double>> strings;
  const auto v = static_cast<std::int32_t>(grammar.vocabulary());
  std::vector<std::int32_t> tokens(grammar.sentence_length(), 0);
  for (;;) {
    strings.emplace_back(tokens, std::exp(grammar.log_probability(tokens)));
    std::size_t i = tokens.size();
    while (i > 0 && ++tokens[i - 1] == v) tokens[--i] = 0;
    if (i == 0) return strings;
  }
}

}  // namespace

TEST_CASE("the hierarchy's entropy in closed form is that of all its sentences, listed one by one") {
  for (const auto& [v, depth, m] : {std::tuple{3, 2, 2}, {4, 2, 3}, {5, 1, 5}, {2, 3, 2}}) {
    const RuleHierarchy grammar(static_cast<std::size_t>(v), static_cast<std::size_t>(depth),
                                static_cast<std::size_t>(m), 7);
    double sum = 0, entropy = 0, sentences = 0;
    for (const auto& [tokens, p] : all_strings(grammar)) {
      sum += p;
      if (p > 0) entropy -= p * std::log(p), ++sentences;
    }
    CAPTURE(v);
    CAPTURE(depth);
    CHECK(agrees(sum, 1, 12));
    CHECK(agrees(entropy, grammar.sentence_entropy(), 12));
    CHECK(sentences == v * std::pow(m, static_cast<double>(grammar.sentence_length()) - 1));
  }
}

TEST_CASE("the probability of a beginning is the sum over the sentences that begin so") {
  const RuleHierarchy grammar(3, 2, 2, 3);
  const auto strings = all_strings(grammar);
  std::map<std::vector<std::int32_t>, double> beginnings;
  for (const auto& [tokens, p] : strings)
    for (std::size_t n = 0; n <= tokens.size(); ++n)
      beginnings[{tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(n)}] += p;
  for (const auto& [tokens, p] : beginnings) {
    const double answer = std::exp(grammar.log_probability(tokens));
    CHECK(std::fabs(answer - p) <= 1e-12 * p);
  }
}

TEST_CASE("sampled sentences have the entropy rate, and neighbouring tokens alone do not give it away") {
  const RuleHierarchy grammar(8, 3, 4, 1);
  const auto tokens = grammar.sample(4000, 5);
  const std::size_t n = grammar.sentence_length();
  double loss = 0;
  std::map<std::pair<std::int32_t, std::int32_t>, double> pairs;
  std::map<std::int32_t, double> firsts;
  for (std::size_t s = 0; s < 4000; ++s) {
    const double p = grammar.log_probability({tokens.data() + s * n, n});
    CHECK(agrees(p, -grammar.sentence_entropy(), 10));  // all sentences are equally likely
    loss -= p;
    for (std::size_t t = 1; t < n; ++t)
      pairs[{tokens[s * n + t - 1], tokens[s * n + t]}] += 1, firsts[tokens[s * n + t - 1]] += 1;
  }
  CHECK(agrees(loss / static_cast<double>(tokens.size()), grammar.entropy_rate(), 10));
  double bigram = 0, count = 0;
  for (const auto& [pair, c] : pairs) bigram -= c * std::log(c / firsts[pair.first]), count += c;
  CHECK(bigram / count > grammar.entropy_rate() + 0.2);
}

TEST_CASE("as a token source it cuts whole sentences, knows the perfect loss and refuses other lengths") {
  const auto source = token_source("hierarchy:3,4", 8, 1);
  const auto batch = source->batch(3, 4, 16);
  CHECK(batch.ids.size() == 64);
  for (std::size_t t = 1; t < 16; ++t) CHECK(batch.ids[t] == batch.targets[t - 1]);
  CHECK(agrees(source->perfect_loss(batch, 16).value(), source->entropy_rate().value(), 10));
  CHECK(agrees(source->entropy_rate().value(), (std::log(8.0) + 7 * std::log(4.0)) / 8, 12));
  CHECK(source->held_out(3, 4, 16).ids != batch.ids);
  CHECK_THROWS_WITH_AS(source->batch(0, 4, 12), doctest::Contains("8 tokens"), Error);
  CHECK_THROWS_WITH_AS(token_source("hierarchy:x", 8, 1), doctest::Contains("hierarchy:DEPTH"), Error);
  CHECK_THROWS_AS(token_source("hierarchy:3,9", 8, 1), Error);
}
