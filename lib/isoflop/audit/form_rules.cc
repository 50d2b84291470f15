#include <algorithm>
#include <charconv>
#include <unordered_map>
#include <unordered_set>

#include "isoflop/audit/rules.h"
#include "isoflop/number_text.h"

namespace isoflop::audit {
namespace {

void check_repeated_rows(Auditor& auditor) {
  const auto& table = auditor.table();
  const std::size_t columns = table.columns().size();
  const auto same = [&](std::size_t a, std::size_t b) {
    for (std::size_t c = 0; c < columns; ++c)
      if (table.text(a, c) != table.text(b, c)) return false;
    return true;
  };
  std::unordered_map<std::size_t, std::size_t> first_row;  // by a hash of all cells
  first_row.reserve(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    std::size_t hash = 0;
    for (std::size_t c = 0; c < columns; ++c)
      hash = hash * 0x9e3779b97f4a7c15u + std::hash<std::string_view>()(table.text(row, c));
    const auto [place, is_new] = first_row.emplace(hash, row);
    if (!is_new && same(place->second, row))
      auditor.report(Severity::Error, Basis::Itself, "repeated row", row, std::nullopt,
                     "one row per fact; this one repeats line " + std::to_string(table.line(place->second)),
                     "the whole row");
  }
  auditor.tested("repeated row", table.rows());
}

// Columns that may well agree everywhere: two accounts of one quantity.
bool may_be_equal(const std::string& a, const std::string& b) {
  for (const char* stem :
       {"params", "power_w", "kgco2e", "tflop", "training_flop", "heads", "_read", "source", "year", "shots"}) {
    const bool in_a = a.find(stem) != std::string::npos, in_b = b.find(stem) != std::string::npos;
    if (in_a && in_b) return true;
  }
  return (a.find("tflop") != std::string::npos && b.find("top_per") != std::string::npos) ||
         (b.find("tflop") != std::string::npos && a.find("top_per") != std::string::npos);
}

bool is_copy(const CsvTable& table, std::size_t a, std::size_t b) {
  std::size_t both = 0;
  std::unordered_set<std::string_view> distinct;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto left = table.text(row, a), right = table.text(row, b);
    if (left != right) return false;
    if (left.empty()) continue;
    if (!parse_plain_number(left)) return false;
    ++both;
    distinct.insert(left);
  }
  return both >= 6 && distinct.size() >= 4;
}

void check_copied_columns(Auditor& auditor) {
  const auto& table = auditor.table();
  for (std::size_t a = 0; a < table.columns().size(); ++a)
    for (std::size_t b = a + 1; b < table.columns().size(); ++b) {
      auditor.tested("copied column");
      if (!may_be_equal(table.columns()[a], table.columns()[b]) && is_copy(table, a, b))
        auditor.report_column(Severity::Error, Basis::Itself, "copied column", b,
                              "values of its own; every row repeats column \"" + table.columns()[a] + "\"");
    }
}

bool is_iso_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  const auto part = [&](std::size_t at, std::size_t length) {
    int value = -1;
    const auto [end, problem] = std::from_chars(text.data() + at, text.data() + at + length, value);
    return problem == std::errc() && end == text.data() + at + length ? value : -1;
  };
  const int year = part(0, 4), month = part(5, 2), day = part(8, 2);
  return year >= 1990 && year <= 2100 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

void check_dates(Auditor& auditor) {
  const auto& table = auditor.table();
  for (const char* name : {"release_date", "date"}) {
    const auto column = table.find_column(name);
    if (!column) continue;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      const auto text = table.text(row, *column);
      if (text.empty()) continue;
      auditor.tested("date");
      if (!is_iso_date(text))
        auditor.report(Severity::Error, Basis::Bounds, "date", row, column, "an ISO date, year-month-day");
      else if (text < "2017-06-12")
        auditor.report(Severity::Warning, Basis::Bounds, "date", row, column,
                       "a date after the transformer paper of 2017-06-12");
    }
  }
}

void check_confidence(Auditor& auditor) {
  static const std::unordered_set<std::string_view> known = {"verified",    "partly verified", "consistent", "derived",
                                                             "third party", "undisclosed",     "unverified"};
  const auto& table = auditor.table();
  for (std::size_t c = 0; c < table.columns().size(); ++c) {
    const std::string& name = table.columns()[c];
    if (name != "confidence" && (name.size() < 11 || name.compare(name.size() - 11, 11, "_confidence") != 0)) continue;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      const auto text = table.text(row, c);
      if (text.empty()) continue;
      auditor.tested("confidence word");
      if (!known.count(text))
        auditor.report(Severity::Warning, Basis::Bounds, "confidence word", row, c,
                       "verified, partly verified, consistent, derived, third party, undisclosed or unverified");
    }
  }
}

// A table that has a column for the source of a value must fill it where it has the value.
void check_sources(Auditor& auditor) {
  static const std::pair<const char*, const char*> pairs[] = {{"training_tokens", "tokens_source"},
                                                              {"training_tokens_trillion", "tokens_source"},
                                                              {"params_total_published", "params_source"},
                                                              {"layers", "architecture_source"},
                                                              {"value", "source"},
                                                              {"price_usd_per_hour", "price_source"},
                                                              {"memory_gb", "source"},
                                                              {"measured_bf16_matmul_tflop_per_s", "measured_source"},
                                                              {"kgco2e_per_kwh", "source"},
                                                              {"pue", "source"},
                                                              {"kgco2e_low", "source"},
                                                              {"accelerator_hours", "source"},
                                                              {"params_exact", "source"}};
  const auto& table = auditor.table();
  for (const auto& [value_name, source_name] : pairs) {
    const auto value = table.find_column(value_name), source = table.find_column(source_name);
    if (!value || !source) continue;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (table.text(row, *value).empty()) continue;
      auditor.tested("source");
      if (table.text(row, *source).empty())
        auditor.report(
            Severity::Error, Basis::Itself, "source", row, source,
            "where " + std::string(value_name) + " " + std::string(table.text(row, *value)) + " was taken from",
            "nothing");
    }
  }
}

// A spreadsheet of another language writes semicolons; the file then has one column with a strange name.
void check_separator(Auditor& auditor) {
  auditor.tested("separator");
  const auto& columns = auditor.table().columns();
  if (columns.size() == 1 && columns[0].find_first_of(";|") != std::string::npos)
    auditor.report_column(Severity::Error, Basis::Bounds, "separator", 0, "columns separated by commas");
}

}  // namespace

void check_form(Auditor& auditor) {
  check_separator(auditor);
  check_repeated_rows(auditor);
  check_copied_columns(auditor);
  check_dates(auditor);
  check_confidence(auditor);
  check_sources(auditor);
}

}  // namespace isoflop::audit
