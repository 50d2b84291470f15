#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "isoflop/plot/draw.h"
#include "lib/plot/sample_plots.h"

using namespace isoflop;

TEST_CASE("the CSV holds every mark in full precision") {
  const std::string csv = draw_csv(sample::scores());
  CHECK(csv.rfind("kind,layer,name,x,y,low,high,z,note\n", 0) == 0);
  CHECK(csv.find("point,Phi,Phi-3-mini,7.6e+22,68.8,,,,\n") != std::string::npos);
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 1 + 57 + 61 + 61);
  CHECK(draw_csv(sample::loss_surface()).find("cell,Loss (nats/token),,1") != std::string::npos);
  CHECK(draw_csv(sample::grouped_bars()).find("bar,\"predicted, with 90 % interval\",Llama-2 7B,74,,60,95,,\n") !=
        std::string::npos);
  CHECK(draw_csv(sample::dates()).find("rule,Phi-3 released,,2024-04-23,,,,,\n") != std::string::npos);
}

TEST_CASE("quotes, commas and newlines of names are quoted") {
  PlotSpec plot;
  plot.name = "q";
  PointLayer layer;
  layer.x = {1};
  layer.y = {2};
  layer.names = {"a \"b\",\nc"};
  plot.points.push_back(layer);
  CHECK(draw_csv(plot).find("\"a \"\"b\"\",\nc\"") != std::string::npos);
}
