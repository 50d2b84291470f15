#include "isoflop/catalogue/record_fields.h"

#include "isoflop/number_text.h"

namespace isoflop {

std::vector<std::string> split_list(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    std::string_view part = text.substr(0, end);
    while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
    while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
    if (!part.empty()) parts.emplace_back(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

namespace field_readers {
namespace {

// The power of ten goes into the text, so that the product is rounded once.
std::optional<double> scaled(const CsvTable& t, std::size_t row, std::size_t column, int exponent) {
  const auto value = t.number(row, column);
  if (!value || exponent == 0) return value;
  const std::string cell(t.text(row, column));
  if (cell.find_first_of("eE") != std::string::npos) return *value * std::pow(10.0, exponent);
  return parse_plain_number(cell + "e" + std::to_string(exponent));
}

}  // namespace

void read(bool& member, const CsvTable& t, std::size_t row, std::size_t column, int) {
  member = t.truth(row, column).value_or(false);
}

void read(double& member, const CsvTable& t, std::size_t row, std::size_t column, int exponent) {
  member = scaled(t, row, column, exponent).value_or(0);
}

void read(std::optional<double>& member, const CsvTable& t, std::size_t row, std::size_t column, int exponent) {
  member = scaled(t, row, column, exponent);
}

void read(std::optional<std::int64_t>& member, const CsvTable& t, std::size_t row, std::size_t column, int exponent) {
  const auto value = scaled(t, row, column, exponent);
  if (!value) return;
  if (*value < 0) t.reject(row, column, "is negative; expected a count");
  if (*value > 9e18) t.reject(row, column, "is beyond every count (9e18)");
  if (*value != std::floor(*value)) t.reject(row, column, "is not a whole number");
  member = static_cast<std::int64_t>(*value);
}

}  // namespace field_readers
}  // namespace isoflop
