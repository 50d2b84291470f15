#include "isoflop/sim/kernel/token_source.h"

#include <algorithm>
#include <cmath>

#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/kernel/rule_hierarchy.h"
#include "isoflop/sim/kernel/zipf_markov.h"

namespace isoflop::sim {
namespace {

class ZipfMarkovSource : public TokenSource {
 public:
  ZipfMarkovSource(std::size_t vocabulary, std::uint64_t seed) : chain_(vocabulary, seed) {}
  std::string name() const override {
    return "order-2 Zipf-Markov chain over " + std::to_string(chain_.vocabulary()) + " tokens";
  }
  std::size_t vocabulary() const override { return chain_.vocabulary(); }
  TokenBatch batch(std::uint64_t step, std::size_t sequences, std::size_t length) const override {
    return cut(chain_.sample(sequences * (length + 1), step), sequences, length);
  }
  TokenBatch held_out(std::uint64_t index, std::size_t sequences, std::size_t length) const override {
    return cut(chain_.sample(sequences * (length + 1), held_out_streams + index), sequences, length);
  }
  std::optional<double> perfect_loss(const TokenBatch& batch, std::size_t length) const override {
    std::vector<std::int32_t> windows;
    for (std::size_t first = 0; first < batch.ids.size(); first += length) {
      windows.insert(windows.end(), batch.ids.begin() + static_cast<std::ptrdiff_t>(first),
                     batch.ids.begin() + static_cast<std::ptrdiff_t>(first + length));
      windows.push_back(batch.targets[first + length - 1]);
    }
    return chain_.perfect_loss(windows, length);
  }
  std::optional<double> entropy_rate() const override { return chain_.entropy_rate(); }

 private:
  static TokenBatch cut(const std::vector<std::int32_t>& tokens, std::size_t sequences, std::size_t length) {
    TokenBatch batch;
    for (std::size_t s = 0; s < sequences; ++s)
      for (std::size_t t = 0; t < length; ++t) {
        batch.ids.push_back(tokens[s * (length + 1) + t]);
        batch.targets.push_back(tokens[s * (length + 1) + t + 1]);
      }
    return batch;
  }
  ZipfMarkov chain_;
};

// A sequence starts with the last token of a sentence that is not seen, so that its targets are whole sentences.
class RuleHierarchySource : public TokenSource {
 public:
  RuleHierarchySource(std::size_t vocabulary, std::size_t depth, std::size_t rules, std::uint64_t seed)
      : grammar_(vocabulary, depth, rules, seed) {}
  std::string name() const override {
    return "random hierarchy of " + std::to_string(grammar_.depth()) + " levels over " +
           std::to_string(grammar_.vocabulary()) + " tokens with " + std::to_string(grammar_.rules()) +
           " rules a symbol";
  }
  std::size_t vocabulary() const override { return grammar_.vocabulary(); }
  TokenBatch batch(std::uint64_t step, std::size_t sequences, std::size_t length) const override {
    return windows(step, sequences, length);
  }
  TokenBatch held_out(std::uint64_t index, std::size_t sequences, std::size_t length) const override {
    return windows(held_out_streams + index, sequences, length);
  }
  std::optional<double> perfect_loss(const TokenBatch& batch, std::size_t) const override {
    const std::size_t n = grammar_.sentence_length();
    double sum = 0;
    for (std::size_t first = 0; first + n <= batch.targets.size(); first += n)
      sum -= grammar_.log_probability({batch.targets.data() + first, n});
    return batch.targets.empty() ? 0 : sum / static_cast<double>(batch.targets.size());
  }
  std::optional<double> entropy_rate() const override { return grammar_.entropy_rate(); }

 private:
  TokenBatch windows(std::uint64_t stream, std::size_t sequences, std::size_t length) const {
    const std::size_t n = grammar_.sentence_length();
    if (length % n != 0)
      throw Error(Fault::Usage, "the hierarchy's sentences have " + std::to_string(n) + " tokens; sequences of " +
                                    std::to_string(length) + " cut them: give a multiple");
    const auto tokens = grammar_.sample(sequences * (1 + length / n), stream);
    TokenBatch batch;
    for (std::size_t s = 0; s < sequences; ++s) {
      const auto first = tokens.begin() + static_cast<std::ptrdiff_t>(s * (n + length) + n);
      batch.ids.insert(batch.ids.end(), first - 1, first + static_cast<std::ptrdiff_t>(length) - 1);
      batch.targets.insert(batch.targets.end(), first, first + static_cast<std::ptrdiff_t>(length));
    }
    return batch;
  }
  RuleHierarchy grammar_;
};

}  // namespace

std::unique_ptr<TokenSource> zipf_markov_source(std::size_t vocabulary, std::uint64_t seed) {
  return std::make_unique<ZipfMarkovSource>(vocabulary, seed);
}
std::unique_ptr<TokenSource> rule_hierarchy_source(std::size_t vocabulary, std::size_t depth, std::size_t rules,
                                                   std::uint64_t seed) {
  return std::make_unique<RuleHierarchySource>(vocabulary, depth, rules, seed);
}

namespace {
constexpr std::string_view hierarchy = "hierarchy";
}

bool is_generated_source(const std::string& spec) {
  return spec == "zipf-markov" || spec == hierarchy || spec.starts_with(std::string(hierarchy) + ":");
}

std::unique_ptr<TokenSource> token_source(const std::string& spec, std::size_t vocabulary, std::uint64_t seed) {
  if (spec == "zipf-markov") return zipf_markov_source(vocabulary, seed);
  if (!is_generated_source(spec)) return text_source(spec, seed);
  double depth = 4, rules = static_cast<double>(std::max<std::size_t>(2, vocabulary / 4));
  if (spec.size() > hierarchy.size()) {
    const std::string rest = spec.substr(hierarchy.size() + 1);
    const auto comma = std::min(rest.find(','), rest.size());
    const auto first = parse_plain_number(rest.substr(0, comma));
    const auto second = comma < rest.size() ? parse_plain_number(rest.substr(comma + 1)) : rules;
    const auto whole = [](const std::optional<double>& x) { return x && *x >= 1 && *x <= 1e6 && *x == std::floor(*x); };
    if (!whole(first) || !whole(second))
      throw Error(Fault::Usage,
                  "\"" + spec + "\": expected hierarchy:DEPTH or hierarchy:DEPTH,RULES, such as hierarchy:4,8");
    depth = *first;
    rules = *second;
  }
  return rule_hierarchy_source(vocabulary, static_cast<std::size_t>(depth), static_cast<std::size_t>(rules), seed);
}

}  // namespace isoflop::sim
