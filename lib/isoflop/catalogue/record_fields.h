// Filling records from CSV columns by a list of fields: one line a column, read by the type of the member it fills.
// A table may lack columns; their members keep their defaults. A field may carry a power of ten, so that the same
// record reads `training_tokens` and `training_tokens_trillion`.
#pragma once
#include <cmath>
#include <cstdint>
#include <optional>
#include <stdexcept>
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
/// What a result says about the table it used.
inline TableOrigin origin_of(const CsvTable& table) { return {table.name(), table.sha256(), table.rows()}; }

/// "a; b ;c" -> a, b, c; empty parts are left out.
std::vector<std::string> split_list(std::string_view text, char separator = ';');

namespace field_readers {

inline void read(std::string& member, const CsvTable& t, std::size_t row, std::size_t column, int) {  ///< As it is.
  member = t.text(row, column);
}
inline void read(std::vector<std::string>& member, const CsvTable& t, std::size_t row, std::size_t column, int) {
  member = split_list(t.text(row, column));  // separated by semicolons
}
inline void read(std::optional<bool>& member, const CsvTable& t, std::size_t row, std::size_t column, int) {
  member = t.truth(row, column);  // yes or no; empty: unknown
}
void read(bool& member, const CsvTable& t, std::size_t row, std::size_t column, int);  ///< "yes" or "no"; empty: no.
void read(double& member, const CsvTable& t, std::size_t row, std::size_t column, int exponent);  ///< x 10^exponent.
void read(std::optional<double>& member, const CsvTable& t, std::size_t row, std::size_t column, int exponent);
/// Throws Error (BadInput) when the scaled value is negative, has a fraction or exceeds 9e18.
void read(std::optional<std::int64_t>& member, const CsvTable& t, std::size_t row, std::size_t column, int exponent);
/// Reads the cell into the member.
template <typename Record, auto Member>
void fill(Record& record, const CsvTable& t, std::size_t row, std::size_t column, int exponent) {
  read(record.*Member, t, row, column, exponent);
}

}  // namespace field_readers

template <typename Record>
struct Field {  ///< A column and the member it fills.
  const char* column;
  int exponent;
  void (*fill)(Record&, const CsvTable&, std::size_t row, std::size_t column, int exponent);
};

/// field<&ModelRecord::layers>("layers"); with exponent 12 a cell "1.4" becomes 1.4e12.
template <auto Member, typename Record>
Field<Record> field_of(const char* column, int exponent) {
  return {column, exponent, &field_readers::fill<Record, Member>};
}

/// Reads rows of one table into records; columns nobody asked for are ignored.
template <typename Record>
class RecordReader {
 public:
  RecordReader(const CsvTable& table, const std::vector<Field<Record>>& fields) : table_(table) {
    for (const auto& field : fields)
      if (const auto column = table.find_column(field.column)) bound_.push_back({&field, *column});
  }

  /// Throws Error (BadInput) naming file, line and column of the first cell that cannot be read.
  Record read(std::size_t row) const {
    Record record;
    for (const auto& [field, column] : bound_)
      if (!table_.text(row, column).empty()) field->fill(record, table_, row, column, field->exponent);
    return record;
  }

  /// As read(), but hands every unreadable cell to `on_problem(column, message)` and leaves its member unset.
  template <typename OnProblem>
  Record read(std::size_t row, OnProblem on_problem) const {
    Record record;
    for (const auto& [field, column] : bound_) {
      if (table_.text(row, column).empty()) continue;
      try {
        field->fill(record, table_, row, column, field->exponent);
      } catch (const std::runtime_error& problem) {
        on_problem(column, std::string(problem.what()));
      }
    }
    return record;
  }

 private:
  struct Bound {
    const Field<Record>* field;
    std::size_t column;
  };
  CsvTable table_;
  std::vector<Bound> bound_;
};

/// Records of all rows; throws as RecordReader::read.
template <typename Record>
std::vector<Record> read_records(const CsvTable& table, const std::vector<Field<Record>>& fields) {
  const RecordReader<Record> reader(table, fields);
  std::vector<Record> records;
  records.reserve(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row) records.push_back(reader.read(row));
  return records;
}

}  // namespace isoflop
