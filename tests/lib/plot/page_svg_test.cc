#include "isoflop/plot/page_svg.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

using namespace isoflop;

namespace {

PlotSpec two_groups() {
  PlotSpec plot;
  plot.name = "pairs";
  plot.title = "A title that mentions #abcdef";
  plot.description = "Two groups.";
  plot.x = {"x", Scale::Linear, {}, {}};
  plot.y = {"y", Scale::Linear, {}, {}};
  PointLayer one, two;
  one.legend = "one";
  one.x = {1, 2};
  one.y = {1, 2};
  one.names = {"'#123456'", "b"};
  one.labelled = {true, false};
  two = one;
  two.legend = "two";
  two.colour = 1;
  two.x = {3, 1e9};
  two.names = {"c", "far"};
  two.labelled = {};
  plot.x.high = 4;
  plot.points = {one, two};
  LineLayer line;
  line.x = {1, 2};
  line.y = {1, 2};
  plot.lines = {line, line};
  plot.lines[1].x = two.x;
  return plot;
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++n;
  return n;
}

bool has_gnuplot() { return std::system("gnuplot --version >/dev/null 2>&1") == 0; }

}  // namespace

TEST_CASE("equal pairs of colours share a property, and each theme declares its own side") {
  PageColours colours;
  CHECK(colours.property("rgb(  0, 114, 178)", "#56b4e9") == "var(--c0)");
  CHECK(colours.property("#ffffff", "#121212") == "var(--c1)");
  CHECK(colours.property("#0072b2", "rgb(86,180,233)") == "var(--c0)");
  CHECK(colours.declarations(Theme::Light) == "--c0:#0072b2;--c1:#ffffff;");
  CHECK(colours.declarations(Theme::Dark) == "--c0:#56b4e9;--c1:#121212;");
}

TEST_CASE("pictures that differ in more than colours are refused") {
  PageColours colours;
  CHECK_NOTHROW(page_markup({"<svg fill='#ffffff'></svg>", "<svg fill='#000000'></svg>"}, colours));
  CHECK_THROWS(page_markup({"<svg fill='#ffffff'></svg>", "<svg></svg>"}, colours));
  CHECK_THROWS(page_markup({"", ""}, colours));
}

TEST_CASE("a picture for a page has no colour of its own, and its marks say where they belong") {
  if (!has_gnuplot()) {
    MESSAGE("skipped: gnuplot is not installed");
    return;
  }
  PageColours colours;
  const std::string svg = page_markup(draw_themed_svg(two_groups(), "p1"), colours);
  CHECK(svg.rfind("<svg", 0) == 0);
  CHECK(svg.find("=\"#") == std::string::npos);
  CHECK(svg.find("rgb(") == std::string::npos);
  CHECK(svg.find("style=") == std::string::npos);
  // Texts that look like colours stay texts.
  CHECK(count(svg, "#abcdef") == 2);
  CHECK(svg.find("&#39;#123456&#39;: y 1; x 1") != std::string::npos);
  // Two groups of points; the point off the axes keeps its number, so that a second picture agrees on it.
  CHECK(count(svg, "data-i=") == 3);
  CHECK(svg.find("data-g=\"1\" data-i=\"2\"") != std::string::npos);
  // Points, the line through them and the name.
  CHECK(count(svg, "data-g=\"0\"") == 4);
  const std::string second = page_markup(draw_themed_svg(two_groups(), "p2", true), colours);
  CHECK(count(second, "data-i=") == 3);
  CHECK(count(second, "<title") == 1);
  CHECK(second.find("id=\"isoflop-p2-title\"") != std::string::npos);
}

TEST_CASE("bars get boxes of their own to point at") {
  if (!has_gnuplot()) {
    MESSAGE("skipped: gnuplot is not installed");
    return;
  }
  PlotSpec plot;
  plot.name = "bars";
  plot.title = "Bars";
  plot.description = "Two bars.";
  plot.x = {"GB", Scale::Linear, {}, {}};
  plot.bars = {{"weights", {"a", "b"}, {10, 20}, {9, 18}, {12, 25}, 0}};
  PageColours colours;
  const std::string svg = page_markup(draw_themed_svg(plot, "bars"), colours);
  CHECK(count(svg, "<rect class=\"bar\"") == 2);
  CHECK(svg.find("<title>a: weights 10 (9 to 12); GB</title>") != std::string::npos);
}
