#include "apps/scores/score_plots.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

#include "isoflop/number_text.h"
#include "isoflop/statistics.h"

namespace isoflop::app {
namespace {

using namespace isoflop::fits;

constexpr std::size_t named_lineages = 6, most_labels = 24, fewer_labels = 14, small_table = 40, most_drawn = 4000,
                      curve_points = 120;

struct Look {
  Marker filled, open;
};
constexpr Look looks[] = {{Marker::Circle, Marker::CircleOpen}, {Marker::Square, Marker::SquareOpen},
                          {Marker::TriangleUp, Marker::TriangleUpOpen}, {Marker::Diamond, Marker::DiamondOpen},
                          {Marker::TriangleDown, Marker::TriangleDownOpen}};

/// Which colour group each model belongs to: the lineages with most models by name, the rest together.
struct Grouping {
  std::vector<std::string> names;      ///< of the groups; the last is "other"
  std::vector<std::size_t> group_of;   ///< beside models
};

Grouping group_models(const ScoreStudy& study, const OutlierReport& report) {
  std::map<std::string, std::pair<double, std::string>> weight;  // folded name -> weight, printed name
  const auto folded = [](std::string s) {
    for (char& c : s) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return s;
  };
  for (std::size_t i = 0; i < study.models.size(); ++i) {
    const std::string name = lineage(study.models[i].family);
    if (name.empty() || name == "historic") continue;  // no lineage: early models of several makers
    auto& entry = weight[folded(name)];
    // A lineage with outliers is worth a colour of its own.
    entry.first += report.judgements[i].is_outlier && study.models[i].is_fitted() ? 4 : 1;
    entry.second = name;
  }
  std::vector<std::pair<double, std::string>> order;
  for (const auto& [key, entry] : weight)
    if (entry.first > 1) order.emplace_back(-entry.first, key);
  std::sort(order.begin(), order.end());
  if (order.size() > named_lineages) order.resize(named_lineages);
  Grouping grouping;
  std::map<std::string, std::size_t> position;
  for (const auto& [negative, key] : order) {
    position[key] = grouping.names.size();
    grouping.names.push_back(weight[key].second);
  }
  grouping.names.push_back(order.empty() ? "model" : "other");
  for (const ScoredModel& model : study.models) {
    const auto found = position.find(folded(lineage(model.family)));
    grouping.group_of.push_back(found == position.end() ? grouping.names.size() - 1 : found->second);
  }
  return grouping;
}

/// Outliers that get a name, the furthest first; those whose compute is understated only where there is room.
std::vector<bool> labelled_models(const ScoreStudy& study, const OutlierReport& report, std::size_t most) {
  std::vector<std::size_t> order;
  for (std::size_t i = 0; i < study.models.size(); ++i)
    if (report.judgements[i].is_outlier && (most == most_labels || study.models[i].is_fitted())) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return std::fabs(report.judgements[a].z) > std::fabs(report.judgements[b].z);
  });
  if (order.size() > most) order.resize(most);
  std::vector<bool> labelled(study.models.size(), false);
  for (std::size_t i : order) labelled[i] = true;
  for (std::size_t i = 0; i < study.models.size() && study.models.size() <= 300; ++i)
    if (study.models.size() <= small_table || study.models[i].not_fitted == "judged only, as asked") labelled[i] = true;
  return labelled;
}

/// What a reader wants to know of one point: what was typical, what the model is, and who says so.
std::string hover_note(const ScoredModel& model, const Judgement& judgement) {
  std::string note =
      fmt::format("typical {:.1f} ({:.1f} to {:.1f})", judgement.predicted, judgement.low, judgement.high);
  if (model.active_params) note += "; " + format_count(*model.active_params) + " active parameters";
  if (model.tokens) note += "; " + format_count(*model.tokens) + " tokens";
  if (model.release_year) note += "; released " + iso_date(*model.release_year);
  if (!model.kind.empty()) note += "; " + model.kind + " score";
  if (!model.score_source.empty()) note += "; source: " + model.score_source;
  if (!model.is_fitted()) note += "; " + model.not_fitted;
  return note;
}

template <typename XOf>
void add_points(PlotSpec& plot, const ScoreStudy& study, const OutlierReport& report, std::size_t labels, XOf&& x_of) {
  const Grouping grouping = group_models(study, report);
  const auto labelled = labelled_models(study, report, labels);
  const std::size_t stride = std::max<std::size_t>(1, study.models.size() / most_drawn);
  const auto layer_for = [&](std::size_t group, bool open, bool fitted) {
    PointLayer layer;
    const bool other = group + 1 == grouping.names.size();
    const Look look = other ? looks[0] : looks[group % std::size(looks)];
    layer.marker = !fitted ? Marker::Cross : open ? look.open : look.filled;
    const bool alone = grouping.names.size() == 1;
    layer.colour = alone && fitted ? 0 : other || !fitted ? -1 : static_cast<int>(group);
    layer.size = other && !alone ? 0.8 : 1;
    layer.legend = !fitted ? "judged, not fitted" : grouping.names[group] + (open ? " (instruct only)" : "");
    return layer;
  };
  // Fitted base scores, then fitted others drawn open, then models that are only judged.
  for (int pass = 0; pass < 3; ++pass) {
    const std::size_t groups = pass == 2 ? 1 : grouping.names.size();
    for (std::size_t group = 0; group < groups; ++group) {
      PointLayer layer = layer_for(group, pass == 1, pass != 2);
      for (std::size_t i = 0; i < study.models.size(); ++i) {
        const ScoredModel& model = study.models[i];
        const bool open = study.from_catalogue && model.kind != "base";
        const int wanted = !model.is_fitted() ? 2 : open ? 1 : 0;
        if (wanted != pass || (pass != 2 && grouping.group_of[i] != group)) continue;
        if (!labelled[i] && i % stride != 0) continue;
        const std::optional<double> x = x_of(model);
        if (!x) continue;
        layer.x.push_back(*x);
        layer.y.push_back(model.score);
        layer.names.push_back(model.name);
        layer.labelled.push_back(labelled[i]);
        layer.notes.push_back(hover_note(model, report.judgements[i]));
      }
      if (!layer.x.empty()) plot.points.push_back(std::move(layer));
    }
  }
}

std::optional<double> days(const std::optional<double>& year) {
  // Days since 1970 of a decimal year; leap days average out below half a day.
  if (!year) return std::nullopt;
  return (*year - 1970) * 365.2425;
}

std::optional<double> drawn_x(const ScoredModel& model, Predictor predictor) {
  switch (predictor) {
    case Predictor::Compute: return model.compute;
    case Predictor::ActiveParams: return model.active_params;
    case Predictor::TotalParams: return model.total_params;
    case Predictor::Tokens: return model.tokens;
    case Predictor::ReleaseDate: return days(model.release_year);
    case Predictor::Other: return model.other;
  }
  return std::nullopt;
}

/// The second feature of the typical model at each value of the first: a straight line through the fitted models.
struct Typical {
  ScoreCurve line;
  bool used = false;
};

Typical typical_second_feature(const ScoreStudy& study) {
  Typical typical;
  const auto& r = study.regression;
  if (features_in(r.link) == 1) return typical;
  ScoreRows rows;
  for (const ScoredModel& model : study.models) {
    if (!model.is_fitted()) continue;
    const auto f = r.features(model);
    rows.x.push_back(std::log10(*model.compute));
    rows.score.push_back(uses_date(r.link) ? f[1] : f[1] - f[0]);
  }
  typical.line = fit_curve(rows, {false, 0, 100, false}, {LossKind::Huber, 0.3}).curve;
  typical.used = true;
  return typical;
}

std::vector<double> features_at(const ScoreStudy& study, const Typical& typical, double x) {
  if (!typical.used) return {x};
  const double at[] = {x}, second = typical.line.mean(at);
  if (uses_date(study.regression.link)) return {x, second};
  // N D = compute / factor and D / N = 10^second.
  const double product = x - std::log10(study.flop_per_param_token);
  return {(product - second) / 2, (product + second) / 2};
}

/// The scale jumps as models enter and leave the window of neighbours; the drawn band follows its local mean.
double smoothed(const std::vector<double>& values, std::size_t at) {
  double sum = 0, weights = 0;
  for (std::size_t k = 0; k < values.size(); ++k) {
    const double d = (static_cast<double>(k) - static_cast<double>(at)) / 3;
    const double w = std::exp(-d * d / 2);
    sum += w * values[k];
    weights += w;
  }
  return sum / weights;
}

void add_curve(PlotSpec& plot, const ScoreStudy& study) {
  const auto& r = study.regression;
  const Predictor predictor = r.settings.predictor;
  const bool logarithm = predictor != Predictor::ReleaseDate && predictor != Predictor::Other;
  std::vector<double> xs;
  for (const ScoredModel& model : study.models) {
    const auto x = features_in(r.link) == 1 ? r.features(model) : std::vector{std::log10(*model.compute)};
    xs.push_back(x[0]);
  }
  const auto [low, high] = std::minmax_element(xs.begin(), xs.end());
  const Typical typical = typical_second_feature(study);
  LineLayer line;
  BandLayer band;
  line.legend = typical.used ? (uses_date(r.link) ? "typical model at its typical date"
                                                  : "typical model at its typical tokens per parameter")
                             : "typical model";
  band.legend = fmt::format("{:.0f} % of models", 100 * r.settings.level);
  line.colour = -2;
  band.colour = -1;
  std::vector<double> at, mean, scale;
  for (std::size_t k = 0; k < curve_points; ++k) {
    at.push_back(*low + (*high - *low) * static_cast<double>(k) / (curve_points - 1));
    const auto f = features_at(study, typical, at.back());
    mean.push_back(r.fit.curve.mean(f));
    scale.push_back(r.scale_at(f));
  }
  for (std::size_t k = 0; k < curve_points; ++k) {
    const double x = at[k];
    const double drawn = logarithm ? std::pow(10, x) : predictor == Predictor::ReleaseDate ? *days(x) : x;
    const auto [below, above] = interval_about(r, mean[k], smoothed(scale, k), study.facts.noise);
    line.x.push_back(drawn);
    line.y.push_back(mean[k]);
    band.x.push_back(drawn);
    band.low.push_back(below);
    band.high.push_back(above);
  }
  plot.bands.push_back(std::move(band));
  plot.lines.push_back(std::move(line));
}

PlotSpec blank(const ScoreStudy& study, const std::string& name) {
  PlotSpec plot;
  plot.name = name;
  plot.source = study.source;
  plot.y.title = study.facts.title + (study.facts.unit == "points" ? " (percent)" : " (" + study.facts.unit + ")");
  return plot;
}

template <typename Has>
bool most_have(const ScoreStudy& study, Has&& has) {
  const auto count = static_cast<std::size_t>(std::count_if(study.models.begin(), study.models.end(), has));
  return count >= 5 && 2 * count >= study.models.size();
}

std::string kind_note(const ScoreStudy& study) {
  const bool any =
      std::any_of(study.models.begin(), study.models.end(), [](const ScoredModel& m) { return m.kind != "base"; });
  return study.from_catalogue && any ? "; open markers: no base score, instruct or unspecified" : "";
}

}  // namespace

std::string lineage(const std::string& family) {
  std::size_t end = 0;
  while (end < family.size() && !std::isdigit(static_cast<unsigned char>(family[end]))) ++end;
  if (end == 0) return family;
  while (end > 0 && (family[end - 1] == '-' || family[end - 1] == ' ' || family[end - 1] == '_')) --end;
  return family.substr(0, end);
}

std::vector<PlotSpec> score_plots(const ScoreStudy& study, const OutlierReport& report) {
  const auto& r = study.regression;
  const Predictor predictor = r.settings.predictor;
  std::vector<PlotSpec> plots;

  PlotSpec main = blank(study, "outliers");
  main.x.title = study.x_title;
  main.x.scale = predictor == Predictor::ReleaseDate ? Scale::Date
                 : predictor == Predictor::Other     ? Scale::Linear
                                                     : Scale::Log;
  main.title = study.facts.title + " against " + (study.x_name == "compute" ? "training compute" : study.x_words) +
               ": which models leave the curve";
  main.subtitle =
      fmt::format("{} models; {} outside their {:.0f} % interval, {:.0f} expected by chance{}", report.judged,
                  report.above + report.below, 100 * r.settings.level, report.expected_by_chance, kind_note(study));
  main.description = fmt::format(
      "Scatter of {} against {}, with the fitted curve, its {:.0f} percent band and the names of models outside.",
      study.facts.title, study.x_title, 100 * r.settings.level);
  add_curve(main, study);
  add_points(main, study, report, most_labels, [&](const ScoredModel& model) { return drawn_x(model, predictor); });
  plots.push_back(std::move(main));

  if (predictor != Predictor::ActiveParams &&
      most_have(study, [](const ScoredModel& m) { return m.active_params.has_value(); })) {
    PlotSpec plot = blank(study, "efficiency");
    plot.title = study.facts.title + " against active parameters";
    plot.subtitle =
        "What a token costs to serve; named models leave the curve against " + study.x_words + kind_note(study);
    plot.x = {"Active parameters", Scale::Log, {}, {}};
    plot.description = "Scatter of " + study.facts.title + " against active parameters.";
    add_points(plot, study, report, fewer_labels, [](const ScoredModel& model) { return model.active_params; });
    plots.push_back(std::move(plot));
  }
  if (predictor != Predictor::ReleaseDate &&
      most_have(study, [](const ScoredModel& m) { return m.release_year.has_value(); })) {
    PlotSpec plot = blank(study, "by-date");
    plot.title = study.facts.title + " against release date";
    plot.subtitle = "Named models leave the curve against " + study.x_words + kind_note(study);
    plot.x = {"Release date", Scale::Date, {}, {}};
    plot.description = "Scatter of " + study.facts.title + " against release date.";
    add_points(plot, study, report, fewer_labels, [](const ScoredModel& model) { return days(model.release_year); });
    plots.push_back(std::move(plot));
  }
  return plots;
}

}  // namespace isoflop::app
