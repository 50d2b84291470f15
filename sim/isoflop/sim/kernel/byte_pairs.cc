#include "isoflop/sim/kernel/byte_pairs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <queue>
#include <unordered_map>

#include "isoflop/error.h"

namespace isoflop::sim {
namespace {

constexpr std::string_view heading = "isoflop byte pairs 1\n";

enum class Kind { Space, Letter, Digit, Other };

Kind kind_of(char byte) {
  const auto b = static_cast<unsigned char>(byte);
  if (b == ' ' || (b >= '\t' && b <= '\r')) return Kind::Space;
  if (b >= 0x80 || (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z')) return Kind::Letter;
  return b >= '0' && b <= '9' ? Kind::Digit : Kind::Other;
}

std::uint64_t key_of(std::int32_t left, std::int32_t right) {
  return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
}

// Replaces every (left, right), from the left, by `joined`; the new length.
std::size_t join(std::int32_t* tokens, std::size_t length, std::int32_t left, std::int32_t right,
                 std::int32_t joined) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < length; ++kept) {
    const bool both = i + 1 < length && tokens[i] == left && tokens[i + 1] == right;
    tokens[kept] = both ? joined : tokens[i];
    i += both ? 2 : 1;
  }
  return kept;
}

class Learning {
 public:
  explicit Learning(std::string_view text) {
    std::unordered_map<std::string_view, std::uint32_t> known;
    for (std::size_t at = 0; at < text.size();) {
      const auto piece = text.substr(at, piece_length(text.substr(at)));
      at += piece.size();
      const auto [place, is_new] = known.emplace(piece, static_cast<std::uint32_t>(pieces_.size()));
      if (is_new) {
        pieces_.push_back({tokens_.size(), static_cast<std::uint32_t>(piece.size()), 0});
        for (const char c : piece) tokens_.push_back(static_cast<unsigned char>(c));
      }
      ++pieces_[place->second].times;
    }
    for (std::size_t p = 0; p < pieces_.size(); ++p) count(p, 1);
    for (const auto& [key, pair] : pairs_) queue_.push({pair.count, key});
  }

  /// The most frequent pair, or count 0. Entries whose count has changed since are put back with the new one.
  struct Candidate {
    std::int64_t count;
    std::uint64_t key;
    bool operator<(const Candidate& o) const { return count != o.count ? count < o.count : key > o.key; }
  };
  Candidate most_frequent() {
    while (!queue_.empty()) {
      const Candidate best = queue_.top();
      queue_.pop();
      const auto found = pairs_.find(best.key);
      if (found == pairs_.end()) continue;
      if (found->second.count == best.count) return best;
      if (found->second.count > 0 && found->second.count < best.count) queue_.push({found->second.count, best.key});
    }
    return {0, 0};
  }

  void join_everywhere(std::uint64_t key, std::int32_t joined) {
    const auto left = static_cast<std::int32_t>(key >> 32), right = static_cast<std::int32_t>(key & 0xffffffff);
    const std::vector<std::uint32_t> holders = std::move(pairs_[key].pieces);
    changed_.clear();
    newest_ = joined;
    for (const std::uint32_t p : holders) {
      Piece& piece = pieces_[p];
      std::int32_t* tokens = tokens_.data() + piece.first;
      if (!holds(tokens, piece.length, left, right)) continue;  // joined to something else meanwhile
      count(p, -1);
      piece.length = static_cast<std::uint32_t>(join(tokens, piece.length, left, right, joined));
      count(p, 1);
    }
    pairs_.erase(key);
    std::sort(changed_.begin(), changed_.end());
    changed_.erase(std::unique(changed_.begin(), changed_.end()), changed_.end());
    for (const std::uint64_t touched : changed_) {
      const auto found = pairs_.find(touched);
      if (found != pairs_.end() && found->second.count > 0) queue_.push({found->second.count, touched});
    }
  }

 private:
  struct Piece {
    std::size_t first;
    std::uint32_t length;
    std::int64_t times;
  };
  struct Pair {
    std::int64_t count = 0;
    std::vector<std::uint32_t> pieces;  ///< that held it when it was counted; some may no longer
  };

  static bool holds(const std::int32_t* tokens, std::size_t length, std::int32_t left, std::int32_t right) {
    for (std::size_t i = 0; i + 1 < length; ++i)
      if (tokens[i] == left && tokens[i + 1] == right) return true;
    return false;
  }

  void count(std::size_t p, std::int64_t sign) {
    const Piece& piece = pieces_[p];
    for (std::size_t i = piece.first; i + 1 < piece.first + piece.length; ++i) {
      const std::uint64_t key = key_of(tokens_[i], tokens_[i + 1]);
      Pair& pair = pairs_[key];
      pair.count += sign * piece.times;
      // Counts of other pairs only fall after the first count, and the piece is listed with them already.
      const bool fresh = newest_ < 0 || tokens_[i] == newest_ || tokens_[i + 1] == newest_;
      if (sign < 0 || !fresh) continue;
      if (pair.pieces.empty() || pair.pieces.back() != p) pair.pieces.push_back(static_cast<std::uint32_t>(p));
      if (newest_ >= 0) changed_.push_back(key);
    }
  }

  std::vector<Piece> pieces_;
  std::vector<std::int32_t> tokens_;
  std::unordered_map<std::uint64_t, Pair> pairs_;
  std::priority_queue<Candidate> queue_;
  std::vector<std::uint64_t> changed_;
  std::int32_t newest_ = -1;
};

}  // namespace

std::size_t piece_length(std::string_view text) {
  if (text.empty()) return 0;
  const std::size_t most = std::min(text.size(), BytePairs::longest_token);
  const bool led_by_space = text[0] == ' ' && most > 1 && kind_of(text[1]) != Kind::Space;
  std::size_t end = led_by_space ? 1 : 0;
  const Kind kind = kind_of(text[end]);
  while (end < most && kind_of(text[end]) == kind) ++end;
  // Of white space before a run, the last space leads the run.
  const bool run_follows = end < text.size() && kind_of(text[end]) != Kind::Space;
  if (kind == Kind::Space && end > 1 && run_follows && text[end - 1] == ' ') --end;
  return end;
}

BytePairs::BytePairs() {
  for (int b = 0; b < 256; ++b) bytes_.emplace_back(1, static_cast<char>(b));
}

void BytePairs::add_merge(std::int32_t left, std::int32_t right) {
  joined_.emplace(key_of(left, right), static_cast<std::int32_t>(bytes_.size()));
  bytes_.push_back(bytes_of(static_cast<std::size_t>(left)) + bytes_of(static_cast<std::size_t>(right)));
  merges_.emplace_back(left, right);
}

BytePairs BytePairs::learn(std::string_view text, std::size_t vocabulary) {
  if (vocabulary < 256 || vocabulary > largest_vocabulary)
    throw Error(Fault::Usage, fmt::format("a vocabulary of {} tokens: byte pairs need 256 (the bytes) to {}",
                                          vocabulary, largest_vocabulary));
  BytePairs result;
  if (vocabulary == 256) return result;
  Learning learning(text.substr(0, sample_bytes));
  while (result.vocabulary() < vocabulary) {
    const auto best = learning.most_frequent();
    if (best.count < 2) break;
    learning.join_everywhere(best.key, static_cast<std::int32_t>(result.vocabulary()));
    result.add_merge(static_cast<std::int32_t>(best.key >> 32), static_cast<std::int32_t>(best.key & 0xffffffff));
  }
  return result;
}

std::string BytePairs::text() const {
  std::string text = fmt::format("{}{}\n", heading, merges_.size());
  for (const auto& [left, right] : merges_) text += fmt::format("{} {}\n", left, right);
  return text;
}

BytePairs BytePairs::from_text(std::string_view text, const std::string& name) {
  const auto fail = [&](const std::string& what) -> Error { return Error(Fault::BadInput, name + ": " + what); };
  if (!text.starts_with(heading)) throw fail("holds no byte pairs (\"isoflop byte pairs 1\")");
  const char *at = text.data() + heading.size(), *end = text.data() + text.size();
  const auto number = [&](char after) {
    std::int32_t value = 0;
    const auto [next, problem] = std::from_chars(at, end, value);
    if (problem != std::errc() || next == end || *next != after || value < 0)
      throw fail("byte pairs: expected the number of merges, then two tokens a line");
    at = next + 1;
    return value;
  };
  const std::int32_t count = number('\n');
  if (static_cast<std::size_t>(count) > largest_vocabulary - 256) throw fail("byte pairs: more merges than fit");
  BytePairs result;
  for (std::int32_t i = 0; i < count; ++i) {
    const auto left = static_cast<std::size_t>(number(' ')), right = static_cast<std::size_t>(number('\n'));
    if (left >= result.vocabulary() || right >= result.vocabulary())
      throw fail(fmt::format("byte pairs: merge {} of tokens that come later", i));
    if (result.bytes_of(left).size() + result.bytes_of(right).size() > longest_token)
      throw fail(fmt::format("byte pairs: merge {} makes a token of more than {} bytes", i, longest_token));
    if (result.joined_.count(key_of(static_cast<std::int32_t>(left), static_cast<std::int32_t>(right))))
      throw fail(fmt::format("byte pairs: merge {} is there already", i));
    result.add_merge(static_cast<std::int32_t>(left), static_cast<std::int32_t>(right));
  }
  if (at != end) throw fail("byte pairs: something follows the last merge");
  return result;
}

std::vector<std::int32_t> BytePairs::encode(std::string_view text) const {
  std::vector<std::int32_t> all;
  // Words come again and again; what is remembered of them is bounded.
  constexpr std::size_t remembered = std::size_t{1} << 16;
  std::unordered_map<std::string_view, std::pair<std::size_t, std::size_t>> known;
  for (std::size_t at = 0; at < text.size();) {
    const auto piece = text.substr(at, piece_length(text.substr(at)));
    at += piece.size();
    const std::size_t first = all.size();
    if (const auto found = known.find(piece); found != known.end()) {
      for (std::size_t i = 0; i < found->second.second; ++i) all.push_back(all[found->second.first + i]);
      continue;
    }
    for (const char c : piece) all.push_back(static_cast<unsigned char>(c));
    std::size_t length = piece.size();
    while (length > 1) {
      std::int32_t best = -1;
      for (std::size_t i = 0; i + 1 < length; ++i) {
        const auto found = joined_.find(key_of(all[first + i], all[first + i + 1]));
        if (found != joined_.end() && (best < 0 || found->second < best)) best = found->second;
      }
      if (best < 0) break;
      const auto [left, right] = merges_[static_cast<std::size_t>(best) - 256];
      length = join(all.data() + first, length, left, right, best);
    }
    all.resize(first + length);
    if (known.size() < remembered) known.emplace(piece, std::pair(first, length));
  }
  return all;
}

std::string BytePairs::decode(const std::vector<std::int32_t>& tokens) const {
  std::string bytes;
  for (const std::int32_t token : tokens) {
    if (token < 0 || static_cast<std::size_t>(token) >= vocabulary())
      throw Error(Fault::BadInput, fmt::format("token {} is none of the {} of the tokenizer", token, vocabulary()));
    bytes += bytes_of(static_cast<std::size_t>(token));
  }
  return bytes;
}

namespace {

// Length of the printable UTF-8 character at the beginning, 0 when there is none.
std::size_t printable_length(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  if (byte(0) < 0x80) return (byte(0) >= 0x20 && byte(0) != 0x7f) || bytes[0] == '\n' || bytes[0] == '\t' ? 1 : 0;
  const std::size_t length = byte(0) >= 0xf0 ? 4 : byte(0) >= 0xe0 ? 3 : 2;
  if (byte(0) < 0xc2 || byte(0) > 0xf4 || bytes.size() < length) return 0;
  std::uint32_t point = byte(0) & (0xffu >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
    point = point << 6 | (byte(i) & 0x3f);
  }
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool valid = point >= least[length] && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
  return valid && point >= 0xa0 ? length : 0;
}

}  // namespace

std::string printable(std::string_view bytes) {
  std::string text;
  for (std::size_t at = 0; at < bytes.size();) {
    const std::size_t length = printable_length(bytes.substr(at));
    if (length == 0) text += fmt::format("\\x{:02x}", static_cast<unsigned char>(bytes[at]));
    text += bytes.substr(at, length);
    at += std::max<std::size_t>(1, length);
  }
  return text;
}

}  // namespace isoflop::sim
