// A text of any bytes as a source of tokens.
#include <fmt/format.h>

#include <filesystem>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/error.h"
#include "isoflop/random.h"
#include "isoflop/sha256.h"
#include "isoflop/sim/kernel/token_source.h"

namespace isoflop::sim {
namespace {

class TextSource : public TokenSource {
 public:
  TextSource(const std::string& path, std::uint64_t seed, std::size_t vocabulary) : path_(path), seed_(seed) {
    if (std::error_code unknown; std::filesystem::is_character_file(path, unknown))
      throw Error(Fault::BadInput, path + ": is a device, not a text");
    const std::string text = read_file(path);
    if (text.size() < 10000)
      throw Error(Fault::BadInput,
                  fmt::format("{}: has {} bytes; expected at least 10000 to train on", path, text.size()));
    if (text.size() > std::size_t{1} << 31)
      throw Error(Fault::BadInput, path + ": has more than 2 GiB; give a part of it");
    const std::string_view all(text), train = all.substr(0, text.size() - text.size() / 10);
    pairs_ = BytePairs::learn(train, vocabulary);
    train_ = tokens_of(train);
    held_out_ = tokens_of(all.substr(train.size()));
    identity_ = fmt::format("text {} in tokens {} cut by {}", sha256_hex(text), sha256_hex(pairs_.text()), seed);
  }
  std::string name() const override {
    return pairs_.vocabulary() == 256 ? "bytes of " + path_ : fmt::format("byte pairs of {}", path_);
  }
  std::string identity() const override { return identity_; }
  std::size_t vocabulary() const override { return pairs_.vocabulary(); }
  const BytePairs* tokenizer() const override { return &pairs_; }
  TokenBatch batch(std::uint64_t step, std::size_t sequences, std::size_t length) const override {
    return windows(Random(seed_, step), train_, sequences, length);
  }
  TokenBatch held_out(std::uint64_t index, std::size_t sequences, std::size_t length) const override {
    return windows(Random(seed_, held_out_streams + index), held_out_, sequences, length);
  }
  std::optional<double> perfect_loss(const TokenBatch&, std::size_t) const override { return std::nullopt; }
  std::optional<double> entropy_rate() const override { return std::nullopt; }

 private:
  using Tokens = std::vector<std::uint16_t>;  // a vocabulary has at most 65536 tokens

  Tokens tokens_of(std::string_view text) const {
    Tokens tokens;
    // Part by part, so that the wide tokens of a long text never stand in memory together.
    constexpr std::size_t part = std::size_t{1} << 24;
    for (; !text.empty(); text.remove_prefix(std::min(part, text.size())))
      for (const std::int32_t token : pairs_.encode(text.substr(0, part)))
        tokens.push_back(static_cast<std::uint16_t>(token));
    return tokens;
  }

  TokenBatch windows(Random random, const Tokens& tokens, std::size_t sequences, std::size_t length) const {
    if (tokens.size() <= length + 1)
      throw Error(Fault::BadInput, fmt::format("{}: is too short for sequences of {} tokens: its {} part has {}", path_,
                                               length, &tokens == &train_ ? "training" : "held-out", tokens.size()));
    TokenBatch batch;
    for (std::size_t s = 0; s < sequences; ++s) {
      const std::size_t first = random.index(tokens.size() - length - 1);
      for (std::size_t t = 0; t < length; ++t) {
        batch.ids.push_back(tokens[first + t]);
        batch.targets.push_back(tokens[first + t + 1]);
      }
    }
    return batch;
  }

  std::string path_, identity_;
  std::uint64_t seed_;
  BytePairs pairs_;
  Tokens train_, held_out_;
};

}  // namespace

std::unique_ptr<TokenSource> text_source(const std::string& path, std::uint64_t seed, std::size_t vocabulary) {
  return std::make_unique<TextSource>(path, seed, vocabulary);
}

}  // namespace isoflop::sim
