#include "isoflop/plot/line_styles.h"

#include <doctest/doctest.h>

#include <set>

using namespace isoflop;

TEST_CASE("named solid lines that differ in colour only get dashes of their own; the caller's dashes stand") {
  PlotSpec plot;
  for (int k = 0; k < 6; ++k) {
    LineLayer line;
    line.legend = "line " + std::to_string(k);
    line.colour = k;
    plot.lines.push_back(line);
  }
  std::set<std::vector<double>> patterns;
  for (std::size_t k = 0; k < 6; ++k) patterns.insert(dashes_of_line(plot, k));
  CHECK(patterns.size() == 6);
  plot.lines[2].dash = Dash::Dashed;
  CHECK(dashes_of_line(plot, 1).empty());
  CHECK(dashes_of_line(plot, 2) == dash_pattern(Dash::Dashed));
  plot.lines.resize(2);
  CHECK(dashes_of_line(plot, 1).empty());
}

TEST_CASE("coloured groups that are all circles get shapes of their own") {
  PlotSpec plot;
  for (int k = -1; k < 3; ++k) {
    PointLayer layer;
    layer.legend = "group";
    layer.colour = k;
    plot.points.push_back(layer);
  }
  CHECK(marker_of_layer(plot, 0) == Marker::Circle);
  CHECK(marker_of_layer(plot, 1) == Marker::Circle);
  CHECK(marker_of_layer(plot, 2) == Marker::TriangleUp);
  CHECK(marker_of_layer(plot, 3) == Marker::Square);
  plot.points[1].marker = Marker::Cross;
  CHECK(marker_of_layer(plot, 2) == Marker::Circle);
}
