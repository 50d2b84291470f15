#include "isoflop/sim/requests/pass_table.h"

#include <algorithm>
#include <cmath>

#include "isoflop/error.h"

namespace isoflop::sim {
namespace {

constexpr std::int64_t exact_tokens = 64;
constexpr int cells_per_octave = 16;

/// Place of n > 64 in the grid that follows the exact entries.
std::size_t token_cell(std::int64_t tokens) {
  const auto n = static_cast<std::uint64_t>(tokens);
  const auto octave = static_cast<int>(std::bit_width(n)) - 1;
  const auto within = (n >> (octave - 4)) & (cells_per_octave - 1);
  return static_cast<std::size_t>(exact_tokens) + static_cast<std::size_t>(octave - 6) * cells_per_octave +
         static_cast<std::size_t>(within);
}

std::int64_t token_node(std::size_t cell) {
  const std::size_t beyond = cell - static_cast<std::size_t>(exact_tokens);
  const auto octave = static_cast<int>(beyond / cells_per_octave) + 6;
  return (std::int64_t{cells_per_octave} + static_cast<std::int64_t>(beyond % cells_per_octave)) << (octave - 4);
}

double lerp(double a, double b, double share) { return a + share * (b - a); }

/// 1, 2, 3, 4, 6, 8, 12, ... up to and including the first that reaches `last`.
std::vector<std::int64_t> half_octaves(std::int64_t last) {
  std::vector<std::int64_t> nodes = {1};
  for (std::int64_t n = 2; nodes.back() < last; n *= 2) {
    nodes.push_back(n);
    if (nodes.back() < last) nodes.push_back(n + n / 2);
  }
  return nodes;
}

}  // namespace

PassTable::PassTable(const PassLimits& limits, const PassParts& parts) : limits_(limits), fixed_s_(parts.fixed_s) {
  if (limits.sequences < 1 || limits.tokens < 1 || limits.context < 1 || limits.context > (std::int64_t{1} << 40) ||
      limits.tokens > (std::int64_t{1} << 40) || limits.sequences > (std::int64_t{1} << 20))
    throw Error(Fault::Usage, "a table of passes needs 1 to 2^20 sequences and 1 to 2^40 tokens and context");
  const std::int64_t most = std::max(limits.tokens, limits.sequences);
  for (std::int64_t n = 0; n <= std::min(exact_tokens, most); ++n) tokens_s_.push_back(n == 0 ? 0 : parts.tokens_s(n));
  if (most > exact_tokens) {
    tokens_s_.resize(static_cast<std::size_t>(exact_tokens));
    for (std::size_t cell = static_cast<std::size_t>(exact_tokens); cell <= token_cell(most) + 1; ++cell)
      tokens_s_.push_back(parts.tokens_s(token_node(cell)));
    for (std::size_t cell = static_cast<std::size_t>(exact_tokens); cell <= token_cell(most); ++cell)
      beyond_node_s_.push_back(parts.tokens_s(token_node(cell) + 1));
  }
  sampling_s_.push_back(0);
  const auto sampling_nodes = half_octaves(limits.sequences);
  std::vector<double> at_node;
  for (std::int64_t s : sampling_nodes) at_node.push_back(parts.sampling_s(s));
  for (std::int64_t s = 1; s <= limits.sequences; ++s) {
    const auto right = static_cast<std::size_t>(std::lower_bound(sampling_nodes.begin(), sampling_nodes.end(), s) -
                                                sampling_nodes.begin());
    const std::int64_t node = sampling_nodes[right];
    if (node == s)
      sampling_s_.push_back(at_node[right]);
    else if (s <= exact_tokens)
      sampling_s_.push_back(parts.sampling_s(s));
    else
      sampling_s_.push_back(lerp(
          at_node[right - 1], at_node[right],
          static_cast<double>(s - sampling_nodes[right - 1]) / static_cast<double>(node - sampling_nodes[right - 1])));
  }

  contexts_ = {0};
  for (std::uint64_t cell = first_cell; contexts_.back() <= static_cast<double>(limits.context); ++cell)
    contexts_.push_back(std::bit_cast<double>(cell << 51));
  contexts_.push_back(
      std::bit_cast<double>((std::bit_cast<std::uint64_t>(contexts_.back()) >> 51 << 51) + (std::uint64_t{1} << 51)));
  for (std::size_t i = 0; i + 1 < contexts_.size(); ++i) per_width_.push_back(1 / (contexts_[i + 1] - contexts_[i]));
  const std::size_t columns = contexts_.size();
  decode_rows_.assign(columns, 0.0);
  const auto batches = half_octaves(limits.sequences);
  std::vector<double> before, now(columns);
  for (std::size_t node = 0; node < batches.size(); ++node) {
    for (std::size_t i = 0; i < columns; ++i)
      now[i] = parts.decode_attention_s(batches[node], static_cast<std::int64_t>(contexts_[i]));
    const std::int64_t from = node == 0 ? 0 : batches[node - 1];
    for (std::int64_t b = from + 1; b <= std::min(batches[node], limits.sequences); ++b) {
      const double share = static_cast<double>(b - from) / static_cast<double>(batches[node] - from);
      for (std::size_t i = 0; i < columns; ++i)
        decode_rows_.push_back(node == 0 ? now[i] : lerp(before[i], now[i], share));
    }
    before = now;
  }

  for (std::int64_t q = 1; prompt_tokens_.empty() || prompt_tokens_.back() < static_cast<double>(limits.tokens);
       q += std::max<std::int64_t>(1, static_cast<std::int64_t>(std::bit_floor(static_cast<std::uint64_t>(q))) / 4))
    prompt_tokens_.push_back(static_cast<double>(q));
  prompt_contexts_ = {0};
  for (double c = 256; prompt_contexts_.back() < static_cast<double>(limits.context); c *= 2)
    prompt_contexts_.push_back(c);
  for (double c : prompt_contexts_)
    for (double q : prompt_tokens_)
      prompt_s_per_token_.push_back(parts.prompt_extra_s(static_cast<std::int64_t>(q), static_cast<std::int64_t>(c)) /
                                    q);
}

double PassTable::tokens_s(std::int64_t tokens) const {
  if (tokens < exact_tokens) return tokens_s_[static_cast<std::size_t>(tokens)];
  const std::size_t cell = token_cell(tokens);
  const std::int64_t node = token_node(cell), next = token_node(cell + 1);
  if (tokens == node) return tokens_s_[cell];
  return lerp(beyond_node_s_[cell - static_cast<std::size_t>(exact_tokens)], tokens_s_[cell + 1],
              static_cast<double>(tokens - node - 1) / static_cast<double>(next - node - 1));
}

double PassTable::prompt_extra_s(const PromptPiece& piece) const {
  const auto q = static_cast<double>(piece.tokens), c = static_cast<double>(piece.context);
  const std::size_t columns = prompt_tokens_.size();
  const auto right = static_cast<std::size_t>(std::lower_bound(prompt_tokens_.begin(), prompt_tokens_.end(), q) -
                                              prompt_tokens_.begin());
  const std::size_t left = right == 0 ? 0 : right - 1;
  const double share =
      right == left ? 0 : std::log(q / prompt_tokens_[left]) / std::log(prompt_tokens_[right] / prompt_tokens_[left]);
  const auto along = [&](std::size_t row) {
    return q * lerp(prompt_s_per_token_[row * columns + left], prompt_s_per_token_[row * columns + right], share);
  };
  const auto above = static_cast<std::size_t>(std::lower_bound(prompt_contexts_.begin(), prompt_contexts_.end(), c) -
                                              prompt_contexts_.begin());
  if (above == 0) return along(0);
  const double low = prompt_contexts_[above - 1];
  return lerp(along(above - 1), along(above), (c - low) / (prompt_contexts_[above] - low));
}

PassTable::DecodePasses PassTable::decode_passes(std::int64_t decoding) const {
  DecodePasses passes;
  passes.table_ = this;
  passes.row_ = decode_rows_.data() + static_cast<std::size_t>(decoding) * contexts_.size();
  passes.base_s_ = fixed_s_ + tokens_s(decoding) + sampling_s_[static_cast<std::size_t>(decoding)];
  passes.per_sequence_ = decoding > 0 ? 1 / static_cast<double>(decoding) : 0;
  return passes;
}

double PassTable::seconds(std::int64_t decoding, std::int64_t decode_context, std::span<const PromptPiece> pieces,
                          std::int64_t sampled) const {
  if (pieces.empty()) return decode_passes(decoding).seconds(decode_context);
  std::int64_t tokens = decoding;
  double extra_s = 0;
  if (decoding > 0)
    extra_s = attention(decode_rows_.data() + static_cast<std::size_t>(decoding) * contexts_.size(),
                            static_cast<double>(decode_context) * (1 / static_cast<double>(decoding)));
  for (const PromptPiece& piece : pieces) {
    tokens += piece.tokens;
    extra_s += prompt_extra_s(piece);
  }
  return fixed_s_ + tokens_s(tokens) + sampling_s_[static_cast<std::size_t>(decoding + sampled)] + extra_s;
}

}  // namespace isoflop::sim
