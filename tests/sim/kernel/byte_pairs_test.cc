// Byte pairs against a quadratic training that counts everything again before each merge.
#include "isoflop/sim/kernel/byte_pairs.h"

#include <doctest/doctest.h>

#include <map>

#include "isoflop/error.h"
#include "isoflop/random.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

using Merges = std::vector<std::pair<std::int32_t, std::int32_t>>;
using Pieces = std::vector<std::vector<std::int32_t>>;

Pieces pieces_of(std::string_view text) {
  Pieces pieces;
  for (std::size_t at = 0; at < text.size();) {
    pieces.emplace_back();
    for (const char c : text.substr(at, piece_length(text.substr(at))))
      pieces.back().push_back(static_cast<unsigned char>(c));
    at += pieces.back().size();
  }
  return pieces;
}

void join_all(Pieces& pieces, std::pair<std::int32_t, std::int32_t> pair, std::int32_t joined) {
  for (auto& piece : pieces) {
    std::vector<std::int32_t> next;
    for (std::size_t i = 0; i < piece.size(); ++i) {
      const bool both = i + 1 < piece.size() && piece[i] == pair.first && piece[i + 1] == pair.second;
      next.push_back(both ? joined : piece[i]);
      i += both ? 1 : 0;
    }
    piece = next;
  }
}

// The rule as the header states it, without any queue; also the tokens that the text ends as.
std::pair<Merges, std::vector<std::int32_t>> naive(std::string_view text, std::size_t vocabulary) {
  Pieces pieces = pieces_of(text);
  Merges merges;
  while (256 + merges.size() < vocabulary) {
    std::map<std::pair<std::int32_t, std::int32_t>, int> counts;  // in the order in which ties are broken
    for (const auto& piece : pieces)
      for (std::size_t i = 0; i + 1 < piece.size(); ++i) ++counts[{piece[i], piece[i + 1]}];
    int most = 1;
    for (const auto& [pair, count] : counts) most = std::max(most, count);
    if (most < 2) break;
    for (const auto& [pair, count] : counts)
      if (count == most) {
        join_all(pieces, pair, static_cast<std::int32_t>(256 + merges.size()));
        merges.push_back(pair);
        break;
      }
  }
  std::vector<std::int32_t> tokens;
  for (const auto& piece : pieces) tokens.insert(tokens.end(), piece.begin(), piece.end());
  return {merges, tokens};
}

std::string random_text(std::uint64_t seed, std::size_t length, const std::string& letters) {
  Random random(seed);
  std::string text(length, ' ');
  for (auto& c : text) c = letters[random.index(letters.size())];
  return text;
}

std::string all_bytes() {
  std::string bytes;
  for (int b = 0; b < 256; ++b) bytes += static_cast<char>(b);
  return bytes;
}

}  // namespace

TEST_CASE("merges and tokens are those of the quadratic rule") {
  const std::string texts[] = {
      random_text(1, 3000, "ab "), random_text(2, 3000, "aaab"), random_text(3, 2000, "abcde  \n12.,"),
      random_text(4, 2000, all_bytes()), std::string(777, 'x'),
      "the cat sat on the mat, the cats sat on the mats; 1999 1998 1997\n\n  the\tend  "};
  for (const auto& text : texts)
    for (const std::size_t vocabulary : {257, 300, 420}) {
      const auto [merges, tokens] = naive(text, vocabulary);
      const BytePairs pairs = BytePairs::learn(text, vocabulary);
      CHECK(pairs.merges() == merges);
      CHECK(pairs.encode(text) == tokens);
      CHECK(pairs.vocabulary() == 256 + merges.size());
    }
}

TEST_CASE("any bytes come back exactly, learnt from them or not") {
  const BytePairs english = BytePairs::learn(random_text(5, 5000, "etaoin shrdlu\n"), 512);
  std::string texts[] = {"", "a", std::string(1, '\0'), std::string(5000, '\0'), std::string(100000, 'a'),
                         "\xff\xfe\xc0\x80 \xed\xa0\x80 h\xc3\xa9llo \xf0\x9f\x98", "  \n \t  x", all_bytes()};
  for (const auto& text : texts) {
    for (const auto& pairs : {BytePairs(), english, BytePairs::learn(text, 300)}) {
      const auto tokens = pairs.encode(text);
      CHECK(pairs.decode(tokens) == text);
      CHECK(tokens.size() <= text.size());
    }
  }
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::string text = random_text(seed, 500, all_bytes());
    CHECK(english.decode(english.encode(text)) == text);
  }
}

TEST_CASE("pieces hold no two kinds of bytes but a leading space and at most 64 bytes") {
  const auto lengths = [](std::string_view text) {
    std::vector<std::size_t> result;
    for (const auto& piece : pieces_of(text)) result.push_back(piece.size());
    return result;
  };
  using Lengths = std::vector<std::size_t>;
  CHECK(lengths("the cat") == Lengths{3, 4});
  CHECK(lengths("a  b") == Lengths{1, 1, 2});
  CHECK(lengths("a\n b") == Lengths{1, 1, 2});
  CHECK(lengths("x12, h\xc3\xa9llo") == Lengths{1, 2, 1, 7});
  CHECK(lengths(std::string(130, 'q')) == Lengths{64, 64, 2});
  CHECK(lengths(" ") == Lengths{1});
}

TEST_CASE("one repeated byte takes a few merges, whatever its length") {
  const BytePairs pairs = BytePairs::learn(std::string(1 << 20, 'z'), 1024);
  CHECK(pairs.vocabulary() == 256 + 6);  // 2, 4, ... 64 bytes: then every piece is one token
  CHECK(pairs.encode(std::string(1 << 20, 'z')).size() == (1 << 20) / 64);
}

TEST_CASE("the tokenizer is stored and read again, and broken ones are refused by what is wrong") {
  const BytePairs pairs = BytePairs::learn(random_text(6, 4000, "abc \n"), 400);
  const BytePairs again = BytePairs::from_text(pairs.text(), "stored");
  CHECK(again.merges() == pairs.merges());
  CHECK(again.text() == pairs.text());
  CHECK(BytePairs::from_text(BytePairs().text(), "bytes").vocabulary() == 256);
  const std::string head = "isoflop byte pairs 1\n";
  const std::pair<std::string, const char*> broken[] = {
      {"", "holds no byte pairs"},
      {head, "expected the number"},
      {head + "-1\n", "expected the number"},
      {head + "9999999\n", "more merges"},
      {head + "1\n300 1\n", "come later"},
      {head + "2\n1 2\n1 2\n", "already"},
      {head + "1\n1 2", "two tokens"},
      {head + "1\n1 2\nx", "something follows"},
      {head + "7\n1 1\n256 256\n257 257\n258 258\n259 259\n260 260\n261 261\n", "more than 64 bytes"}};
  for (const auto& [text, why] : broken)
    CHECK_THROWS_WITH_AS(BytePairs::from_text(text, "t"), doctest::Contains(why), Error);
  CHECK_THROWS_AS(BytePairs::learn("abc", 255), Error);
  CHECK_THROWS_AS(BytePairs::learn("abc", 100000), Error);
  CHECK_THROWS_WITH_AS(pairs.decode({-1}), doctest::Contains("token -1"), Error);
  CHECK_THROWS_AS(pairs.decode({static_cast<std::int32_t>(pairs.vocabulary())}), Error);
}

TEST_CASE("what a terminal would act on is written as hexadecimal bytes") {
  CHECK(printable("plain\ttext\n") == "plain\ttext\n");
  CHECK(printable("\x1b[2J") == "\\x1b[2J");
  CHECK(printable("h\xc3\xa9") == "h\xc3\xa9");
  CHECK(printable("\xc3") == "\\xc3");
  CHECK(printable("\xc2\x9b") == "\\xc2\\x9b");                 // a control character of eight bits
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");        // half a surrogate pair
  CHECK(printable("\xe0\x80\xaf") == "\\xe0\\x80\\xaf");        // longer than needed
  CHECK(printable(std::string(1, '\0')) == "\\x00");
}
