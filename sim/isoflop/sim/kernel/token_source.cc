#include "isoflop/sim/kernel/token_source.h"

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/error.h"
#include "isoflop/random.h"
#include "isoflop/sim/kernel/zipf_markov.h"

namespace isoflop::sim {
namespace {

constexpr std::uint64_t held_out_streams = std::uint64_t{1} << 62;

class ZipfMarkovSource : public TokenSource {
 public:
  ZipfMarkovSource(std::size_t vocabulary, std::uint64_t seed) : chain_(vocabulary, seed) {}
  std::string name() const override { return "order-2 Zipf-Markov chain over " + std::to_string(chain_.vocabulary()) + " tokens"; }
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
      windows.insert(windows.end(), batch.ids.begin() + static_cast<std::ptrdiff_t>(first), batch.ids.begin() + static_cast<std::ptrdiff_t>(first + length));
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

class TextSource : public TokenSource {
 public:
  TextSource(const std::string& path, std::uint64_t seed) : path_(path), text_(read_file(path)), seed_(seed) {
    if (text_.size() < 10000)
      throw Error(Fault::BadInput, path + ": has " + std::to_string(text_.size()) + " bytes; expected at least 10000 to train on");
    split_ = text_.size() - text_.size() / 10;
  }
  std::string name() const override { return "bytes of " + path_; }
  std::size_t vocabulary() const override { return 256; }
  TokenBatch batch(std::uint64_t step, std::size_t sequences, std::size_t length) const override {
    return windows(Random(seed_, step), 0, split_, sequences, length);
  }
  TokenBatch held_out(std::uint64_t index, std::size_t sequences, std::size_t length) const override {
    return windows(Random(seed_, held_out_streams + index), split_, text_.size(), sequences, length);
  }
  std::optional<double> perfect_loss(const TokenBatch&, std::size_t) const override { return std::nullopt; }
  std::optional<double> entropy_rate() const override { return std::nullopt; }

 private:
  TokenBatch windows(Random random, std::size_t begin, std::size_t end, std::size_t sequences, std::size_t length) const {
    if (end - begin <= length + 1)
      throw Error(Fault::BadInput, path_ + ": is too short for sequences of " + std::to_string(length) + " bytes");
    TokenBatch batch;
    for (std::size_t s = 0; s < sequences; ++s) {
      const std::size_t first = begin + random.index(end - begin - length - 1);
      for (std::size_t t = 0; t < length; ++t) {
        batch.ids.push_back(static_cast<unsigned char>(text_[first + t]));
        batch.targets.push_back(static_cast<unsigned char>(text_[first + t + 1]));
      }
    }
    return batch;
  }
  std::string path_, text_;
  std::uint64_t seed_;
  std::size_t split_ = 0;
};

}  // namespace

std::unique_ptr<TokenSource> zipf_markov_source(std::size_t vocabulary, std::uint64_t seed) {
  return std::make_unique<ZipfMarkovSource>(vocabulary, seed);
}
std::unique_ptr<TokenSource> text_source(const std::string& path, std::uint64_t seed) { return std::make_unique<TextSource>(path, seed); }

}  // namespace isoflop::sim
