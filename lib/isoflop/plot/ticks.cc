#include "isoflop/plot/ticks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>

#include "isoflop/number_text.h"

namespace isoflop {
namespace {

constexpr std::string_view minus = "\u2212";

std::string superscript(int exponent) {
  static constexpr std::array<std::string_view, 10> digits = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = exponent < 0 ? "⁻" : "";
  for (char c : std::to_string(std::abs(exponent))) text += digits[static_cast<std::size_t>(c - '0')];
  return text;
}

// Digits of |value| with thousands separators, `decimals` behind the point.
std::string grouped(double value, int decimals) {
  std::string text = fmt::format("{:.{}f}", std::fabs(value), decimals);
  const std::size_t whole = std::min(text.find('.'), text.size());
  for (std::size_t at = whole; at > 3; at -= 3) text.insert(at - 3, ",");
  const bool zero = text.find_first_not_of("0.,") == std::string::npos;
  return (value < 0 && !zero ? std::string(minus) : "") + text;
}

std::string with_minus(std::string text) {
  if (!text.empty() && text[0] == '-') text.replace(0, 1, minus);
  return text;
}

int exponent_of(double value) { return static_cast<int>(std::floor(std::log10(std::fabs(value)) + 1e-12)); }

// 2×10²¹; a mantissa of one is left out.
std::string power_text(double value, int digits = 3) {
  if (value == 0) return "0";
  const int exponent = exponent_of(value);
  const std::string mantissa = format_number(std::fabs(value) / std::pow(10.0, exponent), digits);
  const std::string sign = value < 0 ? std::string(minus) : "";
  if (exponent == 0) return sign + mantissa;
  if (mantissa == "1") return sign + "10" + superscript(exponent);
  if (mantissa == "10") return sign + "10" + superscript(exponent + 1);
  return sign + mantissa + "×10" + superscript(exponent);
}

int decimals_of_step(double step) {
  for (int decimals = 0; decimals < 12; ++decimals) {
    const double scaled = step * std::pow(10.0, decimals);
    if (std::fabs(scaled - std::round(scaled)) < 1e-6 * scaled) return decimals;
  }
  return 12;
}

bool keeps_distance(const std::vector<Tick>& ticks, const TickRoom& room) {
  for (std::size_t i = 1; i < ticks.size(); ++i) {
    const double apart = std::fabs(room.place(ticks[i].at) - room.place(ticks[i - 1].at));
    if (apart < room.spacing_px || ticks[i].label == ticks[i - 1].label) return false;
    if (apart < (room.extent(ticks[i].label) + room.extent(ticks[i - 1].label)) / 2 + room.gap_px) return false;
  }
  return true;
}

std::string linear_text(TickStyle style, double value, double step, double largest) {
  if (std::fabs(value) < 1e-9 * step) value = 0;
  const int decimals = decimals_of_step(step);
  // Enough digits to tell neighbours apart; two more than the step's own for steps of 2.5.
  const int digits = std::clamp(exponent_of(largest) - exponent_of(step) + 2, 3, 15);
  if (style == TickStyle::Count) return with_minus(format_count(value, digits));
  if (style == TickStyle::Power) return power_text(value, digits);
  if (style == TickStyle::Auto && (largest >= 1e6 || largest < 1e-3)) return power_text(value, digits);
  return grouped(value, decimals);
}

Ticks linear_ticks(const Axis& axis, double low, double high, const TickRoom& room) {
  const double largest = std::max(std::fabs(low), std::fabs(high));
  const int first = exponent_of(high - low) - 2;
  Ticks best;
  for (int exponent = first; exponent <= first + 4; ++exponent) {
    for (const double mantissa : {1.0, 2.0, 2.5, 5.0}) {
      const double step = mantissa * std::pow(10.0, exponent);
      const double count = (high - low) / step;
      if (count > 200) continue;
      Ticks ticks;
      const double start = std::ceil(low / step - 1e-9);
      for (double k = start; k * step <= high + 1e-9 * step; ++k)
        ticks.major.push_back({k * step, linear_text(axis.ticks, k * step, step, largest)});
      if (keeps_distance(ticks.major, room)) return ticks;
      best = ticks;
    }
  }
  best.major.resize(std::min<std::size_t>(best.major.size(), 1));
  return best;
}

std::string log_text(TickStyle style, double value, bool wide) {
  if (style == TickStyle::Count) return format_count(value, 3);
  if (style == TickStyle::Power || (style == TickStyle::Auto && wide)) return power_text(value);
  if (value >= 1) return grouped(value, decimals_of_step(value));
  return fmt::format("{:.{}f}", value, decimals_of_step(value));
}

Ticks log_ticks(const Axis& axis, double low, double high, const TickRoom& room) {
  const int first = exponent_of(low), last = exponent_of(high) + 1;
  const bool wide = high >= 1e5 || low < 1e-3;
  const double slack = 1e-9;
  const auto inside = [&](double value) { return value >= low * (1 - slack) && value <= high * (1 + slack); };
  static constexpr std::array<std::array<bool, 9>, 3> mantissas = {{
      {true, true, true, true, true, true, true, true, true},
      {true, true, false, false, true, false, false, false, false},
      {true, false, true, false, false, false, false, false, false}}};
  const double decades = std::log10(high / low);
  Ticks ticks;
  const auto marks_between = [&] {
    for (int e = first; e <= last; ++e)
      for (int m = 1; m <= 9; ++m) {
        const double value = m * std::pow(10.0, e);
        const bool taken = std::any_of(ticks.major.begin(), ticks.major.end(),
                                       [&](const Tick& t) { return std::fabs(t.at / value - 1) < 1e-9; });
        if (inside(value) && !taken) ticks.minor.push_back(value);
      }
  };
  if (decades < 0.7) {  // so narrow that round numbers in linear steps say more
    ticks = linear_ticks(axis, low, high, room);
    if (ticks.major.size() >= 2) return ticks;
  }
  if (decades < 3) {
    for (const auto& chosen : mantissas) {
      ticks.major.clear();
      for (int e = first; e <= last; ++e)
        for (std::size_t m = 0; m < 9; ++m) {
          const double value = static_cast<double>(m + 1) * std::pow(10.0, e);
          if (chosen[m] && inside(value)) ticks.major.push_back({value, log_text(axis.ticks, value, wide)});
        }
      if (ticks.major.size() >= 2 && ticks.major.size() <= 8 && keeps_distance(ticks.major, room)) {
        marks_between();
        return ticks;
      }
    }
  }
  for (const int step : {1, 2, 3, 5, 10, 20, 50, 100}) {
    ticks.major.clear();
    for (int e = first; e <= last; ++e)
      if (e % step == 0 && inside(std::pow(10.0, e)))
        ticks.major.push_back({std::pow(10.0, e), log_text(axis.ticks, std::pow(10.0, e), wide)});
    if (!keeps_distance(ticks.major, room)) continue;
    if (step == 1) {
      marks_between();
    } else {
      for (int e = first; e <= last; ++e)
        if (e % step != 0 && inside(std::pow(10.0, e))) ticks.minor.push_back(std::pow(10.0, e));
    }
    break;
  }
  return ticks;
}

Ticks date_ticks(double low, double high, const TickRoom& room) {
  using namespace std::chrono;
  const auto date_of = [](double days) {
    return year_month_day{sys_days{std::chrono::days{static_cast<int>(std::floor(days))}}};
  };
  const auto days_from = [](year_month_day date) {
    return static_cast<double>(sys_days{date}.time_since_epoch().count());
  };
  const int first_year = static_cast<int>(date_of(low).year()), last_year = static_cast<int>(date_of(high).year());
  if (high - low < 90) {
    for (const double step : {1.0, 2.0, 7.0, 14.0, 28.0}) {
      Ticks ticks;
      for (double day = std::ceil(low / step) * step; day <= high; day += step)
        ticks.major.push_back({day, date_text(day)});
      if (keeps_distance(ticks.major, room) && ticks.major.size() >= 2) return ticks;
    }
  }
  for (const unsigned months : {1U, 3U, 6U}) {
    if (high - low > 366 * 12) break;
    Ticks ticks;
    for (int y = first_year; y <= last_year; ++y)
      for (unsigned m = 1; m <= 12; m += months) {
        const double at = days_from(year{y} / month{m} / day{1});
        if (at >= low && at <= high) ticks.major.push_back({at, fmt::format("{:04}-{:02}", y, m)});
      }
    if (keeps_distance(ticks.major, room) && !ticks.major.empty()) return ticks;
  }
  for (const int years : {1, 2, 5, 10, 20, 50, 100}) {
    Ticks ticks;
    for (int y = first_year; y <= last_year + 1; ++y) {
      const double at = days_from(year{y} / January / 1);
      if (at >= low && at <= high && y % years == 0) ticks.major.push_back({at, std::to_string(y)});
      if (years == 1)
        for (unsigned m = 4; m <= 12; m += 3) {
          const double quarter = days_from(year{y} / month{m} / 1);
          if (quarter >= low && quarter <= high) ticks.minor.push_back(quarter);
        }
    }
    if (keeps_distance(ticks.major, room)) return ticks;
  }
  return {};
}

}  // namespace

double days_of_date(int year, int month, int day) {
  return static_cast<double>(std::chrono::sys_days{std::chrono::year{year} / month / day}.time_since_epoch().count());
}

std::string date_text(double days) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{static_cast<int>(std::floor(days))}}};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                     static_cast<unsigned>(date.day()));
}

Ticks make_ticks(const Axis& axis, double low, double high, const TickRoom& room) {
  if (axis.scale == Scale::Log) return log_ticks(axis, low, high, room);
  if (axis.scale == Scale::Date) return date_ticks(low, high, room);
  return linear_ticks(axis, low, high, room);
}

std::string tick_text(const Axis& axis, double value, int digits) {
  if (!std::isfinite(value)) return "-";
  if (axis.scale == Scale::Date) return date_text(value);
  if (axis.ticks == TickStyle::Count) return with_minus(format_count(value, 3));
  const double magnitude = std::fabs(value);
  if (axis.ticks == TickStyle::Power ||
      (axis.ticks == TickStyle::Auto && magnitude > 0 && (magnitude >= 1e6 || magnitude < 1e-4)))
    return power_text(value);
  if (magnitude >= 1000) return grouped(value, 0);
  return with_minus(format_number(value, digits));
}

}  // namespace isoflop
