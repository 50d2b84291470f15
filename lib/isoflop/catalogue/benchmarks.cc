#include "isoflop/catalogue/benchmarks.h"

#include <algorithm>

namespace isoflop {
namespace {

template <auto Member>
Field<ScoreRecord> field(const char* column) {
  return field_of<Member, ScoreRecord>(column, 0);
}

using S = ScoreRecord;

}  // namespace

const std::vector<Field<S>>& score_fields() {
  static const std::vector<Field<S>> fields = {
      field<&S::model>("model"),
      field<&S::benchmark>("benchmark"),
      field<&S::value>("value"),
      field<&S::unit>("unit"),
      field<&S::shots>("shots"),
      field<&S::kind>("kind"),
      field<&S::date>("date"),
      field<&S::ci95_half_width>("ci95_half_width"),
      field<&S::votes>("votes"),
      field<&S::evaluated_variant>("evaluated_variant"),
      field<&S::harness>("harness"),
      field<&S::preferred>("preferred"),
      field<&S::excluded>("excluded"),
      field<&S::source>("source"),
      field<&S::original_source>("original_source"),
      field<&S::confidence>("confidence"),
      field<&S::remark>("remark"),
  };
  return fields;
}

ScoreTable ScoreTable::load(const DataFolder& folder) { return from(open_data_table("benchmarks.csv", folder)); }

ScoreTable ScoreTable::from(const CsvTable& table) {
  const std::size_t model = table.column("model"), benchmark = table.column("benchmark"), value = table.column("value");
  ScoreTable scores;
  scores.origin_ = origin_of(table);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.text(row, model).empty()) table.reject(row, model, "is empty; expected a model");
    if (table.text(row, benchmark).empty()) table.reject(row, benchmark, "is empty; expected a benchmark code");
    table.required_number(row, value);
  }
  scores.records_ = read_records(table, score_fields());
  // Tables that name models as printed ("Phi-3-mini") mean the same ids.
  for (auto& record : scores.records_) record.model = catalogue_id(record.model);
  return scores;
}

std::vector<const ScoreRecord*> ScoreTable::of(std::string_view model_id, std::string_view benchmark) const {
  std::vector<const ScoreRecord*> found;
  for (const auto& record : records_)
    if (record.model == model_id && record.usable() && (benchmark.empty() || record.benchmark == benchmark))
      found.push_back(&record);
  return found;
}

std::vector<std::string> ScoreTable::benchmarks() const {
  std::vector<std::string> codes;
  for (const auto& record : records_)
    if (std::find(codes.begin(), codes.end(), record.benchmark) == codes.end()) codes.push_back(record.benchmark);
  return codes;
}

}  // namespace isoflop
