#include "lib/plot/sample_plots.h"

#include <cmath>
#include <numbers>

#include "isoflop/plot/ticks.h"
#include "isoflop/random.h"

namespace sample {

using namespace isoflop;

namespace {

double typical_score(double log_flop) { return 25 + 62 / (1 + std::exp(-1.15 * (log_flop - 23.2))); }

void add(PointLayer& layer, const std::string& name, double x, double y, bool labelled) {
  layer.names.push_back(name);
  layer.x.push_back(x);
  layer.y.push_back(y);
  layer.labelled.push_back(labelled);
}

}  // namespace

PlotSpec scores() {
  PlotSpec plot;
  plot.name = "scores";
  plot.title = "Small models trained on filtered data beat the compute line";
  plot.subtitle = "MMLU (5-shot) against training compute of 60 open models; band: 90 % prediction interval";
  plot.source = "Source: isoflop example with invented numbers; compute = 6 x active parameters x tokens.";
  plot.description = "Scatter plot of benchmark score against training compute. Six models lie above the band.";
  plot.x.title = "Training compute (FLOP)";
  plot.x.scale = Scale::Log;
  plot.y.title = "MMLU score (%)";
  LineLayer fit;
  fit.legend = "typical model";
  fit.colour = -1;
  BandLayer band;
  band.legend = "90 % prediction interval";
  band.colour = -1;
  for (int k = 0; k <= 60; ++k) {
    const double log_flop = 19.8 + 0.105 * k;
    fit.x.push_back(std::pow(10.0, log_flop));
    fit.y.push_back(typical_score(log_flop));
    band.x.push_back(fit.x.back());
    band.low.push_back(std::max(20.0, fit.y.back() - 9));
    band.high.push_back(fit.y.back() + 9);
  }
  plot.lines.push_back(fit);
  plot.bands.push_back(band);
  PointLayer others, phi, arctic;
  others.legend = "other families";
  others.colour = -1;
  phi.legend = "Phi";
  phi.colour = 1;
  phi.marker = Marker::TriangleUp;
  arctic.legend = "Snowflake Arctic";
  arctic.colour = 0;
  arctic.marker = Marker::Diamond;
  arctic.size = 1.2;
  Random random(7);
  const char* families[] = {"Pythia", "Llama", "Qwen", "Falcon", "MPT", "OLMo", "Gemma", "Mistral", "Yi", "BLOOM"};
  const char* sizes[] = {"0.5B", "1.4B", "3B", "7B", "13B"};
  for (int f = 0; f < 10; ++f)
    for (int s = 0; s < 5; ++s) {
      const double log_flop = 20.6 + 0.75 * s + 0.12 * f + 0.35 * random.normal();
      const double y = std::min(88.0, std::max(23.0, typical_score(log_flop) + 3.5 * random.normal()));
      add(others, std::string(families[f]) + "-" + sizes[s], std::pow(10.0, log_flop), y, (f * 5 + s) % 4 == 0);
    }
  add(phi, "Phi-1", 8.1e19, 27.9, false);
  add(phi, "Phi-1.5", 1.17e21, 42.9, true);
  add(phi, "Phi-2", 2.3e22, 57.9, true);
  add(phi, "Phi-3-mini", 7.6e22, 68.8, true);
  add(phi, "Phi-3-small", 2.1e23, 75.7, true);
  add(phi, "Phi-3-medium", 4.0e23, 78.0, true);
  add(arctic, "Arctic", 3.6e23, 67.3, true);
  others.marker = Marker::Circle;
  others.size = 0.9;
  plot.points = {others, phi, arctic};
  return plot;
}

PlotSpec dates() {
  PlotSpec plot;
  plot.name = "dates";
  plot.title = "Scores by release date";
  plot.subtitle = "Open models of 1B to 10B active parameters";
  plot.source = "Source: isoflop example with invented numbers.";
  plot.x.title = "Release date";
  plot.x.scale = Scale::Date;
  plot.y.title = "MMLU score (%)";
  PointLayer base, instruct;
  base.legend = "base";
  instruct.legend = "instruct";
  instruct.marker = Marker::TriangleDownOpen;
  instruct.colour = 2;
  Random random(3);
  for (int k = 0; k < 24; ++k) {
    PointLayer& layer = k % 3 == 0 ? instruct : base;
    const double day = days_of_date(2023, 1, 15) + 30 * k + 10 * random.normal();
    const double y = 30 + 1.7 * k + 4 * random.normal();
    add(layer, "Model " + std::to_string(k + 1), day, y, k % 2 == 0);
    layer.y_low.push_back(y - 2);
    layer.y_high.push_back(y + 3);
  }
  plot.points = {base, instruct};
  RuleLayer ceiling;
  ceiling.caption = "guessing: 25 %";
  ceiling.y = 25;
  RuleLayer day;
  day.caption = "Phi-3 released";
  day.x = days_of_date(2024, 4, 23);
  plot.rules = {ceiling, day};
  return plot;
}

PlotSpec loss_surface() {
  PlotSpec plot;
  plot.name = "surface";
  plot.title = "Loss over model size and data";
  plot.subtitle = "L = 1.69 + 406 / N^0.34 + 411 / D^0.28 (Hoffmann et al. 2022)";
  plot.x.title = "Parameters";
  plot.x.scale = Scale::Log;
  plot.x.ticks = TickStyle::Count;
  plot.y.title = "Training tokens";
  plot.y.scale = Scale::Log;
  plot.y.ticks = TickStyle::Count;
  HeatLayer heat;
  heat.legend = "Loss (nats/token)";
  for (int i = 0; i <= 30; ++i) heat.x.push_back(std::pow(10.0, 8 + i * 0.1));
  for (int j = 0; j <= 30; ++j) heat.y.push_back(std::pow(10.0, 9.5 + j * 0.1));
  for (const double d : heat.y)
    for (const double n : heat.x) heat.z.push_back(1.69 + 406 / std::pow(n, 0.34) + 411 / std::pow(d, 0.28));
  plot.heat.push_back(heat);
  LineLayer path;
  path.legend = "compute-optimal";
  path.colour = 1;
  for (int k = 0; k <= 20; ++k) {
    path.x.push_back(std::pow(10.0, 8.2 + 0.12 * k));
    path.y.push_back(20 * path.x.back());
  }
  plot.lines.push_back(path);
  PointLayer chinchilla;
  chinchilla.legend = "Chinchilla";
  chinchilla.colour = 1;
  chinchilla.marker = Marker::Diamond;
  chinchilla.size = 1.3;
  add(chinchilla, "Chinchilla-70B", 7e10, 1.4e12, true);
  plot.points.push_back(chinchilla);
  return plot;
}

PlotSpec stacked_bars() {
  PlotSpec plot;
  plot.name = "stacked";
  plot.title = "Where the energy goes";
  plot.x.title = "Energy (MWh)";
  BarLayer training, serving, embodied;
  training.legend = "training";
  serving.legend = "serving for a year";
  serving.colour = 1;
  embodied.legend = "making the machines";
  embodied.colour = 2;
  training.categories = serving.categories =
      embodied.categories = {"Llama-2 7B", "Llama-2 70B", "a model with a rather long name, instruct", "BLOOM 176B"};
  training.values = {74, 688, 120, 433};
  serving.values = {210, 930, 80, 150};
  embodied.values = {30, 120, 22, 95};
  plot.bars = {training, serving, embodied};
  return plot;
}

PlotSpec grouped_bars() {
  PlotSpec plot = stacked_bars();
  plot.name = "grouped";
  plot.title = "Predicted and measured throughput";
  plot.x.title = "Tokens per second per device";
  plot.stacked = false;
  plot.bars.resize(2);
  plot.bars[0].legend = "predicted, with 90 % interval";
  plot.bars[1].legend = "measured";
  plot.bars[0].low = {60, 500, 90, 390};
  plot.bars[0].high = {95, 820, 160, 480};
  return plot;
}

const char* hostile_text() {
  return "`touch /tmp/pwned` $(id) system(\"id\") 'quote' \"double\" 100% %s %d a_b^c {x} \\n @macro "
         "<script>alert(1)</script> & ]]> #\n"
         "set output '/tmp/x'\x01\x7f \xff\xc3 \xe2\x80\xae EOD";
}

PlotSpec hostile() {
  PlotSpec plot = scores();
  plot.name = "../hostile \"name\"";
  const std::string text = hostile_text();
  plot.title = plot.subtitle = plot.source = plot.description = plot.x.title = plot.y.title = text;
  for (auto& layer : plot.points) {
    layer.legend = text;
    for (std::size_t i = 0; i < layer.names.size(); ++i) layer.labelled[i] = i == 0;
    layer.names[0] = "`id` 'x' <b>&\"y\"\nEOD\n";
    layer.notes.assign(layer.x.size(), text);
  }
  for (auto& layer : plot.lines) layer.legend = text;
  for (auto& layer : plot.bands) layer.legend = text;
  RuleLayer rule;
  rule.caption = text;
  rule.y = 50;
  plot.rules.push_back(rule);
  plot.height_px = 1600;
  return plot;
}

}  // namespace sample
