#include "isoflop/audit/audit.h"

#include <algorithm>
#include <filesystem>

#include "isoflop/audit/rules.h"

namespace isoflop::audit {
namespace {

bool has(const CsvTable& table, std::initializer_list<const char*> columns) {
  return std::any_of(columns.begin(), columns.end(), [&](const char* c) { return table.find_column(c).has_value(); });
}

bool has_score_column(const CsvTable& table) {
  for (const char* benchmark :
       {"mmlu", "gsm8k", "humaneval", "hellaswag", "winogrande", "arc_c", "bbh", "triviaqa", "mmlu_pro"})
    if (table.find_column(std::string(benchmark) + "_percent")) return true;
  return has(table, {"score"});
}

struct KnownFinding {
  std::string file, item, column, rule, read, reason;
};

std::vector<KnownFinding> known_findings(const DataFolder& folder) {
  const auto table = open_data_table("known_findings.csv", folder);
  std::vector<KnownFinding> known;
  const std::size_t file = table.column("file"), item = table.column("item"), column = table.column("column"),
                    rule = table.column("rule"), read = table.column("read"), reason = table.column("reason");
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto cell = [&](std::size_t c) { return std::string(table.text(row, c)); };
    known.push_back({cell(file), cell(item), cell(column), cell(rule), cell(read), cell(reason)});
  }
  return known;
}

void accept_known(AuditReport& report, const std::string& path, const DataFolder& folder) {
  if (report.findings.empty()) return;
  const std::string file = std::filesystem::path(path).filename().string();
  for (const auto& known : known_findings(folder))
    for (auto& finding : report.findings)
      if (known.file == file && known.item == finding.item && known.column == finding.column_name &&
          known.rule == finding.rule && known.read == finding.read)
        finding.accepted = known.reason;
}

}  // namespace

std::string table_kind(const CsvTable& table) {
  const bool named = has(table, {"model", "id", "name"});
  if (has(table, {"benchmark"}) && has(table, {"value"}) && has(table, {"model"})) return "score rows";
  if (has(table, {"params_exact"}) && has(table, {"model"})) return "exact counts";
  if (has(table, {"n_devices"}) && has(table, {"metric"}) && has(table, {"act_ckpt"})) return "measured training";
  if (has(table, {"zone"}) && has(table, {"kgco2e_per_kwh"})) return "grids";
  if (has(table, {"memory_gb"}) && has(table, {"memory_bandwidth_gb_per_s"})) return "accelerators";
  if (has(table, {"kgco2e_low"}) && has(table, {"kgco2e_high"}) && has(table, {"boundary"})) return "embodied";
  if (has(table, {"accelerator_hours", "energy_mwh", "claimed_tco2e"}) && has(table, {"model"})) return "footprints";
  if (has(table, {"pue"}) && has(table, {"onsite_water_l_per_kwh", "provider"})) return "data centres";
  if (named &&
      (has(table, {"layers", "hidden_size", "training_tokens", "training_tokens_trillion", "total_params_billion"}) ||
       (has(table, {"active_params", "total_params"}) && has(table, {"tokens"}))))
    return "models";
  if (named && has_score_column(table)) return "score columns";
  if (table.find_any({"loss"}) && table.find_any({"params", "N", "Model Size"})) return "runs";
  return "other";
}

AuditReport audit(const CsvTable& table, References& references, const DataFolder& folder) {
  const std::string kind = table_kind(table);
  Auditor auditor(table, references);
  check_form(auditor);
  check_order(auditor);
  if (kind == "models") check_models(auditor);
  if (kind == "score rows") check_score_rows(auditor);
  // A table for `outliers` describes models and their scores in one row.
  if (kind == "score columns" || (kind == "models" && has_score_column(table))) check_score_columns(auditor);
  if (kind == "footprints") check_footprints(auditor);
  if (kind == "runs") check_runs(auditor);
  if (kind == "measured training") check_measured_training(auditor);
  if (kind == "accelerators") check_accelerators(auditor);
  if (kind == "grids") check_grids(auditor);
  if (kind == "data centres") check_datacentres(auditor);
  if (kind == "embodied") check_embodied(auditor);
  if (kind == "exact counts") check_exact_counts(auditor);
  AuditReport report = auditor.finish(kind);
  accept_known(report, table.name(), folder);
  return report;
}

}  // namespace isoflop::audit
