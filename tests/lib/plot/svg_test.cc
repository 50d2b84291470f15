#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "isoflop/error.h"
#include "isoflop/plot/draw.h"
#include "isoflop/plot/figure.h"
#include "isoflop/plot/gnuplot_script.h"
#include "isoflop/plot/tool_process.h"
#include "lib/plot/sample_plots.h"
#include "paths.h"

using namespace isoflop;

namespace {

// The version whose output the golden files hold.
constexpr const char* golden_gnuplot = "gnuplot 5.4 patchlevel 4\n";

std::string gnuplot_version() {
  try {
    return run_tool("gnuplot", {"--version"}, "", "gnuplot-nox");
  } catch (const Error&) {
    return "";
  }
}

std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void check_golden(const PlotSpec& plot, Theme theme) {
  const std::string name = plot.name + (theme == Theme::Dark ? "-dark" : "");
  const std::string path = std::string(source_dir) + "/tests/lib/plot/golden/" + name + ".svg";
  const std::string drawn = draw_svg(plot, theme);
  CHECK(drawn == draw_svg(plot, theme));
  if (std::getenv("ISOFLOP_UPDATE_GOLDEN")) std::ofstream(path, std::ios::binary) << drawn;
  INFO("run with ISOFLOP_UPDATE_GOLDEN=1 after looking at the change: " << name);
  CHECK((drawn == file_text(path)));
}

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++n;
  return n;
}

}  // namespace

TEST_CASE("pictures are byte for byte those of the golden files") {
  const std::string version = gnuplot_version();
  if (version != golden_gnuplot) {
    MESSAGE("skipped: golden pictures are of " << golden_gnuplot << "here is " << (version.empty() ? "none" : version));
    return;
  }
  check_golden(sample::scores(), Theme::Light);
  check_golden(sample::scores(), Theme::Dark);
  check_golden(sample::dates(), Theme::Light);
  check_golden(sample::loss_surface(), Theme::Light);
  check_golden(sample::stacked_bars(), Theme::Light);
  check_golden(sample::grouped_bars(), Theme::Dark);
}

TEST_CASE("user text reaches no program: the script holds numbers only") {
  const PlotSpec hostile = sample::hostile(), plain = sample::scores();
  const std::string script = gnuplot_script(lay_out(hostile), Theme::Light);
  for (const char* trace : {"touch", "system(", "macro", "quote", "pwned", "`", "$("})
    CHECK(script.find(trace) == std::string::npos);
}

TEST_CASE("hostile text stays text in the picture") {
  if (gnuplot_version().empty()) {
    MESSAGE("skipped: gnuplot is not installed");
    return;
  }
  std::filesystem::remove("/tmp/pwned");
  const std::string svg = draw_svg(sample::hostile());
  CHECK(!std::filesystem::exists("/tmp/pwned"));
  CHECK(svg.find("<script") == std::string::npos);
  CHECK(svg.find("&lt;script&gt;alert(1)&lt;/script&gt;") != std::string::npos);
  CHECK(svg.find("`touch /tmp/pwned`") != std::string::npos);
  CHECK(svg.find("100% %s %d a_b^c {x} \\n @macro") != std::string::npos);
  CHECK(std::none_of(svg.begin(), svg.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t'; }));
  // Well-formed enough for a strict reader.
  CHECK_NOTHROW(draw_png(sample::hostile()));
}

TEST_CASE("every point can be hovered over, and the picture has a title and a description") {
  if (gnuplot_version().empty()) return;
  const std::string svg = draw_svg(sample::scores());
  CHECK(svg.find("<title>Phi-2: 2.3×10²², 57.9</title>") != std::string::npos);
  CHECK(count(svg, "<use ") == 57 + 3);  // points and legend keys
  CHECK(count(svg, "<title") == 57 + 1);
  CHECK(svg.find("<desc id=\"isoflop-scores-desc\">Scatter plot") != std::string::npos);
}

TEST_CASE("PNG and PDF are the same bytes every time") {
  if (gnuplot_version().empty()) return;
  try {
    const std::string png = draw_png(sample::dates());
    CHECK(png.substr(1, 3) == "PNG");
    CHECK((png == draw_png(sample::dates())));
    const std::string pdf = draw_pdf(sample::dates());
    CHECK(pdf.substr(0, 5) == "%PDF-");
    CHECK((pdf == draw_pdf(sample::dates())));
  } catch (const Error& problem) {
    MESSAGE("skipped: " << problem.what());
  }
}

TEST_CASE("a missing or failing tool is an error that names the package or quotes the complaint") {
  CHECK_THROWS_WITH_AS(
      run_tool("no-such-program", {}, "", "some-package"),
      "no-such-program is not installed; install the Debian package some-package (apt-get install some-package)",
      Error);
  CHECK_THROWS_WITH_AS(run_tool("sh", {"-c", "echo broken >&2; exit 3"}, "", "dash"), "sh failed with status 3: broken",
                       Error);
  CHECK_THROWS_WITH_AS(run_tool("sh", {"-c", "kill -9 $$"}, "", "dash"), "sh was ended by signal 9", Error);
  CHECK_THROWS_WITH_AS(run_tool("true", {}, "", "coreutils"), "true drew nothing", Error);
  CHECK(run_tool("cat", {}, std::string(1000000, 'x'), "coreutils") == std::string(1000000, 'x'));
}
