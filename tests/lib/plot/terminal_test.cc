#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>
#include <string>

#include "isoflop/plot/draw.h"
#include "isoflop/plot/text_metrics.h"
#include "lib/plot/sample_plots.h"

using namespace isoflop;

namespace {

std::vector<PlotSpec> all_samples() {
  return {sample::scores(),       sample::dates(),        sample::loss_surface(),
          sample::stacked_bars(), sample::grouped_bars(), sample::hostile()};
}

}  // namespace

TEST_CASE("no line of a terminal plot is wider than asked, and without colour there are no escapes") {
  for (const auto& plot : all_samples())
    for (const std::size_t columns : {60U, 90U, 140U}) {
      std::istringstream lines(draw_terminal(plot, columns, 24, false));
      for (std::string line; std::getline(lines, line);) {
        INFO(plot.name << ": " << line);
        CHECK(character_count(line) <= columns);
        CHECK(line.find('\x1b') == std::string::npos);
      }
    }
}

TEST_CASE("ASCII drawings are ASCII, and hostile control characters never reach the terminal") {
  for (const auto& plot : all_samples()) {
    const std::string ascii = draw_terminal(plot, 90, 24, false, false);
    CHECK(std::all_of(ascii.begin(), ascii.end(), [](char c) { return c == '\n' || (c >= 0x20 && c < 0x7F); }));
  }
  PlotSpec plot = sample::scores();
  plot.title = "\x1b]0;owned\x07 title";
  CHECK(draw_terminal(plot, 90, 24, false).find('\x1b') == std::string::npos);
}

TEST_CASE("a terminal plot shows points, names and powers of ten; colours only when asked") {
  const std::string text = draw_terminal(sample::scores(), 90, 24, false);
  CHECK(text.find("▲ Phi-2") != std::string::npos);
  CHECK(text.find("10²³") != std::string::npos);
  CHECK(text.find("Training compute (FLOP)") != std::string::npos);
  CHECK(draw_terminal(sample::scores(), 90, 24, true).find("\x1b[38;5;208m") != std::string::npos);
  CHECK(draw_terminal(sample::scores(), 90, 24, false, false).find("10^23") != std::string::npos);
  CHECK(draw_terminal(sample::stacked_bars(), 90, 24, false).find("1,738") != std::string::npos);
}
