// The tables of `outliers`.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/scores/outlier_findings.h"
#include "isoflop/number_text.h"

namespace isoflop::app {

using namespace isoflop::fits;

namespace {

constexpr std::size_t most_rows_for_people = 24;

TableCell cell(const std::optional<double>& value) { return value ? TableCell(*value) : TableCell(); }

}  // namespace

ReportTable outlier_data_table(const Findings& f) {
  const auto& study = f.study;
  ReportTable table;
  for (const char* text :
       {"name", "family", "kind", "release_date", "verdict", "compute_multiplier_status", "lead_time_status"})
    table.columns.push_back({text, text, Align::Left});
  for (const char* number : {"active_params", "tokens", "compute_flop", "score", "predicted", "interval_low",
                             "interval_high", "residual_points", "local_scale_points", "z", "false_discovery_rate",
                             "compute_multiplier", "compute_multiplier_low", "compute_multiplier_high",
                             "lead_time_months", "lead_time_months_low", "lead_time_months_high"})
    table.columns.push_back({number, number});
  for (std::size_t k = 0; k < std::min(f.by_z.size(), most_models_listed); ++k) {
    const std::size_t i = f.by_z[k];
    const ScoredModel& m = study.models[i];
    const Judgement& j = f.outliers.judgements[i];
    const LeadTime& lead = f.lead.leads[i];
    table.rows.push_back({m.name,
                          m.family,
                          m.kind,
                          m.release_year ? TableCell(iso_date(*m.release_year)) : TableCell(),
                          verdict(m, j),
                          j.multiplier_status,
                          f.lead.possible ? lead.status : std::string("not possible"),
                          cell(m.active_params),
                          cell(m.tokens),
                          cell(flop_of(study, m)),
                          m.score,
                          j.predicted,
                          j.low,
                          j.high,
                          j.residual,
                          j.scale,
                          j.z,
                          j.false_discovery,
                          cell(j.compute_multiplier.estimate),
                          cell(j.compute_multiplier.low),
                          cell(j.compute_multiplier.high),
                          cell(lead.months.estimate),
                          cell(lead.months.low),
                          cell(lead.months.high)});
  }
  return table;
}

ReportTable outlier_table(const Findings& f) {
  const auto& study = f.study;
  ReportTable table;
  table.title = fmt::format("Outside their {:.0f} % interval, furthest first", 100 * study.settings.level);
  const bool compute = study.x_name == "compute", by_date = study.settings.predictor == Predictor::ReleaseDate;
  table.columns = {{"Model", "name", Align::Left},
                   {"Released", "release_date", Align::Left},
                   {compute   ? "FLOP"
                    : by_date ? "Year"
                              : study.x_name,
                    "x", Align::Right, by_date ? 6 : 3},
                   {"Score", "score", Align::Right, 3},
                   {"Typical", "predicted", Align::Right, 3},
                   {"Interval", "interval", Align::Left},
                   {"z", "z", Align::Right, 2},
                   {"FDR", "false_discovery_rate", Align::Right, 1}};
  if (compute) table.columns.push_back({"Typical model needs", "compute_multiplier", Align::Left});
  std::size_t left = 0;
  bool other_kind = false;
  for (std::size_t i : f.by_z) {
    const ScoredModel& m = study.models[i];
    const Judgement& j = f.outliers.judgements[i];
    if (!counts_as_outlier(m, j)) continue;
    if (table.rows.size() >= most_rows_for_people) {
      ++left;
      continue;
    }
    const bool stands_in = study.from_catalogue && m.kind != "base";
    other_kind = other_kind || stands_in;
    const auto x = features_of(m, study.settings.predictor, Link::Linear);
    const bool logarithm =
        study.settings.predictor != Predictor::Other && study.settings.predictor != Predictor::ReleaseDate;
    std::vector<TableCell> row = {m.name + (stands_in ? " *" : ""),
                                  m.release_year ? iso_date(*m.release_year) : std::string("-"),
                                  compute     ? cell(flop_of(study, m))
                                  : logarithm ? TableCell(std::pow(10, x[0]))
                                              : TableCell(x[0]),
                                  m.score,
                                  j.predicted,
                                  fmt::format("{:.1f} to {:.1f}", j.low, j.high),
                                  j.z,
                                  j.false_discovery};
    if (compute) row.emplace_back(times_text(j.compute_multiplier));
    table.rows.push_back(std::move(row));
  }
  table.note = fmt::format(
      "Typical and interval are predicted without the model's own family. {} models are outside, {} above and {} "
      "below, where "
      "chance alone gives about {:.0f}; at a false discovery rate (FDR) of 10 %, {} would be named.",
      f.outliers.above + f.outliers.below, f.outliers.above, f.outliers.below, f.outliers.expected_by_chance,
      f.outliers.discoveries);
  if (compute && features_in(study.regression.link) == 1)
    table.note += " Typical model needs: how many times the model's compute.";
  if (compute && uses_params_and_tokens(study.regression.link))
    table.note += " Typical model needs: how many times the model's compute, at its own tokens per parameter.";
  if (other_kind) table.note += " * No base score; see the notes.";
  if (left > 0) table.note += fmt::format(" {} further outliers and all other models: --csv or --json.", left);
  return table;
}

ReportTable outlier_hint_table(const Findings& f) {
  const auto& lead = f.lead;
  ReportTable table;
  table.title = "Are outliers hints? Months until typical releases of the same compute score as high";
  table.columns = {{"Model", "name", Align::Left},
                   {"Released", "release_date", Align::Left},
                   {"Lead (months)", "estimate", Align::Right, 3},
                   {"Low", "low", Align::Right, 3},
                   {"High", "high", Align::Right, 3},
                   {"Status", "status", Align::Left},
                   {"Observed (months)", "observed", Align::Right, 3},
                   {"Later models near", "later_models_near"}};
  for (std::size_t i : f.by_z) {
    if (verdict(f.study.models[i], f.outliers.judgements[i]) != "above" || table.rows.size() >= most_rows_for_people)
      continue;
    const LeadTime& l = lead.leads[i];
    const auto& year = f.study.models[i].release_year;
    table.rows.push_back({f.study.models[i].name, year ? TableCell(iso_date(*year)) : TableCell(),
                          cell(l.months.estimate), cell(l.months.low), cell(l.months.high), l.status,
                          cell(l.observed_months), static_cast<std::int64_t>(l.later_models)});
  }
  table.note = "Verdict: " + lead.verdict + "; " + lead.reason + ".";
  if (lead.possible && lead.decades_per_year.estimate) {
    const auto factor = [](const std::optional<double>& d) {
      return d ? format_number(std::pow(10, *d), 2) : std::string("?");
    };
    table.note += fmt::format(" Typical releases gained as much a year as {}x compute gives ({} to {}).",
                              factor(lead.decades_per_year.estimate), factor(lead.decades_per_year.low),
                              factor(lead.decades_per_year.high));
    const Hindcast& h = lead.hindcast;
    if (h.predictions > 0)
      table.note += fmt::format(
          " Standing at {} past dates, the following year's {} scores were predicted to {:.1f} points with the date "
          "and {:.1f} without (skill {:.2f}).",
          h.dates.size(), h.predictions, h.rmse_with_date, h.rmse_without, h.skill);
    if (h.lead_median_error_months)
      table.note += fmt::format(" {} leads told then differ from those told now by {:.0f} months in the median.",
                                h.leads, *h.lead_median_error_months);
    table.note +=
        " Observed: the median of five consecutive later releases of other families within a factor of two of its "
        "compute was as high.";
  }
  return table;
}

ReportTable outlier_interval_table(const Findings& f) {
  const auto& r = f.study.regression;
  ReportTable table{
      "How intervals and verdicts come about",
      {{"Step", "step", Align::Left}, {"Value", "value", Align::Right, 4}, {"What it is", "what", Align::Left}},
      {},
      ""};
  table.rows.push_back(
      {std::string("models fitted"), static_cast<std::int64_t>(r.fitted), std::string("rows that shape the curve")});
  table.rows.push_back({std::string("families"), static_cast<std::int64_t>(r.families), r.scheme});
  table.rows.push_back(
      {std::string("neighbours"), static_cast<std::int64_t>(r.scale.neighbours()),
       std::string("nearest models whose left-out residuals give the local scale (Huber's proposal 2)")});
  table.rows.push_back({std::string("half-width"), r.interval_factor,
                        std::string(r.interval_was_calibrated ? "local scales, calibrated on left-out families"
                                                              : "local scales, normal quantile of the level")});
  table.rows.push_back({std::string("coverage"), r.coverage, std::string("share of left-out models inside")});
  table.rows.push_back({std::string("in-sample RMSE"), r.rmse, std::string("points")});
  table.rows.push_back({std::string("r2"), r.r_squared, std::string("share of variance explained in sample")});
  if (f.families) {
    const double gain = gain_per_decade(f.families->curve, f.study.settings.predictor, r.link);
    table.rows.push_back({std::string("intraclass"), f.families->intraclass,
                          std::string("share of residual variance between families")});
    if (gain > 0)
      table.rows.push_back({std::string("family factor"), std::pow(10, f.families->sd / gain),
                            std::string("one standard deviation of families, as a factor of effective compute")});
  }
  return table;
}

}  // namespace isoflop::app
