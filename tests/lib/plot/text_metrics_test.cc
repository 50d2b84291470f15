#include "isoflop/plot/text_metrics.h"

#include <doctest/doctest.h>

#include "agrees.h"

using namespace isoflop;

TEST_CASE("widths are those of the font's own tables") {
  // 'A' 1401, 'W' 2025, 'i' 569 units of 2048 in DejaVuSans.ttf 2.37.
  CHECK(agrees(text_width_em("A"), 1401.0 / 2048, 3));
  CHECK(agrees(text_width_em("W"), 2025.0 / 2048, 3));
  CHECK(agrees(text_width_em("i"), 569.0 / 2048, 2.9));
  CHECK(text_width_em("Phi-3", true) > text_width_em("Phi-3"));
  CHECK(text_width_em("e\u0301") == text_width_em("e"));
}

TEST_CASE("wrapped lines keep every word and stay inside") {
  const std::string text = "a line of several words and one that-is-far-too-long-for-the-width-of-it end";
  for (const double width : {60.0, 100.0, 333.0}) {
    std::string letters;
    for (const auto& line : wrap_text(text, width, 12)) {
      CHECK(text_width_px(line, 12) <= width);
      letters += line;
    }
    std::string expected = text;
    std::erase(expected, ' ');
    std::erase(letters, ' ');
    CHECK(letters == expected);
  }
}

TEST_CASE("text is made fit for XML and one line") {
  CHECK(clean_text("a\nb\tc") == "a b c");
  CHECK(clean_text("\xff\xc3") == "\uFFFD\uFFFD");
  CHECK(clean_text("x\x01") == "x\uFFFD");
  CHECK(clean_text("\xED\xA0\x80") == "\uFFFD\uFFFD\uFFFD");  // a surrogate half
  CHECK(clean_text("Qwen \xE9\x80\x9A") == "Qwen \xE9\x80\x9A");
}
