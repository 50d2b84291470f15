#include "apps/serving/serve_plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/serving/serve_report.h"
#include "isoflop/model/parameters.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

LineLayer cache_line(const std::string& legend, const Architecture& architecture, const ServingLoad& load, int colour) {
  LineLayer line{legend, {}, {}, Dash::Solid, colour, 2};
  for (std::int64_t context = 512; context <= 131072; context *= 2) {
    line.x.push_back(static_cast<double>(context));
    line.y.push_back(static_cast<double>(kv_elements(architecture, context)) * load.kv_bytes() / 1e9);
  }
  return line;
}

PlotSpec cache_base(const std::string& subtitle) {
  PlotSpec plot;
  plot.name = "kv-cache";
  plot.title = "Key/value cache of one sequence against context";
  plot.subtitle = subtitle;
  plot.source = "isoflop, exact counts of the architecture";
  plot.description =
      "straight lines grow with every token; a line that bends has layers that keep no more than their window";
  plot.x = {"context, tokens", Scale::Log, {}, {}, TickStyle::Count};
  plot.y = {"cache, GB", Scale::Log, {}, {}};
  return plot;
}

Architecture with_attention(const Architecture& architecture, std::int64_t kv_heads, std::int64_t window,
                            std::int64_t sinks) {
  Architecture changed = architecture;
  for (Layer& layer : changed.layers) {
    Attention& a = layer.attention;
    if (a.latent) a.head_dim = (a.latent->nope_dim + a.latent->rope_dim + a.latent->value_dim) / 2;
    a.latent.reset();
    a.kv_heads = kv_heads > 0 ? std::min(kv_heads, a.heads) : a.heads;
    a.window = window;
    a.chunk = 0;
    a.sink_tokens = sinks;
  }
  return changed;
}

}  // namespace

PlotSpec cache_variants_plot(const Architecture& architecture, const ServingLoad& load) {
  PlotSpec plot = cache_base(
      fmt::format("{} as it is, and with other attention; {} bytes per element", architecture.name, load.kv_bytes()));
  const Attention& own = architecture.layers.front().attention;
  const std::int64_t grouped = !own.latent && own.kv_heads > 1 && own.kv_heads < own.heads ? own.kv_heads : 8;
  plot.lines = {
      cache_line(fmt::format("MHA, {} key/value heads", own.heads), with_attention(architecture, 0, 0, 0), load, 0),
      cache_line(fmt::format("GQA, {}", grouped), with_attention(architecture, grouped, 0, 0), load, 1),
      cache_line("MQA, 1", with_attention(architecture, 1, 0, 0), load, 2),
      cache_line(fmt::format("GQA, {}, window 4096", grouped), with_attention(architecture, grouped, 4096, 0), load, 3),
      cache_line(fmt::format("GQA, {}, 4 sinks + window 1020", grouped), with_attention(architecture, grouped, 1020, 4),
                 load, 4)};
  LineLayer actual = cache_line(architecture.name, architecture, load, 0);
  PointLayer marks;
  marks.legend = architecture.name;
  marks.x = actual.x;
  marks.y = actual.y;
  marks.colour = -2;
  marks.marker = Marker::CircleOpen;
  plot.points = {marks};
  return plot;
}

PlotSpec cache_plot(const std::vector<Architecture>& models, const ServingLoad& load) {
  PlotSpec plot = cache_base(fmt::format("{} bytes per element", load.kv_bytes()));
  int colour = 0;
  for (const Architecture& model : models) {
    plot.lines.push_back(cache_line(model.name, model, load, colour));
    ++colour;
  }
  return plot;
}

PlotSpec roofline_plot(const StepPricer& pricer, const ServingLoad& load, const ServingAnswer& answer) {
  const auto devices = static_cast<double>(load.stage_devices());
  const double peak = devices * matmul_peak_flop_per_s(pricer.accelerator(), load),
               bandwidth = devices * pricer.accelerator().bandwidth_bytes_per_s;
  PlotSpec plot;
  plot.name = "roofline";
  plot.title = "Operations under the roofline";
  plot.subtitle = fmt::format("{} on {}, batch {}, prompt {}, {} weights", pricer.architecture().name,
                              where_text(load, pricer.accelerator()), load.batch, load.prompt,
                              weight_format_names[static_cast<std::size_t>(load.weights)]);
  plot.source = "isoflop serve, closed form; roof from data-sheet peak and bandwidth, all devices of a stage";
  plot.description =
      "matrix work only; a point below the roof loses the difference to launches, partly filled tiles and imperfect "
      "overlap";
  plot.x = {"FLOP per byte of weights and cache", Scale::Log, {}, {}};
  plot.y = {"FLOP/s", Scale::Log, {}, {}};
  double low = peak / bandwidth, high = low, slowest = peak;
  const auto pass = [&](const char* legend, const StepTime& step, Marker marker, int colour) {
    PointLayer points;
    points.legend = legend;
    points.marker = marker;
    points.colour = colour;
    points.size = 1.2;
    for (const OpClass& c : step.classes) {
      if (c.flop <= 0 || c.bytes <= 0 || c.seconds.central <= 0) continue;
      points.x.push_back(c.flop / c.bytes);
      points.y.push_back(c.flop / c.seconds.central);
      points.names.push_back(c.name);
      // Only the last token of a prompt gets logits: the same product as in a decode step.
      points.labelled.push_back(c.name != "logits" || marker == Marker::Circle);
      low = std::min(low, points.x.back());
      high = std::max(high, points.x.back());
      slowest = std::min(slowest, points.y.back());
    }
    plot.points.push_back(points);
  };
  pass("prompts", answer.prefill, Marker::Square, 1);
  pass("decode step", answer.decode, Marker::Circle, 0);
  const double ridge = peak / bandwidth;
  plot.x.low = low / 3;
  plot.x.high = high * 5;
  plot.y.low = std::min(slowest, bandwidth * low) / 4;
  plot.y.high = peak * 3;
  plot.lines = {LineLayer{fmt::format("roof: {}, {}", format_si(bandwidth, "B/s"), format_si(peak, "FLOP/s")),
                          {low / 3, ridge, std::max(high * 5, ridge * 2)},
                          {bandwidth * low / 3, peak, peak},
                          Dash::Solid,
                          -2,
                          2}};
  plot.x.high = std::max(high * 5, ridge * 2);
  return plot;
}

}  // namespace isoflop::app
