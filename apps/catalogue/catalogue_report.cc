#include "apps/catalogue/catalogue_report.h"

#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

bool is_unknown(const TableCell& cell) { return std::holds_alternative<std::monostate>(cell); }

Value value_of(const TableCell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* number = std::get_if<double>(&cell)) return *number;
  if (const auto* whole = std::get_if<std::int64_t>(&cell)) return *whole;
  if (const auto* truth = std::get_if<bool>(&cell)) return *truth;
  return nullptr;
}

// Exact counts beside the short form: 3821079552 -> "3821079552 (3.82B)".
TableCell readable(const Fact& fact) {
  const auto* whole = std::get_if<std::int64_t>(&fact.value);
  if (whole && *whole >= 1'000'000)
    return std::to_string(*whole) + " (" + format_count(static_cast<double>(*whole)) + ")";
  if (is_unknown(fact.value)) return std::string("not known");
  return cell_text(fact.value, 6);
}

}  // namespace

void FactSheet::source(std::string source, std::string confidence) {
  source_ = std::move(source);
  confidence_ = std::move(confidence);
}

void FactSheet::add(const std::string& words, const std::string& key, TableCell value, const std::string& unit) {
  const bool unknown = is_unknown(value);
  facts_.push_back({words, key, std::move(value), unit, unknown ? "" : source_, confidence_});
}

void FactSheet::text(const std::string& words, const std::string& key, const std::string& value) {
  add(words, key, value.empty() ? TableCell() : TableCell(value), "");
}

void FactSheet::count(const std::string& words, const std::string& key, std::optional<std::int64_t> value,
                      const std::string& unit) {
  add(words, key, value ? TableCell(*value) : TableCell(), unit);
}

void FactSheet::number(const std::string& words, const std::string& key, std::optional<double> value,
                       const std::string& unit) {
  add(words, key, value ? TableCell(*value) : TableCell(), unit);
}

void FactSheet::truth(const std::string& words, const std::string& key, std::optional<bool> value) {
  add(words, key, value ? TableCell(*value) : TableCell(), "");
}

void FactSheet::count_if_known(const std::string& words, const std::string& key, std::optional<std::int64_t> value,
                               const std::string& unit) {
  if (value) count(words, key, value, unit);
}

ReportTable FactSheet::table(const std::string& title) const {
  ReportTable table{title,
                    {{"fact", "fact", Align::Left},
                     {"value", "value", Align::Left},
                     {"unit", "unit", Align::Left},
                     {"confidence", "confidence", Align::Left},
                     {"source", "source", Align::Left}},
                    {},
                    ""};
  for (const auto& fact : facts_)
    table.rows.push_back({fact.words, readable(fact), fact.unit, fact.confidence, fact.source});
  return table;
}

Value FactSheet::values() const {
  Value values = Value::object();
  for (const auto& fact : facts_) values[fact.key] = value_of(fact.value);
  return values;
}

Value FactSheet::sources() const {
  Value sources = Value::object();
  for (const auto& fact : facts_)
    if (!is_unknown(fact.value))
      sources[fact.key] = Value::object({{"source", fact.source}, {"confidence", fact.confidence}});
  return sources;
}

ReportInput input_of(const TableOrigin& origin, std::size_t rows_used) {
  return {origin.path, origin.sha256, rows_used, origin.rows - rows_used};
}

}  // namespace isoflop::app
