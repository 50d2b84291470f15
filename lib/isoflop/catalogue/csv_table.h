// A CSV file as text cells that know where they stand, so that every complaint names file, line and column.
// RFC 4180 with quoted commas, doubled quotes, quoted line breaks, CRLF, a BOM and blank lines; lines whose first
// character is '#' are comments. Numbers are parsed on demand and correctly rounded; an empty cell is never zero.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isoflop {

class CsvTable {
 public:
  /// `name` is what errors call the file. Throws Error (BadInput) on binary data, an unclosed quote, a row with
  /// another number of cells than the header, a column name given twice, or a file without a header.
  static CsvTable parse(std::string text, std::string name);
  /// Reads the file, or standard input when `path` is "-". Throws Error (CannotRun) when it cannot be opened.
  static CsvTable read(const std::string& path);

  const std::string& name() const;
  std::size_t rows() const;
  const std::vector<std::string>& columns() const;
  const std::string& sha256() const;
  /// By its exact name; nothing when there is none.
  std::optional<std::size_t> find_column(std::string_view column) const;
  /// The first of the spellings that exists, compared without case, blanks and underscores.
  std::optional<std::size_t> find_any(const std::vector<std::string>& spellings) const;
  /// Throws Error (BadInput) with "did you mean" when there is none.
  std::size_t column(std::string_view column) const;

  std::string_view text(std::size_t row, std::size_t column) const;  ///< Empty for an empty cell.
  /// Empty cell: nothing. Anything else that is not one finite number: Error (BadInput).
  std::optional<double> number(std::size_t row, std::size_t column) const;
  /// As number(), but an empty cell is an Error too.
  double required_number(std::size_t row, std::size_t column) const;
  std::optional<std::int64_t> whole(std::size_t row, std::size_t column) const;
  /// "yes"/"no" (also true/false, 1/0); empty cell: nothing.
  std::optional<bool> truth(std::size_t row, std::size_t column) const;

  std::size_t line(std::size_t row) const;  ///< line of the file, from 1, at which the row starts
  /// `file:line:column: column "layers": ` + problem, as an Error (BadInput).
  [[noreturn]] void reject(std::size_t row, std::size_t column, const std::string& problem) const;
  [[noreturn]] void reject_row(std::size_t row, const std::string& problem) const;

 private:
  struct Content;
  std::shared_ptr<const Content> content_;
};

/// RFC 4180 quoting of one cell, where it needs any.
std::string csv_cell(std::string_view text);

/// Whole file, or standard input for "-". Throws Error (CannotRun).
std::string read_file(const std::string& path);
/// Writes to a temporary beside `path`, then renames, so that a failure leaves no half file. Throws Error (CannotRun).
void write_file(const std::string& path, std::string_view bytes);

}  // namespace isoflop
