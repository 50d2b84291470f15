#include "isoflop/plot/figure.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/plot/draw.h"
#include "isoflop/random.h"
#include "lib/plot/sample_plots.h"

using namespace isoflop;

namespace {

std::vector<PlotSpec> all_samples() {
  return {sample::scores(),       sample::dates(),        sample::loss_surface(),
          sample::stacked_bars(), sample::grouped_bars(), sample::hostile()};
}

PlotSpec resized(PlotSpec plot, int width, int height) {
  plot.width_px = width;
  plot.height_px = height;
  return plot;
}

void check_texts(const Figure& figure) {
  const PixelBox image = {0, 0, static_cast<double>(figure.width), static_cast<double>(figure.height)};
  std::vector<FigureText> texts = figure.texts;
  texts.insert(texts.end(), figure.labels.begin(), figure.labels.end());
  for (std::size_t i = 0; i < texts.size(); ++i) {
    INFO("plot " << figure.plot->name << " " << figure.width << "x" << figure.height << ": " << texts[i].text);
    CHECK(image.contains(texts[i].box()));
    for (std::size_t j = 0; j < i; ++j)
      if (texts[i].box().overlaps(texts[j].box())) FAIL_CHECK("covers " << texts[j].text);
  }
}

}  // namespace

TEST_CASE("no text of a picture is cut off or covers another, at newsletter, square and small size") {
  for (const auto& plot : all_samples()) {
    check_texts(lay_out(plot));
    if (plot.name.find("hostile") != std::string::npos) continue;
    for (const auto& [width, height] : {std::pair{640, 400}, {800, 800}, {1600, 1000}, {400, 700}}) {
      const PlotSpec other = resized(plot, width, height);
      check_texts(lay_out(other));
    }
  }
}

TEST_CASE("axes take at least two fifths of the height") {
  for (const auto& plot : all_samples())
    for (const auto& [width, height] : {std::pair{960, 600}, {640, 400}, {800, 800}}) {
      const PlotSpec other = resized(plot, width, height);
      const Figure figure = lay_out(other);
      CHECK(figure.axes.bottom - figure.axes.top >= 0.39 * height);
    }
}

TEST_CASE("on random plots every wanted name is either drawn or listed in the caption") {
  for (std::uint64_t index = 0; index < 20; ++index) {
    Random random(5, index);
    PlotSpec plot;
    plot.name = "random";
    plot.title = "t";
    plot.width_px = 640;
    plot.height_px = 420;
    PointLayer layer;
    std::size_t wanted = 0;
    const auto count = 5 + random.index(90);
    for (std::size_t i = 0; i < count; ++i) {
      layer.x.push_back(random.normal());
      layer.y.push_back(0.3 * random.normal());
      layer.names.push_back("model-" + std::to_string(i) + std::string(random.index(12), 'x'));
      layer.labelled.push_back(random.uniform() < 0.7);
      wanted += layer.labelled.back();
    }
    plot.points.push_back(layer);
    const Figure figure = lay_out(plot);
    CHECK(figure.labels.size() + figure.unlabelled.size() == wanted);
    check_texts(figure);
    std::string caption;
    for (const auto& text : figure.texts) caption += text.text + " ";
    for (std::size_t i = 0; i < std::min<std::size_t>(figure.unlabelled.size(), 40); ++i)
      CHECK(caption.find(figure.unlabelled[i]) != std::string::npos);
    if (figure.unlabelled.size() > 40)
      CHECK(caption.find(std::to_string(figure.unlabelled.size() - 40) + " more") != std::string::npos);
    for (const auto& label : figure.labels)
      for (std::size_t i = 0; i < layer.x.size(); ++i)
        if (label.box().distance({figure.x.place(layer.x[i]), figure.y.place(layer.y[i])}) <= 0)
          FAIL_CHECK(label.text << " covers point " << i);
  }
}

TEST_CASE("points the axes cannot show are named") {
  PlotSpec plot;
  plot.name = "p";
  plot.x.scale = Scale::Log;
  plot.y.high = 10;
  PointLayer layer;
  layer.x = {0, 1, 10, 100};
  layer.y = {1, 2, 3, 40};
  layer.names = {"zero", "one", "ten", "high"};
  plot.points.push_back(layer);
  CHECK(lay_out(plot).outside == std::vector<std::string>{"zero", "high"});
}

TEST_CASE("bars start at zero and their interval and value fit on the axis") {
  const PlotSpec plot = sample::grouped_bars();
  const Figure figure = lay_out(plot);
  CHECK(figure.x.low == 0);
  CHECK(figure.x.high > 930);
  const auto boxes = bar_boxes(plot);
  REQUIRE(boxes.size() == 8);
  CHECK(boxes[0].y_low > boxes[4].y_low);  // the first layer stands above the second in a group
  const auto stacked = bar_boxes(sample::stacked_bars());
  CHECK(stacked[4].x_from == 74);
  CHECK(stacked[4].x_to == 74 + 210);
  CHECK(stacked[8].x_to == 74 + 210 + 30);
}

TEST_CASE("many bars with long names make the picture taller instead of losing any") {
  PlotSpec plot = sample::grouped_bars();
  plot.width_px = 500;
  plot.height_px = 300;
  for (auto& layer : plot.bars) {
    layer.low.clear();
    layer.high.clear();
    layer.categories.clear();
    layer.values.clear();
    for (int k = 0; k < 30; ++k) {
      layer.categories.push_back("category number " + std::to_string(k) +
                                 " with a name of several words that must wrap");
      layer.values.push_back(k);
    }
  }
  const Figure figure = lay_out(plot);
  CHECK(figure.height > 300);
  check_texts(figure);
}

TEST_CASE("a rule outside the axes is named, and one without a free place goes into the notes") {
  PlotSpec plot = sample::dates();
  plot.y.low = 30;
  Figure figure = lay_out(plot);
  CHECK(figure.outside == std::vector<std::string>{"line at y = 25 (guessing: 25 %)"});
  plot.rules[1].caption = std::string(400, 'x');
  figure = lay_out(plot);
  check_texts(figure);
  const bool noted = std::any_of(figure.texts.begin(), figure.texts.end(),
                                 [](const FigureText& t) { return t.text.rfind("Line at x = 2024-04-23", 0) == 0; });
  CHECK(noted);
}

TEST_CASE("columns of different length are refused with the layer's name") {
  PlotSpec plot = sample::scores();
  plot.points[1].y.pop_back();
  CHECK_THROWS_WITH_AS(lay_out(plot), "plot scores: layer \"Phi\" has 6 rows but 5 in y", Error);
}

TEST_CASE("an empty plot, one point, equal values and infinities are drawn") {
  PlotSpec plot;
  plot.name = "few";
  CHECK_NOTHROW(lay_out(plot));
  PointLayer layer;
  layer.x = {3};
  layer.y = {5};
  plot.points.push_back(layer);
  Figure figure = lay_out(plot);
  CHECK(figure.x.low < 3);
  CHECK(figure.y.high > 5);
  plot.points[0].x = {1, 1, INFINITY, NAN};
  plot.points[0].y = {2, 2, 2, 2};
  figure = lay_out(plot);
  CHECK(std::isfinite(figure.x.high));
  CHECK(figure.outside.size() == 2);
}

TEST_CASE("an axis places its ends exactly and inverts") {
  AxisMap map;
  map.scale = Scale::Log;
  map.low = 1e20, map.high = 1e26;
  map.low_px = 100, map.high_px = 700;
  CHECK(agrees(map.place(1e20), 100, 12));
  CHECK(agrees(map.place(1e23), 400, 12));
  CHECK(agrees(map.value_at(map.place(3.3e24)), 3.3e24, 11));
}
