// Recall: our own tables with one column spoilt in every row; every spoilt cell must be found.
#include <doctest/doctest.h>

#include <functional>
#include <set>

#include "isoflop/audit/audit.h"
#include "isoflop/number_text.h"

using namespace isoflop;

namespace {

struct Recall {
  std::size_t spoilt = 0, found = 0;
  std::string missed;
};

Recall recall(const std::string& file, const std::string& column,
              const std::function<std::string(std::string_view)>& spoil) {
  const auto table = open_data_table(file);
  const std::size_t target = table.column(column);
  std::string text;
  for (const auto& name : table.columns()) text += (text.empty() ? "" : ",") + name;
  text += "\n";
  std::vector<bool> is_spoilt;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    is_spoilt.push_back(false);
    for (std::size_t c = 0; c < table.columns().size(); ++c) {
      std::string cell(table.text(row, c));
      if (c == target && !cell.empty()) {
        const std::string other = spoil(cell);
        is_spoilt.back() = other != cell;
        cell = other;
      }
      text += (c ? "," : "") + csv_cell(cell);
    }
    text += "\n";
  }
  static audit::References references;
  const auto report = audit::audit(CsvTable::parse(text, "spoilt.csv"), references);
  std::set<std::size_t> lines;
  bool whole_column = false;
  for (const auto& f : report.findings)
    if (f.severity != audit::Severity::Note) {
      lines.insert(f.line);
      whole_column = whole_column || (f.line == 1 && f.column_name == column);
    }
  Recall result;
  for (std::size_t row = 0; row < is_spoilt.size(); ++row) {
    if (!is_spoilt[row]) continue;
    ++result.spoilt;
    if (whole_column || lines.count(row + 2)) ++result.found;
    else result.missed += std::string(table.text(row, 0)) + " ";
  }
  return result;
}

std::string times(std::string_view cell, const char* exponent) { return std::string(cell) + exponent; }
std::string next(std::string_view cell) { return std::to_string(std::stoll(std::string(cell)) + 1); }

}  // namespace

TEST_CASE("a slip by 10^3 in any size, token count, factor or figure of our tables is found in every row") {
  const std::vector<std::pair<std::string, std::string>> columns = {{"models.csv", "training_tokens"},
                                                                    {"models.csv", "params_total_published"},
                                                                    {"models.csv", "params_active_published"},
                                                                    {"models.csv", "hidden_size"},
                                                                    {"models.csv", "vocabulary_size"},
                                                                    {"models.csv", "context_tokens"},
                                                                    {"accelerators.csv", "bf16_tflop_per_s"},
                                                                    {"accelerators.csv", "memory_gb"},
                                                                    {"accelerators.csv", "memory_bandwidth_gb_per_s"},
                                                                    {"accelerators.csv", "tdp_w"},
                                                                    {"grids.csv", "kgco2e_per_kwh"},
                                                                    {"footprint_published.csv", "accelerator_hours"},
                                                                    {"footprint_published.csv", "energy_mwh"},
                                                                    {"loss_runs_chinchilla.csv", "tokens"}};
  for (const auto& [file, column] : columns) {
    const auto up = recall(file, column, [](std::string_view cell) {
      // Grid factors of next to nothing stay plausible when multiplied.
      return *parse_plain_number(cell) < 0.002          ? std::string(cell)
             : cell.find('e') == std::string_view::npos ? times(cell, "e3")
                                                        : format_number(1e3 * *parse_plain_number(cell), 7);
    });
    CAPTURE(file);
    CAPTURE(column);
    CAPTURE(up.missed);
    CHECK(up.spoilt > 20);
    CHECK(up.found == up.spoilt);
  }
}

TEST_CASE("a dimension that is off by one is found in every row of models.csv") {
  for (const std::string column : {"layers", "hidden_size", "heads", "kv_heads", "head_dim", "ffn_size", "experts"}) {
    const auto result = recall("models.csv", column, next);
    CAPTURE(column);
    CAPTURE(result.missed);
    CHECK(result.spoilt > 20);
    CHECK(result.found == result.spoilt);
  }
}

TEST_CASE("a wrong attention label is found in every row of models.csv") {
  const auto result = recall("models.csv", "attention", [](std::string_view cell) {
    return std::string(cell == "MHA" ? "GQA" : cell == "GQA" || cell == "MQA" ? "MHA" : cell);
  });
  CAPTURE(result.missed);
  CHECK(result.spoilt > 200);
  CHECK(result.found == result.spoilt);
}
