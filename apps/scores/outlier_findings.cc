#include "apps/scores/outlier_findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoflop/number_text.h"

namespace isoflop::app {

using namespace isoflop::fits;

namespace {

constexpr std::size_t most_for_families = 5000;

std::string named(const Findings& f, bool above, std::size_t most) {
  std::string text;
  std::size_t count = 0, total = 0;
  for (std::size_t i : f.by_z) {
    const Judgement& j = f.outliers.judgements[i];
    if (verdict(f.study.models[i], j) != (above ? "above" : "below")) continue;
    ++total;
    if (count == most) continue;
    text += (count++ ? ", " : "") + f.study.models[i].name;
  }
  if (total > count) text += fmt::format(" and {} more", total - count);
  return text;
}

/// The user's own models come first: what was asked about.
std::string judged_models(const Findings& f) {
  constexpr std::size_t most = 5;
  std::string text;
  std::size_t count = 0;
  for (std::size_t i = 0; i < f.study.models.size(); ++i) {
    const ScoredModel& m = f.study.models[i];
    if (m.not_fitted.rfind("judged only", 0) != 0 || ++count > most) continue;
    const Judgement& j = f.outliers.judgements[i];
    text += fmt::format("{} scores {:.1f}, {} the {:.0f} % interval {:.1f} to {:.1f} about a typical {:.1f}. ", m.name,
                        m.score, verdict(m, j), 100 * f.study.settings.level, j.low, j.high, j.predicted);
  }
  if (count > most) text += fmt::format("{} further models were judged. ", count - most);
  return text;
}

}  // namespace

Findings find_outliers(const ScoreOptions& options, const Settings& settings) {
  Findings f;
  f.study = load_score_study(options, settings);
  f.outliers = judge(f.study.models, f.study.regression, f.study.facts.noise);
  if (f.study.models.size() <= most_for_families) {
    f.lead = study_lead_time(f.study.models, f.study.settings, f.study.facts.noise);
    if (f.study.regression.families < f.study.regression.fitted && f.study.regression.families >= 2)
      f.families = fit_family_effects(f.study.models, f.study.regression, false);
  } else {
    f.lead.verdict = "not possible";
    f.lead.reason = "too many models; lead times are studied up to " + std::to_string(most_for_families);
    f.lead.leads.resize(f.study.models.size());
    for (LeadTime& lead : f.lead.leads) lead.status = "no date";
  }
  f.extrapolation = test_extrapolation(f.study.models, f.study.regression);
  for (std::size_t i = 0; i < f.study.models.size(); ++i) f.by_z.push_back(i);
  std::stable_sort(f.by_z.begin(), f.by_z.end(), [&](std::size_t a, std::size_t b) {
    return std::fabs(f.outliers.judgements[a].z) > std::fabs(f.outliers.judgements[b].z);
  });
  return f;
}

std::string verdict(const ScoredModel& model, const Judgement& j) {
  if (!model.is_fitted() && model.not_fitted.rfind("judged only", 0) != 0) return "not counted";
  if (!j.is_outlier) return "within";
  return j.z > 0 ? "above" : "below";
}

bool counts_as_outlier(const ScoredModel& model, const Judgement& j) {
  const std::string v = verdict(model, j);
  return v == "above" || v == "below";
}

std::optional<double> flop_of(const ScoreStudy& study, const ScoredModel& model) {
  if (!model.compute) return std::nullopt;
  return *model.compute * 6 / study.flop_per_param_token;
}

std::string times_text(const OpenInterval& m) {
  const auto text = [](const std::optional<double>& v, const char* absent) {
    return v ? format_number(*v, 2) + "x" : std::string(absent);
  };
  if (!m.estimate && !m.low && !m.high) return "-";
  return text(m.estimate, "no finite factor") + " (" + text(m.low, "0") + " to " + text(m.high, "unbounded") + ")";
}

std::string outlier_headline(const Findings& f) {
  const auto& study = f.study;
  std::string text = judged_models(f) + fmt::format(
      "{} of {} models leave the {}-against-{} curve's {:.0f} % interval, where about {:.0f} would by chance",
      f.outliers.above + f.outliers.below, f.outliers.judged, study.facts.title, study.x_words,
      100 * study.settings.level, f.outliers.expected_by_chance);
  const std::string above = named(f, true, 8), below = named(f, false, 4);
  if (!above.empty()) text += "; above it: " + above;
  if (!below.empty()) text += "; below it: " + below;
  text += ".";
  for (std::size_t i : f.by_z) {
    const ScoredModel& m = study.models[i];
    const Judgement& j = f.outliers.judgements[i];
    if (verdict(m, j) != "above") continue;
    text += fmt::format(" {} scores {:.1f} where {:.1f} is typical ({:.0f} % interval {:.1f} to {:.1f})", m.name,
                        m.score, j.predicted, 100 * study.settings.level, j.low, j.high);
    if (j.compute_multiplier.estimate)
      text += "; a typical model would need " + times_text(j.compute_multiplier) + " its compute";
    text += ".";
    break;
  }
  return text;
}

}  // namespace isoflop::app
