#include "apps/losses/fit_plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoflop/number_text.h"
#include "isoflop/statistics.h"

namespace isoflop::app {
namespace {

using fits::ChinchillaFit;
using fits::Run;
using fits::RunTable;

struct Range {
  double low, high;
};

template <typename Of>
Range range_of(const RunTable& runs, Of&& of) {
  Range range{1e300, 0};
  for (const Run& run : runs.runs()) {
    range.low = std::min(range.low, of(run));
    range.high = std::max(range.high, of(run));
  }
  return range;
}

std::vector<double> log_steps(double low, double high, std::size_t count) {
  std::vector<double> values;
  for (std::size_t i = 0; i < count; ++i)
    values.push_back(low * std::pow(high / low, static_cast<double>(i) / static_cast<double>(count - 1)));
  return values;
}

std::string law_text(const ChinchillaFit& fit) {
  const auto& law = fit.law;
  const auto terms = fmt::format("{:.4g}/N^{:.4g} + {:.4g}/D^{:.4g}", law.A, law.alpha, law.B, law.beta);
  return law.k == 1 ? fmt::format("L = {:.4g} + {}", law.E, terms)
                    : fmt::format("L = {:.4g} + ({})^{:.4g}", law.E, terms, law.k);
}

std::string source_text(const RunTable& runs) { return fmt::format("{} runs of {}", runs.size(), runs.name()); }

}  // namespace

PlotSpec contour_plot(const RunTable& runs, const ChinchillaFit& fit, const FittedValue& exponent_a) {
  const Range n = range_of(runs, [](const Run& run) { return run.params; });
  const Range d = range_of(runs, [](const Run& run) { return run.tokens; });
  PlotSpec plot;
  plot.name = "contours";
  plot.title = "Loss over model size and tokens";
  plot.subtitle = law_text(fit);
  plot.source = source_text(runs);
  plot.description =
      "Fitted loss as a heat map over parameters and tokens, with the runs and the compute-optimal frontier.";
  plot.x = {"parameters N", Scale::Log, n.low / 1.5, n.high * 1.5};
  plot.y = {"training tokens D", Scale::Log, d.low / 1.5, d.high * 1.5};
  HeatLayer heat;
  heat.legend = "loss (nats/token)";
  heat.x = log_steps(n.low / 1.5, n.high * 1.5, 80);
  heat.y = log_steps(d.low / 1.5, d.high * 1.5, 60);
  for (double tokens : heat.y)
    for (double params : heat.x) heat.z.push_back(fit.law.loss(params, tokens));
  plot.heat.push_back(std::move(heat));
  LineLayer frontier;
  frontier.legend = fmt::format("compute-optimal: N ~ C^{:.3f}", fit.law.exponent_a());
  if (std::isfinite(exponent_a.low) && std::isfinite(exponent_a.high))
    frontier.legend += fmt::format(" ({:.3f} to {:.3f})", exponent_a.low, exponent_a.high);
  frontier.colour = 1;
  for (double budget : log_steps(6 * n.low * d.low, 6 * n.high * d.high, 200)) {
    const auto best = fit.law.optimum(budget);
    if (best.params < n.low / 1.5 || best.params > n.high * 1.5 || best.tokens < d.low / 1.5 ||
        best.tokens > d.high * 1.5)
      continue;
    frontier.x.push_back(best.params);
    frontier.y.push_back(best.tokens);
  }
  plot.lines.push_back(std::move(frontier));
  PointLayer points;
  points.legend = "runs";
  points.colour = -1;
  points.size = 0.6;
  for (const Run& run : runs.runs()) {
    points.x.push_back(run.params);
    points.y.push_back(run.tokens);
    points.names.push_back(fmt::format("L {:.4g}", run.loss));
  }
  plot.points.push_back(std::move(points));
  return plot;
}

PlotSpec isoflop_plot(const RunTable& runs, const ChinchillaFit& fit) {
  const Range c = range_of(runs, [](const Run& run) { return run.compute_flop(); });
  const Range n = range_of(runs, [](const Run& run) { return run.params; });
  const Range loss = range_of(runs, [](const Run& run) { return run.loss; });
  PlotSpec plot;
  plot.name = "isoflop";
  plot.title = "IsoFLOP curves of the fitted law";
  plot.subtitle = law_text(fit);
  plot.source = source_text(runs) + "; C = 6ND";
  plot.description = "Loss against parameters along constant compute, with the minimum of each curve.";
  plot.x = {"parameters N", Scale::Log, n.low / 1.5, n.high * 1.5};
  plot.y = {"loss (nats/token)", Scale::Linear, {}, loss.high * 1.02};
  PointLayer minima;
  minima.legend = "minimum";
  minima.marker = Marker::Diamond;
  minima.colour = -1;
  minima.size = 1.4;
  const std::size_t curves = 6;
  int colour = 0;
  for (double budget : log_steps(c.low, c.high, curves)) {
    LineLayer line;
    line.legend = format_number(budget, 2) + " FLOP";
    line.colour = colour;
    for (double params : log_steps(n.low / 1.5, n.high * 1.5, 120)) {
      const double l = fit.law.loss(params, budget / (6 * params));
      if (l > loss.high * 1.02) continue;
      line.x.push_back(params);
      line.y.push_back(l);
    }
    plot.lines.push_back(std::move(line));
    PointLayer near;
    near.colour = colour++;
    near.size = 0.8;
    for (const Run& run : runs.runs())
      if (std::fabs(std::log(run.compute_flop() / budget)) < 0.5 * std::log(c.high / c.low) / (curves - 1) &&
          std::fabs(std::log(run.compute_flop() / budget)) < 0.3) {
        near.x.push_back(run.params);
        near.y.push_back(run.loss);
      }
    if (!near.x.empty()) plot.points.push_back(std::move(near));
    const auto best = fit.law.optimum(budget);
    minima.x.push_back(best.params);
    minima.y.push_back(best.loss);
  }
  plot.points.push_back(std::move(minima));
  return plot;
}

PlotSpec residual_plot(const RunTable& runs, const ChinchillaFit& fit) {
  PlotSpec plot;
  plot.name = "residuals";
  plot.title = "Residuals of the fitted law";
  plot.subtitle = "ln(loss) - ln(predicted loss); below zero the run beat the law";
  plot.source = source_text(runs);
  plot.description = "Residual of every run against its compute.";
  plot.x = {"training compute (FLOP)", Scale::Log, {}, {}};
  plot.y = {"residual of ln loss", Scale::Linear, {}, {}};
  PointLayer points;
  points.legend = "runs";
  std::vector<double> sizes;
  for (double r : fit.residuals) sizes.push_back(-std::fabs(r));
  const auto order = sorted_order(sizes);
  points.labelled.assign(runs.size(), false);
  for (std::size_t rank = 0; rank < std::min<std::size_t>(5, order.size()); ++rank) points.labelled[order[rank]] = true;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    points.x.push_back(runs[i].compute_flop());
    points.y.push_back(-fit.residuals[i]);
    points.names.push_back(runs[i].name.empty() ? fmt::format("line {}", runs[i].line) : runs[i].name);
  }
  plot.points.push_back(std::move(points));
  plot.rules.push_back({"", std::nullopt, 0.0, Dash::Solid});
  return plot;
}

PlotSpec cloud_plot(const ChinchillaFit& fit, const fits::Draws& draws) {
  PlotSpec plot;
  plot.name = "cloud";
  plot.title = "Exponents in every bootstrap replicate";
  plot.subtitle = fmt::format("{}, {} replicates", draws.scheme, draws.laws.size());
  plot.description = "alpha against beta of all bootstrap replicates, with the fit.";
  plot.x = {"alpha", Scale::Linear, {}, {}};
  plot.y = {"beta", Scale::Linear, {}, {}};
  PointLayer points, best;
  points.legend = "replicates";
  points.size = 0.5;
  for (const auto& law : draws.laws) {
    points.x.push_back(law.alpha);
    points.y.push_back(law.beta);
  }
  best.legend = "fit";
  best.colour = 1;
  best.marker = Marker::Diamond;
  best.size = 1.6;
  best.x = {fit.law.alpha};
  best.y = {fit.law.beta};
  plot.points = {std::move(points), std::move(best)};
  return plot;
}

PlotSpec profile_plot(const fits::Profile& profile) {
  PlotSpec plot;
  plot.name = "profile-" + profile.name;
  plot.title = "Profile likelihood of " + profile.name;
  plot.subtitle = "likelihood ratio of the best fit with this value against the best fit";
  plot.description =
      "Likelihood ratio against the value of the parameter, with the chi-squared and the calibrated cut.";
  plot.x = {profile.name, Scale::Linear, {}, {}};
  plot.y = {"likelihood ratio", Scale::Linear, 0.0, {}};
  LineLayer line;
  line.legend = "profile";
  for (const auto& point : profile.points) {
    line.x.push_back(point.value);
    line.y.push_back(point.likelihood_ratio);
  }
  plot.lines.push_back(std::move(line));
  plot.rules.push_back({"chi-squared", std::nullopt, profile.chi_squared_cut, Dash::Dotted});
  if (std::isfinite(profile.calibrated_cut))
    plot.rules.push_back({"calibrated", std::nullopt, profile.calibrated_cut, Dash::Dashed});
  plot.rules.push_back({"fit", profile.estimate, std::nullopt, Dash::Solid});
  return plot;
}

PlotSpec surface_plot(const ChinchillaFit& fit, const fits::ProfileSurface& surface) {
  PlotSpec plot;
  plot.name = "surface";
  plot.title = "Profile surface of the exponents";
  plot.subtitle = "square root of the likelihood ratio, all other parameters at their best";
  plot.description = "How much worse the best fit becomes at every pair of exponents.";
  plot.x = {"alpha", Scale::Linear, surface.alpha.front(), surface.alpha.back()};
  plot.y = {"beta", Scale::Linear, surface.beta.front(), surface.beta.back()};
  HeatLayer heat;
  heat.legend = "sqrt(LR)";
  heat.x = surface.alpha;
  heat.y = surface.beta;
  for (double ratio : surface.likelihood_ratio) heat.z.push_back(std::sqrt(std::max(0.0, ratio)));
  plot.heat.push_back(std::move(heat));
  PointLayer best;
  best.legend = "fit";
  best.colour = 1;
  best.marker = Marker::Diamond;
  best.size = 1.6;
  best.x = {fit.law.alpha};
  best.y = {fit.law.beta};
  plot.points.push_back(std::move(best));
  return plot;
}

PlotSpec hindcast_plot(const std::vector<fits::HindcastRow>& rows, const FittedValue& exponent_a) {
  PlotSpec plot;
  plot.name = "hindcast";
  plot.title = "Drift of the exponent a with the range of compute";
  plot.subtitle = "N* ~ C^a fitted to the runs at or below each cut";
  plot.description =
      "Exponent a of fits to runs below rising compute cuts, with intervals, and of the fit to all runs.";
  plot.x = {"compute cut (FLOP)", Scale::Log, {}, {}};
  plot.y = {"exponent a", Scale::Linear, {}, {}};
  PointLayer points;
  points.legend = "fit below the cut";
  LineLayer line;
  for (const auto& row : rows) {
    points.x.push_back(row.cut_flop);
    points.y.push_back(row.exponent_a.estimate);
    const bool known = std::isfinite(row.exponent_a.low);
    points.y_low.push_back(known ? row.exponent_a.low : row.exponent_a.estimate);
    points.y_high.push_back(known ? row.exponent_a.high : row.exponent_a.estimate);
  }
  line.x = points.x;
  line.y = points.y;
  line.width = 1;
  plot.lines.push_back(std::move(line));
  plot.points.push_back(std::move(points));
  plot.rules.push_back({"all runs", std::nullopt, exponent_a.estimate, Dash::Dashed});
  return plot;
}

}  // namespace isoflop::app
