#include "isoflop/sim/kernel/rule_hierarchy.h"

#include <cmath>
#include <limits>
#include <numeric>

#include "isoflop/error.h"
#include "isoflop/random.h"

namespace isoflop::sim {

RuleHierarchy::RuleHierarchy(std::size_t vocabulary, std::size_t depth, std::size_t rules, std::uint64_t seed)
    : vocabulary_(vocabulary), depth_(depth), rules_(rules), seed_(seed) {
  if (vocabulary < 2 || vocabulary > 512)
    throw Error(Fault::Usage, "the hierarchy takes 2 to 512 tokens, not " + std::to_string(vocabulary));
  if (depth < 1 || depth > 10)
    throw Error(Fault::Usage, "the hierarchy takes 1 to 10 levels, not " + std::to_string(depth));
  if (rules < 1 || rules > vocabulary)
    throw Error(Fault::Usage, "a symbol has 1 to " + std::to_string(vocabulary) +
                                  " rules, as many as there are tokens, not " + std::to_string(rules));
  // V m of the V^2 pairs, all different, dealt to the symbols: the beginning of a random shuffle of the pairs.
  std::vector<std::size_t> pairs(vocabulary * vocabulary);
  for (std::size_t level = 0; level < depth; ++level) {
    Random random(seed, level);
    std::iota(pairs.begin(), pairs.end(), std::size_t{0});
    for (std::size_t i = 0; i < vocabulary * rules; ++i) {
      std::swap(pairs[i], pairs[i + random.index(pairs.size() - i)]);
      table_.push_back(
          {static_cast<std::int32_t>(pairs[i] / vocabulary), static_cast<std::int32_t>(pairs[i] % vocabulary)});
    }
  }
}

double RuleHierarchy::sentence_entropy() const {
  return std::log(static_cast<double>(vocabulary_)) +
         static_cast<double>(sentence_length() - 1) * std::log(static_cast<double>(rules_));
}

std::vector<std::int32_t> RuleHierarchy::sample(std::size_t sentences, std::uint64_t stream) const {
  Random random(seed_ ^ 0x5eed, stream);
  std::vector<std::int32_t> text, symbols, next;
  text.reserve(sentences * sentence_length());
  for (std::size_t s = 0; s < sentences; ++s) {
    symbols = {static_cast<std::int32_t>(random.index(vocabulary_))};
    for (std::size_t level = depth_; level-- > 0;) {
      next.clear();
      for (const std::int32_t symbol : symbols) {
        const Pair& pair = rule(level, static_cast<std::size_t>(symbol), random.index(rules_));
        next.push_back(pair.left);
        next.push_back(pair.right);
      }
      symbols.swap(next);
    }
    text.insert(text.end(), symbols.begin(), symbols.end());
  }
  return text;
}

std::vector<double> RuleHierarchy::inside(std::span<const std::int32_t> tokens, std::size_t level) const {
  std::vector<double> result(vocabulary_, 0.0);
  if (tokens.empty()) {
    result.assign(vocabulary_, 1.0);
  } else if (level == 0) {
    result[static_cast<std::size_t>(tokens[0])] = 1;
  } else {
    const std::size_t half = std::min(tokens.size(), std::size_t{1} << (level - 1));
    const auto left = inside(tokens.first(half), level - 1), right = inside(tokens.subspan(half), level - 1);
    for (std::size_t symbol = 0; symbol < vocabulary_; ++symbol) {
      for (std::size_t r = 0; r < rules_; ++r) {
        const Pair& pair = rule(level - 1, symbol, r);
        result[symbol] += left[static_cast<std::size_t>(pair.left)] * right[static_cast<std::size_t>(pair.right)];
      }
      result[symbol] /= static_cast<double>(rules_);
    }
  }
  return result;
}

double RuleHierarchy::log_probability(std::span<const std::int32_t> beginning) const {
  if (beginning.size() > sentence_length()) throw Error(Fault::Usage, "more tokens than a sentence has");
  for (const std::int32_t token : beginning)
    if (token < 0 || static_cast<std::size_t>(token) >= vocabulary_) return -std::numeric_limits<double>::infinity();
  const auto symbols = inside(beginning, depth_);
  return std::log(std::accumulate(symbols.begin(), symbols.end(), 0.0) / static_cast<double>(vocabulary_));
}

}  // namespace isoflop::sim
