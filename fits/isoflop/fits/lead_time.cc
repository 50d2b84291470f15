#include "isoflop/fits/lead_time.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "isoflop/error.h"
#include "isoflop/parallel.h"
#include "isoflop/random.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::uint64_t lead_stream = 0x6c656164ULL;
constexpr std::size_t least_models = 30, least_known = 30, least_judged = 5;
constexpr double near_decades = 0.30103;  // a factor of two of compute
constexpr std::size_t consecutive = 5;
constexpr double horizon_years = 1, step_years = 0.25;

/// Months from the model's release until the curve reaches its score; infinite where it never does.
double lead_months(const ScoreCurve& curve, double log_compute, double year, double score) {
  const auto eta = curve.eta_at(score);
  if (!eta) return score >= curve.ceiling ? infinity : -infinity;
  const double at[] = {log_compute, year};
  const double missing = *eta - curve.eta(at);
  if (!(curve.slope[1] > 0)) return missing > 0 ? infinity : -infinity;
  return 12 * missing / curve.slope[1];
}

LeadTime lead_of(const ScoredModel& model, const LeadTimeStudy& study, double score_noise, std::uint64_t stream) {
  LeadTime lead;
  if (!model.release_year || !model.compute) {
    lead.status = "no date";
    return lead;
  }
  const auto& regression = study.regression;
  const double x = std::log10(*model.compute), year = *model.release_year;
  const double central = lead_months(regression.fit.curve, x, year, model.score);
  if (std::isfinite(central)) lead.months.estimate = central;
  Random random(stream_seed(regression.settings.seed, lead_stream), stream);
  std::vector<double> draws;
  for (const ScoreCurve& curve : regression.resampled)
    draws.push_back(lead_months(curve, x, year, model.score + score_noise * random.normal()));
  const OpenInterval interval = open_interval(std::move(draws), regression.settings.level);
  lead.months.low = interval.low;
  lead.months.high = interval.high;
  if (central == infinity) lead.status = "above ceiling";
  else if (central == -infinity) lead.status = "at floor";
  else if (!regression.resampled.empty() && !lead.months.high) lead.status = "open";
  else lead.status = year + central / 12 <= study.last_release ? "reached" : "not yet";
  return lead;
}

/// What simply happened, without a model: see LeadTime::observed_months.
void observe(LeadTime& lead, const ScoredModel& model, const std::vector<const ScoredModel*>& by_date) {
  if (!model.release_year || !model.compute) return;
  std::vector<double> recent;
  for (const ScoredModel* other : by_date) {
    if (other->family == model.family || *other->release_year <= *model.release_year ||
        std::fabs(std::log10(*other->compute / *model.compute)) > near_decades)
      continue;
    ++lead.later_models;
    recent.push_back(other->score);
    if (recent.size() > consecutive) recent.erase(recent.begin());
    if (!lead.observed_months && recent.size() == consecutive && median(recent) >= model.score)
      lead.observed_months = 12 * (*other->release_year - *model.release_year);
  }
}

struct PastView {
  HindcastDate date;
  std::vector<double> with_date, without;  ///< errors of the following year's predictions
  std::vector<double> lead_error_months;   ///< then minus now
};

ScoreRows date_rows(const std::vector<const ScoredModel*>& models, bool with_date) {
  ScoreRows rows;
  rows.features = with_date ? 2 : 1;
  for (const ScoredModel* model : models) {
    rows.x.push_back(std::log10(*model->compute));
    if (with_date) rows.x.push_back(*model->release_year);
    rows.score.push_back(model->score);
  }
  return rows;
}

PastView look_from(double year, const std::vector<const ScoredModel*>& by_date, const ScoreRegression& now) {
  PastView view;
  view.date.year = year;
  std::vector<const ScoredModel*> known, coming;
  for (const ScoredModel* model : by_date) {
    if (*model->release_year <= year) known.push_back(model);
    else if (*model->release_year <= year + horizon_years) coming.push_back(model);
  }
  view.date.known = known.size();
  view.date.judged = coming.size();
  if (known.size() < least_known || coming.size() < least_judged) return view;

  const auto& settings = now.settings;
  const RobustLoss loss{settings.loss, settings.loss_scale};
  const CurveShape shape = now.fit.curve.shape;
  const ScoreRows dated = date_rows(known, true), plain = date_rows(known, false);
  const ScoreCurve with_date = fit_curve(dated, shape, loss).curve, without = fit_curve(plain, shape, loss).curve;
  for (const ScoredModel* model : coming) {
    const double x[] = {std::log10(*model->compute), *model->release_year};
    view.with_date.push_back(with_date.mean(x) - model->score);
    view.without.push_back(without.mean(std::span<const double>(x, 1)) - model->score);
  }
  view.date.factor_per_year = std::pow(10, with_date.slope[1] / with_date.slope[0]);

  // Outliers as they looked then, by the curve in compute alone.
  const auto left = residuals(plain, without);
  std::vector<double> position;
  for (std::size_t i = 0; i < known.size(); ++i) position.push_back(without.eta(plain.row(i)));
  const LocalScale scale(position, left, {}, settings.least_scale);
  const double far = normal_quantile(0.5 + settings.level / 2);
  for (std::size_t i = 0; i < known.size(); ++i) {
    if (left[i] < far * scale.for_row(i)) continue;
    const double x = plain.x[i], released = *known[i]->release_year;
    const double then = lead_months(with_date, x, released, known[i]->score);
    const double today = lead_months(now.fit.curve, x, released, known[i]->score);
    if (std::isfinite(today)) view.lead_error_months.push_back(then - today);
  }
  return view;
}

double mean_square(const std::vector<double>& errors) {
  double sum = 0;
  for (double e : errors) sum += e * e;
  return errors.empty() ? 0 : sum / static_cast<double>(errors.size());
}

Hindcast look_back(const std::vector<const ScoredModel*>& by_date, const ScoreRegression& now) {
  Hindcast hindcast;
  const double last = *by_date.back()->release_year;
  const double first = std::ceil(*by_date[least_known - 1]->release_year / step_years) * step_years;
  std::vector<double> years;
  for (double year = first; year <= last - step_years; year += step_years) years.push_back(year);
  std::vector<PastView> views(years.size());
  parallel_for(years.size(), now.settings.threads,
               [&](std::size_t k) { views[k] = look_from(years[k], by_date, now); });
  std::vector<double> with_date, without, leads, sizes;
  for (PastView& view : views) {
    if (view.with_date.empty()) continue;
    view.date.rmse_with_date = std::sqrt(mean_square(view.with_date));
    view.date.rmse_without = std::sqrt(mean_square(view.without));
    view.date.bias_with_date = mean(view.with_date);
    view.date.bias_without = mean(view.without);
    with_date.insert(with_date.end(), view.with_date.begin(), view.with_date.end());
    without.insert(without.end(), view.without.begin(), view.without.end());
    for (double e : view.lead_error_months) leads.push_back(e), sizes.push_back(std::fabs(e));
    hindcast.dates.push_back(view.date);
  }
  hindcast.predictions = with_date.size();
  hindcast.rmse_with_date = std::sqrt(mean_square(with_date));
  hindcast.rmse_without = std::sqrt(mean_square(without));
  if (mean_square(without) > 0) hindcast.skill = 1 - mean_square(with_date) / mean_square(without);
  hindcast.leads = leads.size();
  if (!leads.empty()) {
    // Medians, so that leads that were unbounded then count as large and no more.
    for (auto* values : {&leads, &sizes})
      for (double& v : *values) v = std::clamp(v, -1e6, 1e6);
    hindcast.lead_bias_months = median(leads);
    hindcast.lead_median_error_months = median(sizes);
  }
  return hindcast;
}

void conclude(LeadTimeStudy& study) {
  const bool gain_is_sure = study.decades_per_year.low && *study.decades_per_year.low > 0;
  const bool has_skill = study.hindcast.predictions > 0 && study.hindcast.skill > 0;
  if (gain_is_sure && has_skill) {
    study.verdict = "supported";
    study.reason = "the date term is positive beyond its uncertainty and would have improved past predictions";
  } else if (gain_is_sure || has_skill) {
    study.verdict = "weak";
    study.reason = gain_is_sure
                       ? "the date term is positive beyond its uncertainty, but standing at past dates it would not "
                         "have predicted the following year better than compute alone"
                       : "the date term is not sure to be positive, although it would have improved past predictions";
  } else {
    study.verdict = "not supported";
    study.reason =
        "neither the date term nor its predictions from past dates differ from nothing: the data cannot tell";
  }
}

}  // namespace

LeadTimeStudy study_lead_time(const std::vector<ScoredModel>& models, const RegressionSettings& settings,
                              double score_noise) {
  LeadTimeStudy study;
  study.verdict = "not possible";
  study.leads.resize(models.size());
  for (LeadTime& lead : study.leads) lead.status = "no date";
  std::vector<ScoredModel> dated;
  for (const ScoredModel& model : models)
    if (model.is_fitted() && model.release_year && model.compute) dated.push_back(model);
  if (settings.predictor != Predictor::Compute) {
    study.reason = "lead times are defined at equal compute; x is another quantity";
    return study;
  }
  if (dated.size() < least_models) {
    study.reason = std::to_string(dated.size()) + " models have a release date; a date term needs at least " +
                   std::to_string(least_models);
    return study;
  }
  RegressionSettings with_date = settings;
  with_date.compare_links = false;
  const bool bounded = settings.bounds.floor && settings.bounds.ceiling;
  with_date.link = bounded ? Link::LogisticDateFreeCeiling : Link::LinearDate;
  try {
    study.regression = regress(dated, with_date);
  } catch (const Error& error) {
    study.reason = error.what();
    return study;
  }
  study.possible = true;
  std::vector<const ScoredModel*> by_date;
  for (const ScoredModel& model : dated) by_date.push_back(&model);
  std::stable_sort(by_date.begin(), by_date.end(), [](const ScoredModel* a, const ScoredModel* b) {
    return *a->release_year < *b->release_year;
  });
  study.last_release = *by_date.back()->release_year;

  const auto per_year = [](const ScoreCurve& curve) { return curve.slope[1] / curve.slope[0]; };
  std::vector<double> draws;
  for (const ScoreCurve& curve : study.regression.resampled) draws.push_back(per_year(curve));
  study.decades_per_year = open_interval(std::move(draws), settings.level);
  study.decades_per_year.estimate = per_year(study.regression.fit.curve);

  parallel_for(models.size(), settings.threads, [&](std::size_t i) {
    study.leads[i] = lead_of(models[i], study, score_noise, i);
    observe(study.leads[i], models[i], by_date);
  });
  study.hindcast = look_back(by_date, study.regression);
  conclude(study);
  return study;
}

}  // namespace isoflop::fits
