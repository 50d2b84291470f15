#include "isoflop/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/number_text.h"

namespace isoflop {
namespace {

std::string shortest(double value) {
  char buffer[40];
  const auto [end, problem] = std::to_chars(buffer, buffer + sizeof buffer, value);
  return problem == std::errc() ? std::string(buffer, end) : std::string();
}

std::string cell_csv(const TableCell& cell) {
  if (const auto* text = std::get_if<std::string>(&cell)) return csv_cell(*text);
  if (const auto* number = std::get_if<double>(&cell)) return std::isfinite(*number) ? shortest(*number) : "";
  if (const auto* whole = std::get_if<std::int64_t>(&cell)) return std::to_string(*whole);
  if (const auto* truth = std::get_if<bool>(&cell)) return *truth ? "yes" : "no";
  return "";
}

// Columns a text takes on a terminal: code points, which is right for the Latin, Greek and punctuation we print.
std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t width, Align align) {
  const std::size_t have = display_width(text);
  const std::string blanks(width > have ? width - have : 0, ' ');
  return align == Align::Left ? text + blanks : blanks + text;
}

std::string shortened(const std::string& text, std::size_t width) {
  if (display_width(text) <= width) return text;
  std::string result;
  std::size_t used = 0;
  for (std::size_t i = 0; i < text.size();) {
    std::size_t length = 1;
    while (i + length < text.size() && (static_cast<unsigned char>(text[i + length]) & 0xC0) == 0x80) ++length;
    if (++used >= width) break;
    result += text.substr(i, length);
    i += length;
  }
  return result + "…";
}

std::string wrapped(const std::string& text, std::size_t width, const std::string& indent) {
  std::string result, line = indent;
  bool fresh = true;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
    const std::string word = text.substr(at, end - at);
    if (!fresh && display_width(line) + 1 + display_width(word) > width) {
      result += line + "\n";
      line = indent;
      fresh = true;
    }
    if (!word.empty()) {
      line += (fresh ? "" : " ") + word;
      fresh = false;
    }
    if (end < text.size() && text[end] == '\n') {
      result += line + "\n";
      line = indent;
      fresh = true;
    }
    at = end + 1;
  }
  return result + line;
}

std::string cell_markdown(const TableCell& cell, const TableColumn& column) {
  std::string text = cell_text(cell, column.digits, column.as_count), result;
  for (char c : text) {
    if (c == '|') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

std::string assumption_line(const Assumption& assumption) {
  const std::string value =
      assumption.value.is_text() ? assumption.value.text()
      : assumption.value.is_number() ? format_number(assumption.value.number()) : to_json(assumption.value, -1);
  return assumption.name + " = " + value + (assumption.unit.empty() ? "" : " " + assumption.unit) + " [" +
         (assumption.source.empty() ? "assumed" : assumption.source) + "]";
}

}  // namespace

std::string cell_text(const TableCell& cell, int digits, bool as_count) {
  if (const auto* text = std::get_if<std::string>(&cell)) return *text;
  if (const auto* number = std::get_if<double>(&cell))
    return as_count ? format_count(*number, digits) : format_number(*number, digits);
  if (const auto* whole = std::get_if<std::int64_t>(&cell))
    return as_count ? format_count(static_cast<double>(*whole), digits) : std::to_string(*whole);
  if (const auto* truth = std::get_if<bool>(&cell)) return *truth ? "yes" : "no";
  return "-";
}

std::string table_text(const ReportTable& table, std::size_t width) {
  const std::size_t n = table.columns.size();
  std::vector<std::vector<std::string>> texts;
  std::vector<std::size_t> widths(n);
  for (std::size_t c = 0; c < n; ++c) widths[c] = display_width(table.columns[c].heading);
  for (const auto& row : table.rows) {
    auto& line = texts.emplace_back();
    for (std::size_t c = 0; c < n; ++c) {
      line.push_back(cell_text(row[c], table.columns[c].digits, table.columns[c].as_count));
      widths[c] = std::max(widths[c], display_width(line.back()));
    }
  }
  // Too wide for the terminal: text columns give way, the widest first; numbers are never cut.
  const auto total = [&] {
    std::size_t sum = n > 0 ? 2 * (n - 1) : 0;
    for (std::size_t w : widths) sum += w;
    return sum;
  };
  while (width > 0 && total() > width) {
    std::size_t widest = n;
    for (std::size_t c = 0; c < n; ++c)
      if (table.columns[c].align == Align::Left && widths[c] > 16 && (widest == n || widths[c] > widths[widest]))
        widest = c;
    if (widest == n) break;
    --widths[widest];
  }
  std::string result;
  if (!table.title.empty()) result += table.title + "\n";
  const auto emit = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (std::size_t c = 0; c < n; ++c)
      line += (c == 0 ? "" : "  ") + padded(shortened(cells[c], widths[c]), widths[c], table.columns[c].align);
    while (!line.empty() && line.back() == ' ') line.pop_back();
    result += line + "\n";
  };
  std::vector<std::string> headings, rules;
  for (std::size_t c = 0; c < n; ++c) {
    headings.push_back(table.columns[c].heading);
    rules.push_back(std::string(widths[c], '-'));
  }
  emit(headings);
  emit(rules);
  for (const auto& line : texts) emit(line);
  if (!table.note.empty()) result += wrapped(table.note, width ? width : 100, "") + "\n";
  return result;
}

std::string table_csv(const ReportTable& table) {
  std::string result;
  for (std::size_t c = 0; c < table.columns.size(); ++c)
    result +=
        (c == 0 ? "" : ",") + csv_cell(table.columns[c].key.empty() ? table.columns[c].heading : table.columns[c].key);
  result += "\n";
  for (const auto& row : table.rows) {
    for (std::size_t c = 0; c < row.size(); ++c) result += (c == 0 ? "" : ",") + cell_csv(row[c]);
    result += "\n";
  }
  return result;
}

std::string table_markdown(const ReportTable& table) {
  std::string result;
  if (!table.title.empty()) result += "**" + table.title + "**\n\n";
  std::string rule = "|";
  result += "|";
  for (const auto& column : table.columns) {
    result += " " + column.heading + " |";
    rule += column.align == Align::Left ? " --- |" : " ---: |";
  }
  result += "\n" + rule + "\n";
  for (const auto& row : table.rows) {
    result += "|";
    for (std::size_t c = 0; c < row.size(); ++c) result += " " + cell_markdown(row[c], table.columns[c]) + " |";
    result += "\n";
  }
  if (!table.note.empty()) result += "\n" + table.note + "\n";
  return result;
}

std::string write_json(const Report& report, const ToolFacts& tool, const std::vector<std::string>& command_line,
                       std::uint64_t seed) {
  std::string schema = "isoflop." + report.command + "/1";
  std::replace(schema.begin(), schema.end(), ' ', '-');
  Value envelope = Value::object();
  envelope["schema"] = schema;
  envelope["tool"] = Value::object({{"version", tool.version}, {"git", tool.git}, {"compiler", tool.compiler}});
  envelope["command"] = Value(command_line);
  envelope["seed"] = static_cast<std::int64_t>(seed);
  Value inputs = Value::array();
  for (const auto& input : report.inputs)
    inputs.push_back(Value::object({{"path", input.path}, {"sha256", input.sha256},
                                    {"rows_used", input.rows_used}, {"rows_dropped", input.rows_dropped}}));
  envelope["inputs"] = inputs;
  Value assumptions = Value::array();
  for (const auto& assumption : report.assumptions)
    assumptions.push_back(Value::object({{"name", assumption.name}, {"value", assumption.value},
                                         {"unit", assumption.unit},
                                         {"source", assumption.source.empty() ? "assumed" : assumption.source}}));
  envelope["assumptions"] = assumptions;
  envelope["result"] = report.result;
  Value warnings(report.warnings);
  if (!report.distrust.empty()) warnings.push_back("not trustworthy: " + report.distrust);
  if (warnings.is_null()) warnings = Value::array();
  envelope["warnings"] = warnings;
  return to_json(envelope) + "\n";
}

std::string write_text(const Report& report, bool explain, std::size_t width, bool colour) {
  if (report.raw_text) return *report.raw_text;
  const std::size_t wrap = width ? std::min<std::size_t>(width, 110) : 100;
  const std::string bold = colour ? "\x1b[1m" : "", plain = colour ? "\x1b[0m" : "";
  std::string result;
  if (!report.headline.empty()) result += bold + wrapped(report.headline, wrap, "") + plain + "\n\n";
  for (const auto& message : report.messages) {
    const std::string text = wrapped(message, wrap, "    ");
    result += text.substr(std::min<std::size_t>(4, text.size())) + "\n";
  }
  bool first = report.messages.empty();
  for (const auto& table : report.tables) {
    result += (first ? "" : "\n") + table_text(table, width);
    first = false;
  }
  if (explain) {
    for (const auto& table : report.explanation) result += "\n" + table_text(table, width);
    if (!report.assumptions.empty()) result += "\nAssumptions\n";
    for (const auto& assumption : report.assumptions) result += wrapped(assumption_line(assumption), wrap, "  ") + "\n";
  }
  if (!report.warnings.empty() || !report.distrust.empty()) result += "\n";
  for (const auto& warning : report.warnings) result += wrapped("Note: " + warning, wrap, "") + "\n";
  if (!report.distrust.empty())
    result += bold + wrapped("Not trustworthy: " + report.distrust, wrap, "") + plain + "\n";
  if (report.seed) result += fmt::format("seed {}\n", *report.seed);
  return result;
}

std::string write_csv(const Report& report) {
  if (report.raw_text) return *report.raw_text;
  if (report.data_table) return table_csv(*report.data_table);
  return report.tables.empty() ? std::string() : table_csv(report.tables.front());
}

std::string write_markdown(const Report& report, bool explain) {
  if (report.raw_text) return *report.raw_text;
  std::string result;
  if (!report.headline.empty()) result += report.headline + "\n\n";
  for (const auto& message : report.messages) result += "- " + message + "\n";
  if (!report.messages.empty()) result += "\n";
  for (const auto& table : report.tables) result += table_markdown(table) + "\n";
  if (explain) {
    for (const auto& table : report.explanation) result += table_markdown(table) + "\n";
    for (const auto& assumption : report.assumptions) result += "- " + assumption_line(assumption) + "\n";
    if (!report.assumptions.empty()) result += "\n";
  }
  for (const auto& warning : report.warnings) result += "> " + warning + "\n";
  if (!report.distrust.empty()) result += "> **Not trustworthy:** " + report.distrust + "\n";
  return result;
}

}  // namespace isoflop
