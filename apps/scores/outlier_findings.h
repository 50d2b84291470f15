// What `outliers` found out, before it is put into words, numbers or plots.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "apps/scores/score_study.h"
#include "isoflop/fits/family_effects.h"
#include "isoflop/fits/lead_time.h"
#include "isoflop/fits/outliers.h"

namespace isoflop::app {

/// JSON and CSV list so many models at most, those furthest from the curve.
inline constexpr std::size_t most_models_listed = 20000;

struct Findings {
  ScoreStudy study;
  fits::OutlierReport outliers;
  fits::LeadTimeStudy lead;
  std::optional<fits::FamilyEffects> families;
  std::vector<fits::ExtrapolationTest> extrapolation;
  std::vector<std::size_t> by_z;  ///< all models, furthest first
};

/// Reads, fits and judges; lead times and family effects are left out, with the reason, for very many models.
Findings find_outliers(const ScoreOptions& options, const Settings& settings);

/// "above", "below", "within", or "not counted" for a model whose compute is known to be understated.
std::string verdict(const fits::ScoredModel& model, const fits::Judgement& judgement);

/// An outlier in its own right: verdict() is above or below.
bool counts_as_outlier(const fits::ScoredModel& model, const fits::Judgement& judgement);

/// Training compute in FLOP, whatever the unit of the axis.
std::optional<double> flop_of(const ScoreStudy& study, const fits::ScoredModel& model);

/// The finding in a few sentences.
std::string outlier_headline(const Findings& findings);

/// The whole JSON result; warns where it lists only the furthest models.
Value outlier_result(const Findings& findings, std::vector<std::string>& warnings);

ReportTable outlier_table(const Findings& findings);           ///< the outliers, for people
ReportTable outlier_data_table(const Findings& findings);      ///< every model with every number, for CSV
ReportTable outlier_hint_table(const Findings& findings);      ///< lead times of those above
ReportTable outlier_interval_table(const Findings& findings);  ///< how intervals and verdicts come about

/// "5.6x (3.1x to 12x)", with the ends that exist.
std::string times_text(const fits::OpenInterval& multiplier);

}  // namespace isoflop::app
