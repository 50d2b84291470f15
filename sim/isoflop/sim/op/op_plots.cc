#include "isoflop/sim/op/op_plots.h"

#include <algorithm>
#include <array>
#include <map>
#include <tuple>

#include "isoflop/sim/op/kernel_format.h"

namespace isoflop::sim {
namespace {

constexpr std::size_t most_points = 250;  // per chip; more would be a blot
constexpr std::array markers = {Marker::Circle,     Marker::Square,         Marker::TriangleUp,
                                Marker::Diamond,    Marker::TriangleDown,   Marker::CircleOpen,
                                Marker::SquareOpen, Marker::TriangleUpOpen, Marker::DiamondOpen};

OpCost generic_cost(const OpSample& sample) { return op_cost(sample.shape, sample.limits, generic_values(sample.key)); }

}  // namespace

std::optional<PlotSpec> roofline_plot(const std::string& kind, std::span<const OpSample> samples) {
  PlotSpec plot;
  plot.name = "roofline";
  plot.title = "How close measured kernels come to the roofline: " + kind;
  plot.subtitle =
      "the roof is the data sheet; below it: launch time, partial waves, imperfect kernels; above it: operands "
      "repeated from the cache";
  plot.description =
      "Share of peak arithmetic over arithmetic intensity, both relative to the chip; the roof is min(1, x).";
  plot.x = {"arithmetic intensity / (peak / bandwidth)", Scale::Log, {}, {}};
  plot.y = {"measured / peak arithmetic", Scale::Log, {}, {}};
  std::map<std::string, std::vector<std::pair<double, double>>> parts;
  for (const auto& sample : samples) {
    const OpCost cost = generic_cost(sample);
    if (cost.arithmetic_s <= 0) continue;
    parts[sample.chip].emplace_back(cost.arithmetic_s / cost.memory_s, cost.arithmetic_s / sample.measured_s);
  }
  if (parts.empty()) return {};
  double low = 1, high = 1;
  int index = 0;
  for (const auto& [name, points] : parts) {
    PointLayer layer;
    layer.legend = name;
    layer.colour = index;
    layer.size = 0.6;
    layer.marker = markers[static_cast<std::size_t>(index++) % markers.size()];
    const std::size_t step = points.size() / most_points + 1;
    for (std::size_t i = 0; i < points.size(); i += step) {
      layer.x.push_back(points[i].first);
      layer.y.push_back(points[i].second);
      low = std::min(low, points[i].first);
      high = std::max(high, points[i].first);
    }
    plot.points.push_back(std::move(layer));
  }
  plot.lines.push_back({"data sheet", {low, 1, high}, {low, 1, 1}, Dash::Solid, -1, 2});
  return plot;
}

std::optional<PlotSpec> utilisation_plot(std::span<const OpSample> samples, std::span<const double> predicted_s) {
  using Shape = std::tuple<std::string, std::string, std::int64_t, std::int64_t>;
  std::map<Shape, std::map<std::int64_t, std::size_t>> by_shape;
  for (std::size_t i = 0; i < samples.size(); ++i)
    if (const auto* gemm = std::get_if<GemmShape>(&samples[i].shape))
      by_shape[{samples[i].chip, samples[i].key.variant, gemm->n, gemm->k}].try_emplace(gemm->m, i);
  if (by_shape.empty()) return {};
  const auto most = std::max_element(by_shape.begin(), by_shape.end(),
                                     [](const auto& a, const auto& b) { return a.second.size() < b.second.size(); });
  const auto& [chip, variant, n, k] = most->first;
  PlotSpec plot;
  plot.name = "utilisation";
  plot.title = "Share of the speed of light over rows, " + chip + " " + variant;
  plot.subtitle =
      "n = " + std::to_string(n) + ", k = " + std::to_string(k) + "; each step down starts another wave of tiles";
  plot.description =
      "Utilisation of one matrix product as its number of rows grows: measured points and predicted line.";
  plot.x = {"rows m", Scale::Log, {}, {}};
  plot.y = {"speed-of-light time / time", Scale::Linear, 0.0, 1.0};
  PointLayer measured;
  measured.legend = "measured";
  LineLayer predicted;
  predicted.legend = "predicted";
  predicted.colour = 1;
  for (const auto& [m, i] : most->second) {
    const double floor_s = generic_cost(samples[i]).floor_s;
    measured.x.push_back(static_cast<double>(m));
    measured.y.push_back(floor_s / samples[i].measured_s);
    predicted.x.push_back(static_cast<double>(m));
    predicted.y.push_back(floor_s / predicted_s[i]);
  }
  plot.points.push_back(std::move(measured));
  plot.lines.push_back(std::move(predicted));
  return plot;
}

}  // namespace isoflop::sim
