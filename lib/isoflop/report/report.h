// What a command found, before anyone decides how to write it: a result tree, tables for people, plots, provenance.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "isoflop/plot/plot_spec.h"
#include "isoflop/report/value.h"

namespace isoflop {

enum class Align { Left, Right };  ///< Side on which a column's cells stand.

struct TableColumn {  ///< Headings of a column, and how its numbers are written.
  std::string heading;  ///< for people, with unit
  std::string key;      ///< for CSV, snake_case with unit
  Align align = Align::Right;
  int digits = 4;       ///< significant digits in text and Markdown; CSV prints in full
  bool as_count = false;  ///< people read 7.24B or 15T; CSV prints the number
};

/// A cell is unknown, a text, a number or a truth; numbers keep full precision until written.
using TableCell = std::variant<std::monostate, std::string, double, std::int64_t, bool>;

struct ReportTable {  ///< A titled table.
  std::string title;
  std::vector<TableColumn> columns;
  std::vector<std::vector<TableCell>> rows;
  std::string note;  ///< a line under the table
};

/// An input file with what was used of it.
struct ReportInput {
  std::string path;
  std::string sha256;
  std::size_t rows_used = 0;
  std::size_t rows_dropped = 0;
};

struct Assumption {  ///< An input that was not given by the user, or a constant.
  std::string name;
  Value value;
  std::string unit;
  std::string source;  ///< a citation, or "assumed"
};

/// A file that a command writes beside what was asked for with -o.
struct ReportFile {
  std::string path;
  std::string content;
};

struct Report {
  std::string command;          ///< "outliers"; the schema is isoflop.COMMAND/1 with blanks as hyphens
  std::string headline;         ///< the finding in one or two sentences
  Value result = Value::object();
  std::vector<std::string> messages;  ///< printed under the headline, each wrapped, as compilers list what they find
  std::vector<ReportTable> tables;  ///< for people; the first is the one CSV prints unless data_table is set
  std::optional<ReportTable> data_table;  ///< every row and column, where that is more than people want to read
  std::vector<ReportTable> explanation;  ///< printed with --explain: the chain from input to answer
  std::vector<PlotSpec> plots;  ///< the first is the one `-o x.svg` writes; others go to x-NAME.svg
  std::vector<ReportInput> inputs;
  std::vector<Assumption> assumptions;
  std::vector<std::string> warnings;
  /// Not empty: computed but not trustworthy, and why (exit code 4).
  std::string distrust;
  /// When set, printed as the result instead of tables (completion scripts, raw files).
  std::optional<std::string> raw_text;
  /// Written in this order; a path that -o names as well is written once, with this content.
  std::vector<ReportFile> files;
  std::optional<std::uint64_t> seed;  ///< set when random draws were used; printed
};

/// Facts about the program that go into every result.
struct ToolFacts {
  std::string version, git, compiler;
};

/// The JSON envelope `isoflop.COMMAND/1` of docs/json.md.
std::string write_json(const Report& report, const ToolFacts& tool, const std::vector<std::string>& command_line,
                       std::uint64_t seed);
/// `width`: terminal columns; `colour`: ANSI escapes allowed.
std::string write_text(const Report& report, bool explain, std::size_t width, bool colour);
std::string write_csv(const Report& report);
std::string write_markdown(const Report& report, bool explain);

/// One table in each of the forms.
std::string table_text(const ReportTable& table, std::size_t width);
std::string table_csv(const ReportTable& table);
std::string table_markdown(const ReportTable& table);

/// Text of a cell: numbers with `digits` significant digits, unknown as "-".
std::string cell_text(const TableCell& cell, int digits, bool as_count = false);

}  // namespace isoflop
