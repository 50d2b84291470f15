#include "isoflop/sim/requests/trace.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <string>

#include "isoflop/error.h"
#include "isoflop/number_text.h"

namespace isoflop::sim {
namespace {

constexpr double longest_trace_s = 3.2e9;  // a century

std::optional<int> digits(std::string_view text) {
  if (text.empty() || text.size() > 9) return std::nullopt;
  int value = 0;
  for (char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = 10 * value + (c - '0');
  }
  return value;
}

std::int64_t tokens(const CsvTable& table, std::size_t row, std::size_t column) {
  const auto value = table.whole(row, column);
  if (!value) table.reject(row, column, "is empty, expected a number of tokens");
  if (*value < 0 || *value > longest_trace_request)
    table.reject(row, column,
                 std::to_string(*value) + " is not between 0 and " + std::to_string(longest_trace_request) + " tokens");
  return *value;
}

std::size_t needed(const CsvTable& table, const std::vector<std::string>& spellings, const std::string& what) {
  const auto found = table.find_any(spellings);
  if (found) return *found;
  std::string columns;
  for (const auto& name : table.columns()) columns += (columns.empty() ? "" : ", ") + name;
  throw Error(Fault::BadInput, table.name() + ":1:1: no column with the " + what + "; expected " + spellings[0] +
                                   " or " + spellings[1] + ", found " + columns);
}

}  // namespace

std::optional<double> parse_timestamp_s(std::string_view text) {
  if (!text.empty() && text.back() == 'Z') text.remove_suffix(1);
  if (text.ends_with("+00:00")) text.remove_suffix(6);
  if (text.size() < 19 || text[4] != '-' || text[7] != '-' || (text[10] != ' ' && text[10] != 'T') || text[13] != ':' ||
      text[16] != ':')
    return std::nullopt;
  const auto year = digits(text.substr(0, 4)), month = digits(text.substr(5, 2)), day = digits(text.substr(8, 2)),
             hour = digits(text.substr(11, 2)), minute = digits(text.substr(14, 2)),
             second = digits(text.substr(17, 2));
  if (!year || !month || !day || !hour || !minute || !second || *hour > 23 || *minute > 59 || *second > 60)
    return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  double fraction = 0;
  if (text.size() > 19) {
    if (text[19] != '.' || !digits(text.substr(20))) return std::nullopt;
    fraction = *digits(text.substr(20)) / std::pow(10.0, static_cast<double>(text.size() - 20));
  }
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return 86400.0 * static_cast<double>(days) + 3600.0 * *hour + 60.0 * *minute + *second + fraction;
}

Trace read_trace(const CsvTable& table) {
  const std::size_t prompt =
      needed(table, {"ContextTokens", "prompt_tokens", "input_tokens", "num_prefill_tokens", "prompt"},
             "tokens of the prompt");
  const std::size_t output =
      needed(table, {"GeneratedTokens", "output_tokens", "generate_tokens", "num_decode_tokens", "output"},
             "tokens generated");
  const auto time =
      table.find_any({"TIMESTAMP", "arrival_s", "arrived_at", "arrival", "arrival_time", "time", "time_s"});
  const auto prefix = table.find_any({"prefix_hash", "prefix_id", "prefix"});
  const auto shared = table.find_any({"prefix_tokens", "shared_tokens"});
  if (shared && !prefix)
    throw Error(Fault::BadInput, table.name() + ":1:1: column prefix_tokens needs a column prefix_hash beside it");
  Trace trace;
  trace.has_times = time.has_value();
  std::map<std::string, std::int64_t, std::less<>> prefixes;
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    Request r;
    r.prompt = tokens(table, row, prompt);
    r.output = tokens(table, row, output);
    if (time) {
      const std::string_view text = table.text(row, *time);
      const auto seconds = parse_plain_number(text);
      const auto stamp = seconds ? seconds : parse_timestamp_s(text);
      if (!stamp)
        table.reject(
            row, *time,
            "\"" + std::string(text.substr(0, 40)) + "\" is neither seconds nor a date such as 2023-11-16 18:15:46.68");
      r.arrival_s = *stamp;
    }
    if (prefix && !table.text(row, *prefix).empty()) {
      r.prefix = prefixes.try_emplace(std::string(table.text(row, *prefix)), static_cast<std::int64_t>(prefixes.size()))
                     .first->second;
      r.prefix_tokens = r.prompt;
      if (shared && !table.text(row, *shared).empty())
        r.prefix_tokens = std::min(tokens(table, row, *shared), r.prompt);
    }
    if (r.prompt == 0 || r.output == 0) {
      ++trace.skipped;
      continue;
    }
    trace.requests.push_back(r);
    rows.push_back(row);
  }
  if (trace.requests.empty())
    throw Error(Fault::BadInput,
                table.name() + ":1:1: no request with at least one prompt token and one generated token");
  double first_s = trace.requests.front().arrival_s;
  for (const Request& r : trace.requests) first_s = std::min(first_s, r.arrival_s);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    double& arrival_s = trace.requests[i].arrival_s;
    arrival_s -= first_s;
    if (!(arrival_s <= longest_trace_s))
      table.reject(rows[i], *time, "lies more than a century after the first arrival");
  }
  return trace;
}

}  // namespace isoflop::sim
