// Where training tokens come from. A batch is a function of the source, the seed and the step, so that a resumed run
// sees what the uninterrupted one would have seen.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "isoflop/sim/kernel/byte_pairs.h"

namespace isoflop::sim {

/// Number of the first stream of held-out text; batches of training use the streams below.
inline constexpr std::uint64_t held_out_streams = std::uint64_t{1} << 62;

struct TokenBatch {  ///< Inputs and next tokens.
  std::vector<std::int32_t> ids, targets;  ///< sequences x length, row-major; targets are the next tokens
};

class TokenSource {
 public:
  virtual ~TokenSource() = default;
  virtual std::string name() const = 0;
  virtual std::size_t vocabulary() const = 0;
  /// The same step gives the same tokens.
  virtual TokenBatch batch(std::uint64_t step, std::size_t sequences, std::size_t length) const = 0;
  /// Batches never seen in training.
  virtual TokenBatch held_out(std::uint64_t index, std::size_t sequences, std::size_t length) const = 0;
  /// Mean loss of a perfect model on such a batch, where the source knows it.
  virtual std::optional<double> perfect_loss(const TokenBatch& batch, std::size_t length) const = 0;
  /// Entropy rate in nats per token, where the source knows it.
  virtual std::optional<double> entropy_rate() const = 0;
  /// How bytes became tokens; null where tokens stand for no bytes.
  virtual const BytePairs* tokenizer() const { return nullptr; }
  /// What decides the tokens, in a line; two sources of the same identity give the same batches.
  virtual std::string identity() const { return name(); }
};

/// Order-2 Zipf-Markov chain (zipf_markov.h): exactly known entropy.
std::unique_ptr<TokenSource> zipf_markov_source(std::size_t vocabulary, std::uint64_t seed);

/// Text of a file, byte by byte with a vocabulary of 256, else in byte pairs learnt from the part that is trained on;
/// the last tenth is held out. A text too short for so many pairs has a smaller vocabulary.
/// Throws Error (BadInput) when it is shorter than 10,000 bytes or longer than 2 GiB.
std::unique_ptr<TokenSource> text_source(const std::string& path, std::uint64_t seed, std::size_t vocabulary = 256);

/// Random hierarchy grammar (rule_hierarchy.h): needs depth, entropy in closed form. Sequences must be whole sentences.
std::unique_ptr<TokenSource> rule_hierarchy_source(std::size_t vocabulary, std::size_t depth, std::size_t rules,
                                                   std::uint64_t seed);

/// Whether a source of that name is generated; else it is the path of a text.
bool is_generated_source(const std::string& spec);

/// "zipf-markov", "hierarchy", "hierarchy:DEPTH", "hierarchy:DEPTH,RULES", or the path of a text, read byte by byte.
/// Throws Error (Usage) for a misspelt hierarchy, (CannotRun) for a text that cannot be read.
std::unique_ptr<TokenSource> token_source(const std::string& spec, std::size_t vocabulary, std::uint64_t seed);

}  // namespace isoflop::sim
