// The two shapes of score tables: one score per row, or one column per benchmark.
#include <algorithm>
#include <cmath>
#include <map>

#include "isoflop/audit/rules.h"
#include "isoflop/audit/score_rules.h"
#include "isoflop/catalogue/benchmarks.h"
#include "isoflop/number_text.h"

namespace isoflop::audit {
namespace {

using Group = std::vector<std::pair<std::size_t, ScoreRecord>>;  // row and record

// Several values of one checkpoint, benchmark, kind and shots. MMLU harnesses differ by a few points; others let more
// be chosen (normalisation, votes among samples, answer extraction), so only more than 20 points stand out.
void check_spread(Auditor& auditor, const Group& group, std::size_t column) {
  auditor.tested("score spread");
  const auto less = [](const auto& a, const auto& b) { return a.second.value < b.second.value; };
  const auto [low, high] = std::minmax_element(group.begin(), group.end(), less);
  const double usual = group.front().second.benchmark == "mmlu" ? 8 : 20;
  if (group.size() < 2 || high->second.value - low->second.value <= usual) return;
  // The value farther from the middle one is the one to look at.
  std::vector<double> values;
  for (const auto& member : group) values.push_back(member.second.value);
  std::sort(values.begin(), values.end());
  const double middle = values[values.size() / 2];
  const auto& odd = high->second.value - middle > middle - low->second.value ? *high : *low;
  const auto& other = &odd == &*high ? *low : *high;
  auditor.report(Severity::Warning, Basis::Itself, "score spread", odd.first, column,
                 "within " + format_number(usual) + " points of the other " + odd.second.kind +
                     " values of this benchmark, which go from " + format_number(values.front()) + " to " +
                     format_number(values.back()) + "; line " + std::to_string(auditor.table().line(other.first)) +
                     " has " + format_number(other.second.value));
}

// A value filed under the wrong benchmark equals the same model's value of another one and fits none of its own kind.
void check_misfiled(Auditor& auditor, const std::vector<std::pair<std::size_t, ScoreRecord>>& of_model,
                    std::size_t column) {
  for (const auto& [row, score] : of_model) {
    if (score.benchmark != "mmlu" || !score.usable() || score.value != std::round(score.value * 10) / 10) continue;
    auditor.tested("filed under another benchmark");
    const ScoreRecord* twin = nullptr;
    double nearest = 1e9;
    for (const auto& [other_row, other] : of_model) {
      if (other.benchmark == "bbh" && other.value == score.value && other.kind == score.kind) twin = &other;
      if (other_row != row && other.benchmark == "mmlu" && other.usable())
        nearest = std::min(nearest, std::fabs(other.value - score.value));
    }
    if (twin && nearest > 3)
      auditor.report(Severity::Error, Basis::Itself, "filed under another benchmark", row, column,
                     "an MMLU score; this is the model's BBH value [" + twin->source + "]");
  }
}

}  // namespace

void check_score_rows(Auditor& auditor) {
  const auto& table = auditor.table();
  const auto model = auditor.column({"model"}), value = auditor.column({"value"}),
             benchmark = auditor.column({"benchmark"});
  const bool is_catalogue = table.sha256() == auditor.references().scores().origin().sha256;
  const RecordReader<ScoreRecord> reader(table, score_fields());
  std::map<std::string, Group> groups, by_model;
  std::vector<RankedScore> ranked;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (!auditor.number(row, value)) {
      auditor.report(Severity::Error, Basis::Bounds, "number", row, value, "a plain number");
      continue;
    }
    const ScoreRecord score = reader.read(row, [&](std::size_t column, const std::string&) {
      if (column != *value) auditor.report(Severity::Error, Basis::Bounds, "number", row, column, "a plain number");
    });
    if (!score.usable()) continue;
    for (const auto& [column, name] : {std::pair{model, "a model"}, std::pair{benchmark, "a benchmark"}})
      if (auditor.text(row, column).empty())
        auditor.report(Severity::Error, Basis::Itself, "name", row, column, name, "nothing");
    auditor.tested("known model");
    if (!auditor.references().models().find(score.model))
      auditor.report(Severity::Note, Basis::Catalogue, "known model", row, model,
                     "a model of the catalogue; this one is new");
    const ScoreCell cell{
        row,        *value,       score.model, score.benchmark, score.kind == "unspecified" ? "" : score.kind,
        score.unit, score.source, score.value};
    check_score_range(auditor, cell);
    if (score.unit == "elo" && score.date.empty())
      auditor.report(Severity::Error, Basis::Itself, "rating date", row, auditor.column({"date"}),
                     "the date of the rating: ratings of different dates are on different scales", "nothing");
    if (!is_catalogue) check_score_against_catalogue(auditor, cell);
    if (score.benchmark != "arena_elo")
      groups[comparable_name(score.model) + "|" + score.benchmark + "|" + score.kind + "|" + score.shots].emplace_back(
          row, score);
    by_model[comparable_name(score.model)].emplace_back(row, score);
    if (score.unit.empty() || score.unit == "percent")
      ranked.push_back({cell, score.kind + "|" + score.shots + "|" + score.source + "|" + score.original_source});
  }
  for (const auto& [key, group] : groups) check_spread(auditor, group, *value);
  for (const auto& [key, scores] : by_model) check_misfiled(auditor, scores, *value);
  check_family_order(auditor, ranked);
}

void check_score_columns(Auditor& auditor) {
  const auto& table = auditor.table();
  const auto model = auditor.column({"model", "name", "id"}), kind = auditor.column({"kind"});
  std::map<std::string, std::size_t> first_line;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string key = comparable_name(auditor.text(row, model)) + "|" + auditor.text(row, kind);
    auditor.tested("duplicate model");
    if (const auto [place, is_new] = first_line.emplace(key, table.line(row)); !is_new)
      auditor.report(Severity::Error, Basis::Itself, "duplicate model", row, model,
                     "each model once; it already stands in line " + std::to_string(place->second));
  }
  const std::string suffix = "_percent";
  std::vector<RankedScore> ranked;
  for (std::size_t column = 0; column < table.columns().size(); ++column) {
    const std::string& name = table.columns()[column];
    const bool percent =
        name.size() > suffix.size() && name.compare(name.size() - suffix.size(), suffix.size(), suffix) == 0;
    if (!percent && name != "score") continue;
    const std::string benchmark = percent ? name.substr(0, name.size() - suffix.size()) : "";
    const auto setting = table.find_column(benchmark + "_setting");
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (table.text(row, column).empty()) continue;
      const auto value = auditor.number(row, column);
      if (!value) {
        auditor.report(Severity::Error, Basis::Bounds, "number", row, column, "a plain number");
        continue;
      }
      const ScoreCell cell{row, column, auditor.text(row, model), benchmark, auditor.text(row, kind), "percent",
                           "",  *value};
      check_score_range(auditor, cell);
      if (percent) check_score_against_catalogue(auditor, cell);
      ranked.push_back({cell, auditor.text(row, setting) + "|" + cell.kind});
    }
  }
  check_family_order(auditor, ranked);
}

}  // namespace isoflop::audit
