#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

#include "apps/shell/outputs.h"
#include "isoflop/error.h"
#include "isoflop/plot/ticks.h"

using namespace isoflop;
using namespace isoflop::app;

namespace {

Report sample_report() {
  Report report;
  report.command = "sample";
  report.headline = "A finding.";
  PlotSpec scores, dates;
  scores.name = "scores";
  scores.title = "Small models trained on filtered data";
  scores.x.scale = Scale::Log;
  PointLayer phi;
  phi.legend = "Phi";
  phi.marker = Marker::TriangleUp;
  phi.names = {"Phi-2", "Phi-3-mini"};
  phi.x = {2.3e22, 7.6e22};
  phi.y = {57.9, 68.8};
  phi.labelled = {false, true};
  scores.points = {phi};
  dates.name = "dates";
  dates.x.scale = Scale::Date;
  phi.x = {days_of_date(2023, 12, 12), days_of_date(2024, 4, 23)};
  dates.points = {phi};
  report.plots = {scores, dates};
  return report;
}

struct Written {
  std::string out, err;
};

Written write(const Report& report, OutputRequest request) {
  std::ostringstream out, err;
  write_outputs(report, request, Settings{}, {"isoflop", "sample"}, out, err);
  return {out.str(), err.str()};
}

std::string file_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("-o x.plot.csv writes the numbers behind each plot, -o x.vl.json its Vega-Lite form") {
  const auto folder = std::filesystem::temp_directory_path() / "isoflop-plot-outputs";
  std::filesystem::create_directories(folder);
  OutputRequest request;
  request.files = {folder / "x.plot.csv", folder / "x.vl.json"};
  CHECK_NOTHROW(check_outputs(request));
  write(sample_report(), request);
  CHECK(file_text(folder / "x.plot.csv").find("point,Phi,Phi-2,2.3e+22,57.9,") != std::string::npos);
  CHECK(file_text(folder / "x-dates.plot.csv").find("2023-") != std::string::npos);
  CHECK(file_text(folder / "x.vl.json").find("vega-lite/v5.json") != std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST_CASE("--plot draws below the text, in ASCII when the locale is not UTF-8") {
  OutputRequest request;
  request.terminal_plot = true;
  const char* before = std::getenv("LC_ALL");
  const std::string kept = before ? before : "";
  setenv("LC_ALL", "C", 1);
  const std::string ascii = write(sample_report(), request).out;
  setenv("LC_ALL", "C.UTF-8", 1);
  const std::string unicode = write(sample_report(), request).out;
  if (before) setenv("LC_ALL", kept.c_str(), 1);
  else unsetenv("LC_ALL");
  CHECK(ascii.find("A finding.") < ascii.find("Small models trained"));
  for (const char c : ascii) REQUIRE(static_cast<unsigned char>(c) < 0x80);
  CHECK(unicode.find("Phi-3-mini ▲") != std::string::npos);
}

TEST_CASE("a plot size is read or refused with an example") {
  CHECK(parse_plot_size("800x640") == std::pair{800, 640});
  for (const char* wrong : {"800", "x", "800x", "8x8", "1e9x1e9", "800x600x2", "a x b", "800.5x600"})
    CHECK_THROWS_AS(parse_plot_size(wrong), Error);
}
