#include "isoflop/catalogue/csv_table.h"

#include <doctest/doctest.h>

#include "isoflop/error.h"

using isoflop::CsvTable;
using isoflop::Error;

namespace {
std::string complaint(const std::string& text) {
  try {
    const auto table = CsvTable::parse(text, "t.csv");
    for (std::size_t r = 0; r < table.rows(); ++r)
      for (std::size_t c = 0; c < table.columns().size(); ++c) table.required_number(r, c);
  } catch (const Error& problem) {
    CHECK(problem.fault() == isoflop::Fault::BadInput);
    return problem.what();
  }
  return "";
}
}  // namespace

TEST_CASE("quoted commas, doubled quotes, quoted line breaks, CRLF, a BOM and blank lines are read") {
  const auto table = CsvTable::parse(
      "\xEF\xBB\xBFname,note\r\n\r\n\"a,b\",\"say \"\"x\"\"\"\r\n# comment\r\n\"two\nlines\",z\r\n", "t");
  REQUIRE(table.rows() == 2);
  CHECK(table.columns()[0] == "name");
  CHECK(table.text(0, 0) == "a,b");
  CHECK(table.text(0, 1) == "say \"x\"");
  CHECK(table.text(1, 0) == "two\nlines");
  CHECK(table.line(1) == 5);
}

TEST_CASE("a missing final line end and an old Macintosh line end are read") {
  CHECK(CsvTable::parse("a,b\n1,2", "t").required_number(0, 1) == 2);
  CHECK(CsvTable::parse("a,b\r1,2\r3,4\r", "t").rows() == 2);
}

TEST_CASE("an empty cell is unknown, not zero") {
  const auto table = CsvTable::parse("a,b\n,2\n", "t");
  CHECK_FALSE(table.number(0, 0).has_value());
  CHECK(table.number(0, 1) == 2);
}

TEST_CASE("numbers are correctly rounded and never partly read") {
  const auto table = CsvTable::parse("a\n0.1000000000000000055511151231257827\n", "t");
  CHECK(table.required_number(0, 0) == 0.1);
  CHECK(complaint("a\n12x\n") == "t.csv:2:1: column \"a\": \"12x\" is not a number");
  CHECK(complaint("a,b\n1,nan\n") == "t.csv:2:2: column \"b\": \"nan\" is not a number");
  CHECK(complaint("a,b\n1,\n") == "t.csv:2:2: column \"b\": the cell is empty; expected a number");
}

TEST_CASE("broken files are refused with their place") {
  CHECK(complaint("") == "t.csv: is empty; expected a header row with column names");
  CHECK(complaint("a,b\n1\n") == "t.csv:2: 1 cells where the header has 2");
  CHECK(complaint("a,a\n1,2\n") == "t.csv:1: column \"a\" is named twice");
  CHECK(complaint("a,b\n1,\"2\n3,4\n") == "t.csv:2: a quoted cell that starts in this row is not closed");
  CHECK(complaint(std::string("a\0b\n", 4)) == "t.csv: contains zero bytes; expected a CSV text file");
}

TEST_CASE("a missing column suggests the nearest one") {
  const auto table = CsvTable::parse("params,tokens\n1,2\n", "t.csv");
  CHECK_THROWS_WITH_AS(table.column("param"),
                       "t.csv:1: unknown column \"param\"; did you mean params? (the file has: params, tokens)", Error);
}

TEST_CASE("a written cell reads back as it was") {
  for (const std::string text : {"plain", "a,b", "say \"x\"", "two\nlines", "#hash", ""}) {
    const auto table = CsvTable::parse("k,v\nx," + isoflop::csv_cell(text) + "\n", "t");
    CHECK(table.text(0, 1) == text);
  }
}
