#include "apps/losses/plan_plots.h"

#include <algorithm>
#include <cmath>

#include "isoflop/number_text.h"
#include "isoflop/parallel.h"
#include "isoflop/statistics.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

std::vector<double> log_grid(double low, double high, std::size_t count) {
  std::vector<double> grid(count);
  for (std::size_t i = 0; i < count; ++i)
    grid[i] = low * std::pow(high / low, static_cast<double>(i) / static_cast<double>(count - 1));
  return grid;
}

}  // namespace

PlotSpec loss_map_plot(const LawSource& law, const Allocation& plan) {
  PlotSpec plot;
  plot.name = "loss-map";
  plot.title = "Loss by size and training tokens";
  plot.subtitle = law.label;
  plot.x = {"parameters", Scale::Log, {}, {}};
  plot.y = {"training tokens", Scale::Log, {}, {}};
  double low_n = plan.params / 100, high_n = plan.params * 100, low_d = plan.tokens / 100, high_d = plan.tokens * 100;
  if (!law.runs.empty()) {
    low_n = std::min(low_n, law.range.params_low.value_or(low_n));
    low_d = std::min(low_d, law.range.tokens_low.value_or(low_d));
    high_n = plan.params * 10, high_d = plan.tokens * 10;
  }
  HeatLayer heat;
  heat.legend = "loss, nats/token";
  heat.x = log_grid(low_n, high_n, 60);
  heat.y = log_grid(low_d, high_d, 60);
  for (double tokens : heat.y)
    for (double params : heat.x) heat.z.push_back(law.surface.loss(params, tokens));
  plot.heat = {heat};
  LineLayer frontier{"least loss for its compute", {}, {}, Dash::Solid, 0, 2.5};
  const double share = 6 * law.surface.active_share;
  for (double compute : log_grid(share * low_n * low_d, share * high_n * high_d, 50)) {
    const auto best = best_for_budget(law.surface, compute);
    if (!best.interior || best.params < low_n || best.params > high_n || best.tokens < low_d || best.tokens > high_d)
      continue;
    frontier.x.push_back(best.params);
    frontier.y.push_back(best.tokens);
  }
  LineLayer budget{format_number(plan.training_flop, 3) + " FLOP", {}, {}, Dash::Dashed, 1, 2};
  for (double params : log_grid(low_n, high_n, 40)) {
    const double tokens = plan.training_flop / (share * params);
    if (tokens < low_d || tokens > high_d) continue;
    budget.x.push_back(params);
    budget.y.push_back(tokens);
  }
  plot.lines = {frontier, budget};
  if (!law.runs.empty()) {
    PointLayer runs;
    runs.legend = "fitted runs";
    runs.colour = -1;
    runs.size = 0.6;
    for (const auto& run : law.runs) runs.x.push_back(run.params), runs.y.push_back(run.tokens);
    plot.points.push_back(runs);
  }
  PointLayer point;
  point.legend = "plan";
  point.x = {plan.params};
  point.y = {plan.tokens};
  point.names = {format_count(plan.params) + " on " + format_count(plan.tokens)};
  point.labelled = {true};
  point.marker = Marker::Diamond;
  point.colour = 2;
  point.size = 1.6;
  plot.points.push_back(point);
  plot.source = "isoflop plan; law " + law.id;
  plot.description =
      "Loss over parameters and tokens, the line of compute-optimal allocations, the line of equal compute through "
      "the plan, and the plan.";
  return plot;
}

PlotSpec budget_plot(const LawSource& law, const Allocation& plan, int threads) {
  PlotSpec plot;
  plot.name = "budget";
  plot.title = "Loss by size at " + format_number(plan.training_flop, 3) + " FLOP of training";
  plot.subtitle = law.label;
  plot.x = {"parameters", Scale::Log, {}, {}};
  plot.y = {"loss, nats/token", Scale::Linear, {}, {}};
  const auto best = best_for_budget(law.surface, plan.training_flop);
  const double centre = best.params;
  const auto sizes = log_grid(std::min(centre, plan.params) / 10, std::max(centre, plan.params) * 10, 61);
  const auto values = with_intervals(law, threads, [&](const LossSurface& surface) {
    std::vector<double> losses;
    for (double params : sizes)
      losses.push_back(surface.loss(params, plan.training_flop / (6 * surface.active_share * params)));
    return losses;
  });
  LineLayer line{"loss", sizes, {}, Dash::Solid, 0, 2};
  BandLayer band{"90 % of the draws", sizes, {}, {}, 0, 0.15};
  for (const auto& value : values) {
    line.y.push_back(value.estimate);
    band.low.push_back(value.low);
    band.high.push_back(value.high);
  }
  plot.lines = {line};
  if (law.has_intervals()) plot.bands = {band};
  PointLayer optimum;
  optimum.legend = "least loss";
  optimum.x = {best.params};
  optimum.y = {best.loss};
  optimum.names = {format_count(best.params)};
  optimum.labelled = {true};
  optimum.marker = Marker::Circle;
  optimum.colour = 1;
  optimum.size = 1.4;
  plot.points = {optimum};
  if (std::fabs(std::log(plan.params / best.params)) > 0.02) {
    PointLayer point = optimum;
    point.legend = "plan";
    point.x = {plan.params};
    point.y = {plan.loss};
    point.names = {format_count(plan.params)};
    point.marker = Marker::Diamond;
    point.colour = 2;
    plot.points.push_back(point);
  }
  plot.source = "isoflop plan; law " + law.id;
  plot.description = "Loss against model size at one training budget, with its minimum.";
  return plot;
}

PlotSpec departure_plot(const LawSource& law, const Allocation& plan) {
  PlotSpec plot;
  plot.name = "over-training";
  plot.title = "Training compute by size at a loss of " + format_number(plan.loss, 4) + " nats/token";
  plot.subtitle = law.label;
  plot.x = {"parameters", Scale::Log, {}, {}};
  plot.y = {"training FLOP over the least", Scale::Log, {}, {}};
  const auto best = cheapest_for_loss(law.surface, plan.loss);
  if (!best) return plot;
  LineLayer line{"same loss", {}, {}, Dash::Solid, 0, 2};
  for (double params : log_grid(best->params / 30, best->params * 30, 121)) {
    const auto tokens = tokens_for_loss(law.surface, params, plan.loss);
    if (!tokens) continue;
    const double factor = law.surface.training_flop(params, *tokens) / best->training_flop;
    if (factor > 30) continue;
    line.x.push_back(params);
    line.y.push_back(factor);
  }
  plot.lines = {line};
  const auto mark = [&](const std::string& legend, double params, double factor, Marker marker, int colour) {
    PointLayer point;
    point.legend = legend;
    point.x = {params};
    point.y = {factor};
    point.names = {format_count(params)};
    point.labelled = {true};
    point.marker = marker;
    point.colour = colour;
    point.size = 1.4;
    plot.points.push_back(point);
  };
  mark("least compute", best->params, 1, Marker::Circle, 1);
  if (std::fabs(std::log(plan.params / best->params)) > 0.02)
    mark("plan", plan.params, plan.training_flop / best->training_flop, Marker::Diamond, 2);
  plot.source = "isoflop plan; law " + law.id;
  plot.description = "How much more training compute a smaller or larger model needs for the same loss.";
  return plot;
}

}  // namespace isoflop::app
