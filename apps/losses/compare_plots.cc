#include "apps/losses/compare_plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoflop/number_text.h"

namespace isoflop::app {

using namespace isoflop::fits;

PlotSpec isoflop_plot(const RunTable& runs, const IsoflopFit& fit) {
  PlotSpec plot;
  plot.name = "isoflop";
  plot.title = "Loss by size at each budget, with parabolas and their minima";
  plot.subtitle = fmt::format("{} runs; {} of {} budgets give a minimum", runs.size(), fit.used, fit.curves.size());
  plot.x = {"parameters", Scale::Log, {}, {}};
  plot.y = {"loss, nats/token", Scale::Linear, {}, {}};
  PointLayer minima;
  minima.legend = "minimum of the parabola";
  minima.marker = Marker::Diamond;
  minima.colour = -1;
  minima.size = 1.4;
  constexpr int colours = 8;  // of the palette; beyond, shapes tell budgets apart
  int colour = 0;
  for (const auto& curve : fit.curves) {
    if (curve.runs.size() < 3) continue;
    PointLayer points;
    points.legend = format_number(curve.budget_flop, 2) + " FLOP";
    points.colour = colour % colours;
    points.marker = colour < colours ? Marker::Circle : Marker::Square;
    points.size = 0.8;
    double low = 1e300, high = 0;
    for (std::size_t i : curve.runs) {
      points.x.push_back(runs[i].params);
      points.y.push_back(runs[i].loss);
      low = std::min(low, runs[i].params), high = std::max(high, runs[i].params);
    }
    plot.points.push_back(points);
    if (curve.status == CurveStatus::Used) {
      LineLayer line{"", {}, {}, colour < colours ? Dash::Solid : Dash::Dashed, colour % colours, 1.5};
      for (int k = 0; k <= 40; ++k) {
        const double x = std::log(low) + (std::log(high) - std::log(low)) * k / 40.0;
        const double t = x - curve.centre;
        line.x.push_back(std::exp(x));
        line.y.push_back(curve.c0 + curve.c1 * t + curve.c2 * t * t);
      }
      plot.lines.push_back(line);
      minima.x.push_back(curve.params);
      minima.y.push_back(curve.loss);
    }
    ++colour;
  }
  plot.points.push_back(minima);
  plot.source = "isoflop compare; " + runs.name();
  plot.description =
      "Losses against model size, one colour per compute budget, a parabola through each and its minimum.";
  return plot;
}

PlotSpec frontier_plot(const ApproachComparison& comparison, const std::vector<double>& budgets,
                       const std::optional<EnvelopeFit>& envelope) {
  PlotSpec plot;
  plot.name = "frontier";
  plot.title = "Compute-optimal tokens per parameter by approach";
  plot.subtitle = "90 % intervals at the budgets asked for";
  plot.x = {"training compute, FLOP", Scale::Log, {}, {}};
  plot.y = {"tokens per parameter", Scale::Log, {}, {}};
  std::vector<double> grid;
  double low = budgets.front(), high = budgets.front();
  for (double b : budgets) low = std::min(low, b), high = std::max(high, b);
  for (const auto& curve : comparison.isoflop.curves)
    low = std::min(low, curve.budget_flop), high = std::max(high, curve.budget_flop);
  for (int i = 0; i <= 40; ++i) grid.push_back(low * std::pow(high / low, i / 40.0));
  const auto ratio = [](double compute, double params) { return compute / (6 * params * params); };
  int colour = 0;
  for (const auto& approach : comparison.approaches) {
    if (!approach.usable() || approach.params.empty()) continue;
    // All are power laws of C; the first budget and the exponent fix the line.
    LineLayer line{approach_label(approach.kind), grid, {}, colour % 2 ? Dash::Dashed : Dash::Solid, colour, 2};
    for (double compute : grid)
      line.y.push_back(
          ratio(compute, approach.params[0].estimate * std::pow(compute / budgets[0], approach.exponent_a.estimate)));
    plot.lines.push_back(line);
    PointLayer points;
    points.colour = colour;
    points.size = 0.9;
    for (std::size_t b = 0; b < budgets.size(); ++b) {
      if (!std::isfinite(approach.params[b].low)) continue;
      points.x.push_back(budgets[b] * std::pow(1.15, colour - 1.5));  // side by side
      points.y.push_back(ratio(budgets[b], approach.params[b].estimate));
      points.y_low.push_back(ratio(budgets[b], approach.params[b].high));
      points.y_high.push_back(ratio(budgets[b], approach.params[b].low));
    }
    if (!points.x.empty()) plot.points.push_back(points);
    ++colour;
  }
  PointLayer minima;
  minima.legend = "minima of parabolas";
  minima.colour = -1;
  minima.marker = Marker::CircleOpen;
  for (const auto& curve : comparison.isoflop.curves)
    if (curve.status == CurveStatus::Used)
      minima.x.push_back(curve.budget_flop), minima.y.push_back(ratio(curve.budget_flop, curve.params));
  if (!minima.x.empty()) plot.points.push_back(minima);
  if (envelope && envelope->usable()) {
    LineLayer line{"1: envelope of training curves", grid, {}, Dash::Dotted, colour, 2};
    for (double compute : grid) line.y.push_back(ratio(compute, envelope->params(compute)));
    plot.lines.push_back(line);
  }
  plot.source = "isoflop compare";
  plot.description = "Optimal tokens per parameter against compute as each approach extrapolates it.";
  return plot;
}

}  // namespace isoflop::app
