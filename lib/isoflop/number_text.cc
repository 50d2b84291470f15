#include "isoflop/number_text.h"

#include <fmt/format.h>

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <utility>

namespace isoflop {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

// Reads the number at the front and leaves the rest in `text`.
std::optional<double> leading_number(std::string_view& text) {
  if (!text.empty() && text.front() == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || !std::isfinite(value)) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

bool is_unit_word(std::string_view text) {
  static constexpr std::array words = {"",      "tok",  "token",  "tokens", "flop",  "flops", "param",
                                       "params", "parameters", "usd", "bytes", "byte"};
  const std::string word = lower(trimmed(text));
  for (std::string_view known : words)
    if (word == known) return true;
  return false;
}

double rounded_to(double value, int digits) {
  // Not strtod: it reads 4.5 as 4 where the program that links isoflop has chosen a locale with a decimal comma.
  const std::string text = fmt::format("{:.{}e}", value, digits - 1);
  double rounded = value;
  std::from_chars(text.data(), text.data() + text.size(), rounded);
  return rounded;
}

}  // namespace

std::optional<double> parse_plain_number(std::string_view text) {
  text = trimmed(text);
  const auto value = leading_number(text);
  if (!value || !text.empty()) return std::nullopt;
  return value;
}

std::optional<double> parse_number(std::string_view text) {
  text = trimmed(text);
  const auto value = leading_number(text);
  if (!value) return std::nullopt;
  text = trimmed(text);
  if (is_unit_word(text)) return value;
  double scale = 0;
  switch (text.front()) {
    case 'k': case 'K': scale = 1e3; break;
    case 'm': case 'M': scale = 1e6; break;
    case 'b': case 'B': case 'g': case 'G': scale = 1e9; break;
    case 't': case 'T': scale = 1e12; break;
    case 'p': case 'P': scale = 1e15; break;
    case 'e': case 'E': scale = 1e18; break;
    default: return std::nullopt;
  }
  text.remove_prefix(1);
  if (!is_unit_word(text)) return std::nullopt;
  const double scaled = *value * scale;
  if (!std::isfinite(scaled)) return std::nullopt;
  return scaled;
}

std::optional<double> parse_duration_s(std::string_view text) {
  text = trimmed(text);
  const auto value = leading_number(text);
  if (!value) return std::nullopt;
  static constexpr std::array<std::pair<std::string_view, double>, 14> units = {{{"", 1}, {"s", 1}, {"ms", 1e-3},
      {"us", 1e-6}, {"ns", 1e-9}, {"min", 60}, {"h", 3600}, {"hours", 3600}, {"hour", 3600}, {"d", 86400},
      {"days", 86400}, {"day", 86400}, {"months", 2629746}, {"y", 31556952}}};
  const std::string unit = lower(trimmed(text));
  for (const auto& [name, seconds] : units)
    if (unit == name) return std::isfinite(*value * seconds) ? std::optional(*value * seconds) : std::nullopt;
  return std::nullopt;
}

std::string format_number(double value, int digits) {
  if (std::isnan(value)) return "-";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == 0) return "0";
  const double magnitude = std::fabs(value);
  std::string text;
  if (magnitude >= 1e6 || magnitude < 1e-4) {
    text = fmt::format("{:.{}e}", value, digits - 1);
    const auto e = text.find('e');
    std::string mantissa = text.substr(0, e);
    if (mantissa.find('.') != std::string::npos) {
      while (mantissa.back() == '0') mantissa.pop_back();
      if (mantissa.back() == '.') mantissa.pop_back();
    }
    return mantissa + "e" + std::to_string(std::stoi(text.substr(e + 1)));
  }
  const int before = static_cast<int>(std::floor(std::log10(magnitude))) + 1;
  const int decimals = digits - before > 0 ? digits - before : 0;
  text = fmt::format("{:.{}f}", value, decimals);
  if (text.find('.') != std::string::npos) {
    while (text.back() == '0') text.pop_back();
    if (text.back() == '.') text.pop_back();
  }
  return text;
}

std::string format_si(double value, std::string_view unit, int digits) {
  if (!std::isfinite(value)) return format_number(value, digits);
  if (value == 0) return "0 " + std::string(unit);
  static constexpr std::array<std::string_view, 14> prefixes = {"n", "u", "m", "", "k", "M", "G",
                                                               "T", "P", "E", "Z", "Y", "R", "Q"};
  // Rounding first keeps 999.96 from printing as 1000 of the lower prefix.
  const double rounded = rounded_to(value, digits);
  int step = static_cast<int>(std::floor(std::log10(std::fabs(rounded)) / 3 + 1e-12));
  step = std::min(10, std::max(-3, step));
  return format_number(rounded / std::pow(1000.0, step), digits) + " " +
         std::string(prefixes[static_cast<std::size_t>(step + 3)]) + std::string(unit);
}

std::string format_count(double value, int digits) {
  if (!std::isfinite(value)) return format_number(value, digits);
  const double rounded = value == 0 ? 0 : rounded_to(value, digits);
  static constexpr std::array<std::pair<double, std::string_view>, 4> scales = {
      {{1e12, "T"}, {1e9, "B"}, {1e6, "M"}, {1e3, "K"}}};
  for (const auto& [scale, suffix] : scales)
    if (std::fabs(rounded) >= scale)
      return std::fabs(rounded) >= 1e6 * scale ? format_number(rounded, digits)
                                               : format_number(rounded / scale, digits) + std::string(suffix);
  return format_number(rounded, digits);
}

std::string format_duration_s(double seconds, int digits) {
  const double magnitude = std::fabs(seconds);
  if (!std::isfinite(seconds)) return format_number(seconds, digits);
  if (magnitude >= 2 * 86400) return format_number(seconds / 86400, digits) + " d";
  if (magnitude >= 2 * 3600) return format_number(seconds / 3600, digits) + " h";
  if (magnitude >= 120) return format_number(seconds / 60, digits) + " min";
  return format_si(seconds, "s", digits);
}

std::string format_bytes(double bytes, int digits) { return format_si(bytes, "B", digits); }

}  // namespace isoflop
