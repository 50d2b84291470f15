// Where training tokens come from. A batch is a function of the source, the seed and the step, so that a resumed run
// sees what the uninterrupted one would have seen.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace isoflop::sim {

struct TokenBatch {
  std::vector<std::int32_t> ids, targets;  ///< sequences x length, row-major; targets are the next tokens
};

class TokenSource {
 public:
  virtual ~TokenSource() = default;
  virtual std::string name() const = 0;
  virtual std::size_t vocabulary() const = 0;
  virtual TokenBatch batch(std::uint64_t step, std::size_t sequences, std::size_t length) const = 0;
  /// Batches never seen in training.
  virtual TokenBatch held_out(std::uint64_t index, std::size_t sequences, std::size_t length) const = 0;
  /// Mean loss of a perfect model on such a batch, where the source knows it.
  virtual std::optional<double> perfect_loss(const TokenBatch& batch, std::size_t length) const = 0;
  /// Entropy rate in nats per token, where the source knows it.
  virtual std::optional<double> entropy_rate() const = 0;
};

/// Order-2 Zipf-Markov chain (zipf_markov.h): exactly known entropy.
std::unique_ptr<TokenSource> zipf_markov_source(std::size_t vocabulary, std::uint64_t seed);

/// Bytes of a file; the last tenth is held out. Throws Error when it is shorter than 10,000 bytes.
std::unique_ptr<TokenSource> text_source(const std::string& path, std::uint64_t seed);

/// Random hierarchy grammar (rule_hierarchy.h): needs depth, entropy in closed form. Sequences must be whole sentences.
std::unique_ptr<TokenSource> rule_hierarchy_source(std::size_t vocabulary, std::size_t depth, std::size_t rules,
                                                   std::uint64_t seed);

/// "zipf-markov", "hierarchy", "hierarchy:DEPTH", "hierarchy:DEPTH,RULES", or the path of a text.
/// Throws Error (Usage) for a misspelt hierarchy, (CannotRun) for a text that cannot be read.
std::unique_ptr<TokenSource> token_source(const std::string& spec, std::size_t vocabulary, std::uint64_t seed);

}  // namespace isoflop::sim
