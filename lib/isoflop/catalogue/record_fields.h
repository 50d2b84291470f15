// Filling records from CSV columns by a list of fields: one line a column, read by the type of the member it fills.
// A table may lack columns; their members keep their defaults. A field may carry a power of ten, so that the same
// record reads `training_tokens` and `training_tokens_trillion`.
#pragma once
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "isoflop/catalogue/csv_table.h"

namespace isoflop {

/// Which file a catalogue was read from; goes into a report's inputs.
struct TableOrigin {
  std::string path;
  std::string sha256;
  std::size_t rows = 0;
};

inline TableOrigin origin_of(const CsvTable& table) { return {table.name(), table.sha256(), table.rows()}; }

/// "a; b ;c" -> a, b, c; empty parts are left out.
std::vector<std::string> split_list(std::string_view text, char separator = ';');

namespace field_readers {

inline void read(std::string& member, const CsvTable& t, std::size_t row, std::size_t column, int) {
  member = t.text(row, column);
}
inline void read(std::vector<std::string>& member, const CsvTable& t, std::size_t row, std::size_t column, int) {
  member = split_list(t.text(row, column));
}
inline void read(std::optional<bool>& member, const CsvTable& t, std::size_t row, std::size_t column, int) {
  member = t.truth(row, column);
}
void read(bool& member, const CsvTable& t, std::size_t row, std::size_t column, int);
void read(double& member, const CsvTable& t, std::size_t row, std::size_t column, int exponent);
void read(std::optional<double>& member, const CsvTable& t, std::size_t row, std::size_t column, int exponent);
/// Throws Error (BadInput) when the scaled value is negative, has a fraction or exceeds 9e15.
void read(std::optional<std::int64_t>& member, const CsvTable& t, std::size_t row, std::size_t column, int exponent);

template <typename Record, auto Member>
void fill(Record& record, const CsvTable& t, std::size_t row, std::size_t column, int exponent) {
  read(record.*Member, t, row, column, exponent);
}

}  // namespace field_readers

template <typename Record>
struct Field {
  const char* column;
  int exponent;
  void (*fill)(Record&, const CsvTable&, std::size_t row, std::size_t column, int exponent);
};

/// field<&ModelRecord::layers>("layers"); with exponent 12 a cell "1.4" becomes 1.4e12.
template <auto Member, typename Record>
Field<Record> field_of(const char* column, int exponent) {
  return {column, exponent, &field_readers::fill<Record, Member>};
}

/// Records of all rows. Columns nobody asked for are ignored.
template <typename Record>
std::vector<Record> read_records(const CsvTable& table, const std::vector<Field<Record>>& fields) {
  struct Bound {
    const Field<Record>* field;
    std::size_t column;
  };
  std::vector<Bound> bound;
  for (const auto& field : fields)
    if (const auto column = table.find_column(field.column)) bound.push_back({&field, *column});
  std::vector<Record> records(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row)
    for (const auto& [field, column] : bound)
      if (!table.text(row, column).empty()) field->fill(records[row], table, row, column, field->exponent);
  return records;
}

}  // namespace isoflop
