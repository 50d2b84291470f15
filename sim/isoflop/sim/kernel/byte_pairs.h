// Byte pair encoding (Sennrich et al. 2016, arXiv:1508.07909) over bytes: any bytes go in and come out again.
//
// A text is cut into pieces that no token crosses: a run of letters, of digits, of white space or of other bytes, a
// single space before a run belonging to it, at most 64 bytes each; bytes from 0x80 on count as letters, so that UTF-8
// stays together. Training starts from the 256 bytes and joins, until the vocabulary is full or no pair occurs twice,
// the pair of neighbours that occurs most often; of equal ones the pair with the lower left token, then the lower right
// one. Occurrences are counted at every position within pieces ("aaa" holds (a, a) twice) and joined from the left.
// Encoding joins in the order of training. Both are functions of the bytes alone.
//
// Cost: pairs wait in a priority queue, and a join touches only the pieces that hold it: O(n log n) for n bytes of
// distinct pieces, of at most 64 bytes each. Merges are learnt from the first `sample_bytes` of a text, which bounds
// memory: about 30 bytes per byte of distinct pieces.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace isoflop::sim {

class BytePairs {
 public:
  static constexpr std::size_t longest_token = 64, largest_vocabulary = 65536, sample_bytes = std::size_t{1} << 24;

  /// The 256 bytes, no merges.
  BytePairs();
  /// Learnt from `text`; as many tokens as it supports, at most `vocabulary`.
  /// Throws Error (Usage) unless 256 <= vocabulary <= largest_vocabulary.
  static BytePairs learn(std::string_view text, std::size_t vocabulary);
  /// Throws Error (BadInput) naming `name` when the pairs make no vocabulary.
  static BytePairs from_text(std::string_view text, const std::string& name);
  /// What from_text reads: "isoflop byte pairs 1", the number of merges, then the two tokens of each.
  std::string text() const;

  std::size_t vocabulary() const { return bytes_.size(); }
  const std::string& bytes_of(std::size_t token) const { return bytes_[token]; }  ///< `token` is not checked.
  const std::vector<std::pair<std::int32_t, std::int32_t>>& merges() const { return merges_; }

  std::vector<std::int32_t> encode(std::string_view text) const;  ///< decode() gives the text back.
  /// Throws Error (BadInput) for a token outside the vocabulary.
  std::string decode(const std::vector<std::int32_t>& tokens) const;

 private:
  void add_merge(std::int32_t left, std::int32_t right);
  std::vector<std::pair<std::int32_t, std::int32_t>> merges_;
  std::vector<std::string> bytes_;                          ///< per token
  std::unordered_map<std::uint64_t, std::int32_t> joined_;  ///< token that a pair (left << 32 | right) makes
};

/// Length of the piece that `text` begins with; 0 for none.
std::size_t piece_length(std::string_view text);

/// Bytes for a terminal or a JSON text: what is no printable UTF-8 is written as \xNN, line ends and tabs stay.
std::string printable(std::string_view bytes);

}  // namespace isoflop::sim
