#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "isoflop/plot/draw.h"
#include "isoflop/report/value.h"
#include "lib/plot/sample_plots.h"

using namespace isoflop;

namespace {

const Value* layer_with(const Value& spec, const std::string& mark) {
  const Value* found = nullptr;
  for (const auto& layer : spec.at("layer").items())
    if (layer.at("mark").at("type").text() == mark) found = &layer;
  return found;
}

}  // namespace

TEST_CASE("the Vega-Lite form holds every drawn point with name, group and numbers, and a legend that picks") {
  const Value spec = parse_json(draw_vega_lite(sample::scores()), "spec");
  CHECK(spec.at("$schema").text() == "https://vega.github.io/schema/vega-lite/v5.json");
  const Value* points = layer_with(spec, "point");
  REQUIRE(points);
  const auto& rows = points->at("data").at("values").items();
  CHECK(rows.size() == 57);
  const auto phi2 =
      std::find_if(rows.begin(), rows.end(), [](const Value& row) { return row.at("name").text() == "Phi-2"; });
  REQUIRE(phi2 != rows.end());
  CHECK(phi2->at("x").number() == 2.3e22);
  CHECK(phi2->at("y").number() == 57.9);
  CHECK(phi2->at("group").text() == "Phi");
  CHECK(points->at("params").items()[0].at("bind").text() == "legend");
  CHECK(points->at("encoding").at("tooltip").items().size() == 4);
  CHECK(points->at("encoding").at("x").at("scale").at("type").text() == "log");
  CHECK(layer_with(spec, "area"));
  CHECK(layer_with(spec, "line"));
}

TEST_CASE("every kind of plot becomes valid JSON; hostile text stays inside strings") {
  for (const auto& plot :
       {sample::dates(), sample::loss_surface(), sample::stacked_bars(), sample::grouped_bars(), sample::hostile()}) {
    const std::string text = draw_vega_lite(plot, Theme::Dark);
    const Value spec = parse_json(text, plot.name);
    CHECK(spec.at("background").text() == "#121212");
    // Tick names are the only expressions; no user text may stand in one.
    for (const auto& layer : spec.at("layer").items())
      for (const char* channel : {"x", "y"})
        if (const Value* axis = layer.at("encoding").find(channel);
            axis && axis->find("axis") && axis->at("axis").find("labelExpr"))
          CHECK(axis->at("axis").at("labelExpr").text().find("touch") == std::string::npos);
  }
}
