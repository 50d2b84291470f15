#include "isoflop/catalogue/csv_table.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>

#define CSV_IO_NO_THREAD
#include <libfccp/csv.h>
#include <unistd.h>

#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sha256.h"

namespace isoflop {

struct CsvTable::Content {
  std::string name;
  std::string text;  // cells point into it; unescaping happens in place
  std::string sha256;
  std::vector<std::string> columns;
  std::vector<std::string_view> cells;
  std::vector<std::size_t> lines;
};

namespace {

using Quoting = io::double_quote_escape<',', '"'>;

std::string comparable(std::string_view name) {
  std::string result;
  for (char c : name)
    if (c != ' ' && c != '_' && c != '-') result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// One record: from `begin` to the first line end outside quotes, which is overwritten by a terminator.
struct Record {
  char* begin;
  char* next;
  std::size_t line_breaks;
};

Record cut_record(char* begin, char* end, const std::string& name, std::size_t line) {
  bool quoted = false;
  std::size_t breaks = 0;
  char* at = begin;
  for (; at != end; ++at) {
    if (*at == '"') quoted = !quoted;
    if (*at == '\n') {
      ++breaks;
      if (!quoted) break;
    }
  }
  if (quoted)
    throw Error(Fault::BadInput,
                name + ":" + std::to_string(line) + ": a quoted cell that starts in this row is not closed");
  char* next = at == end ? end : at + 1;
  *at = '\0';
  if (at != begin && at[-1] == '\r') at[-1] = '\0';
  return {begin, next, breaks};
}

std::vector<std::string_view> cut_cells(char* at) {
  std::vector<std::string_view> cells;
  while (true) {
    char* cell_end = const_cast<char*>(Quoting::find_next_column_end(at));
    const bool last = *cell_end == '\0';
    *cell_end = '\0';
    char* begin = at;
    char* after = cell_end;
    io::trim_chars<' ', '\t'>::trim(begin, after);
    Quoting::unescape(begin, after);
    cells.emplace_back(begin, static_cast<std::size_t>(after - begin));
    if (last) return cells;
    at = cell_end + 1;
  }
}

}  // namespace

CsvTable CsvTable::parse(std::string text, std::string name) {
  auto content = std::make_shared<Content>();
  content->sha256 = sha256_hex(text);
  content->text = std::move(text);
  content->name = std::move(name);
  std::string& bytes = content->text;
  if (bytes.find('\0') != std::string::npos)
    throw Error(Fault::BadInput, content->name + ": contains zero bytes; expected a CSV text file");
  std::size_t start = 0;
  if (bytes.rfind("\xEF\xBB\xBF", 0) == 0) start = 3;
  // A lone carriage return as line end (old Macintosh files) becomes an ordinary one.
  if (bytes.find('\n') == std::string::npos) std::replace(bytes.begin(), bytes.end(), '\r', '\n');
  char* at = bytes.data() + start;
  char* const end = bytes.data() + bytes.size();
  std::size_t line = 1;
  while (at != end) {
    const Record record = cut_record(at, end, content->name, line);
    const std::size_t record_line = line;
    line += record.line_breaks;
    at = record.next;
    const std::string_view whole(record.begin);
    if (trimmed(whole).empty() || whole.front() == '#') continue;
    std::vector<std::string_view> cells;
    try {
      cells = cut_cells(record.begin);
    } catch (const io::error::base&) {
      throw Error(Fault::BadInput, content->name + ":" + std::to_string(record_line) + ": a quoted cell is not closed");
    }
    if (content->columns.empty()) {
      for (std::size_t c = 0; c < cells.size(); ++c) {
        const std::string column(trimmed(cells[c]));
        if (std::any_of(column.begin(), column.end(), [](unsigned char ch) { return ch < 0x20; }))
          throw Error(Fault::BadInput, content->name + ":" + std::to_string(record_line) +
                                           ": the header holds control characters; expected column names");
        if (!column.empty() &&
            std::find(content->columns.begin(), content->columns.end(), column) != content->columns.end())
          throw Error(Fault::BadInput,
                      content->name + ":" + std::to_string(record_line) + ": column \"" + column + "\" is named twice");
        content->columns.push_back(column);
      }
      continue;
    }
    if (cells.size() != content->columns.size())
      throw Error(Fault::BadInput, content->name + ":" + std::to_string(record_line) + ": " +
                                       std::to_string(cells.size()) + " cells where the header has " +
                                       std::to_string(content->columns.size()));
    content->cells.insert(content->cells.end(), cells.begin(), cells.end());
    content->lines.push_back(record_line);
  }
  if (content->columns.empty())
    throw Error(Fault::BadInput, content->name + ": is empty; expected a header row with column names");
  CsvTable table;
  table.content_ = std::move(content);
  return table;
}

CsvTable CsvTable::read(const std::string& path) { return parse(read_file(path), path == "-" ? "<stdin>" : path); }

const std::string& CsvTable::name() const { return content_->name; }
std::size_t CsvTable::rows() const { return content_->lines.size(); }
const std::vector<std::string>& CsvTable::columns() const { return content_->columns; }
const std::string& CsvTable::sha256() const { return content_->sha256; }

std::optional<std::size_t> CsvTable::find_column(std::string_view column) const {
  const auto found = std::find(columns().begin(), columns().end(), column);
  if (found == columns().end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns().begin());
}

std::optional<std::size_t> CsvTable::find_any(const std::vector<std::string>& spellings) const {
  for (const auto& spelling : spellings)
    for (std::size_t c = 0; c < columns().size(); ++c)
      if (comparable(columns()[c]) == comparable(spelling)) return c;
  return std::nullopt;
}

std::size_t CsvTable::column(std::string_view wanted) const {
  if (const auto found = find_column(wanted)) return *found;
  const Error unknown = unknown_name("column", wanted, nearest_names(wanted, columns()), Fault::BadInput);
  std::string known;
  for (const auto& c : columns()) known += (known.empty() ? "" : ", ") + c;
  throw Error(Fault::BadInput, name() + ":1: " + unknown.what() + " (the file has: " + known.substr(0, 400) + ")");
}

std::string_view CsvTable::text(std::size_t row, std::size_t column) const {
  return content_->cells[row * columns().size() + column];
}

std::optional<double> CsvTable::number(std::size_t row, std::size_t column) const {
  const std::string_view cell = text(row, column);
  if (trimmed(cell).empty()) return std::nullopt;
  const auto value = parse_plain_number(cell);
  if (!value) reject(row, column, "is not a number");
  return value;
}

double CsvTable::required_number(std::size_t row, std::size_t column) const {
  const auto value = number(row, column);
  if (!value) reject(row, column, "is empty; expected a number");
  return *value;
}

std::optional<std::int64_t> CsvTable::whole(std::size_t row, std::size_t column) const {
  const auto value = number(row, column);
  if (!value) return std::nullopt;
  if (*value != std::floor(*value) || std::fabs(*value) > 9e15) reject(row, column, "is not a whole number");
  return static_cast<std::int64_t>(*value);
}

std::optional<bool> CsvTable::truth(std::size_t row, std::size_t column) const {
  const std::string cell = comparable(text(row, column));
  if (cell.empty()) return std::nullopt;
  if (cell == "yes" || cell == "true" || cell == "1") return true;
  if (cell == "no" || cell == "false" || cell == "0") return false;
  reject(row, column, "is neither yes nor no");
}

std::size_t CsvTable::line(std::size_t row) const { return content_->lines[row]; }

void CsvTable::reject(std::size_t row, std::size_t column, const std::string& problem) const {
  const std::string cell(text(row, column).substr(0, 80));
  throw Error(Fault::BadInput, name() + ":" + std::to_string(line(row)) + ":" + std::to_string(column + 1) +
                                   ": column \"" + columns()[column] + "\": " +
                                   (cell.empty() ? "the cell " : "\"" + cell + "\" ") + problem);
}

void CsvTable::reject_row(std::size_t row, const std::string& problem) const {
  throw Error(Fault::BadInput, name() + ":" + std::to_string(line(row)) + ": " + problem);
}

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\n\r") == std::string_view::npos && (text.empty() || text.front() != '#'))
    return std::string(text);
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string read_file(const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  errno = 0;
  std::FILE* file = std::fopen(path.c_str(), "rb");
  if (!file) throw Error(Fault::CannotRun, path + ": cannot be opened: " + std::strerror(errno));
  std::string bytes;
  std::array<char, 1 << 16> buffer;
  while (const std::size_t got = std::fread(buffer.data(), 1, buffer.size(), file)) bytes.append(buffer.data(), got);
  const bool failed = std::ferror(file) != 0;
  const int reason = errno;
  std::fclose(file);
  if (failed) throw Error(Fault::CannotRun, path + ": cannot be read: " + std::strerror(reason));
  return bytes;
}

void write_file(const std::string& path, std::string_view bytes) {
  const std::string temporary = path + ".part" + std::to_string(::getpid());
  const auto fail = [&](const char* what) {
    const int reason = errno;
    std::remove(temporary.c_str());
    throw Error(Fault::CannotRun, path + ": " + what + ": " + std::strerror(reason));
  };
  std::FILE* file = std::fopen(temporary.c_str(), "wb");
  if (!file) fail("cannot be written");
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
  const bool closed = std::fclose(file) == 0;
  if (!written || !closed) fail("cannot be written");
  if (std::rename(temporary.c_str(), path.c_str()) != 0) fail("cannot be put in place");
}

}  // namespace isoflop
