#include "isoflop/fits/scored_model.h"

#include <cmath>
#include <cstdio>


namespace isoflop::fits {
namespace {

bool leap(int year) { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0; }

constexpr int days_of_month[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

int month_length(int year, int month) { return days_of_month[month - 1] + (month == 2 && leap(year) ? 1 : 0); }

std::optional<int> digits(const std::string& text, std::size_t from, std::size_t count) {
  if (text.size() < from + count) return std::nullopt;
  int value = 0;
  for (std::size_t i = from; i < from + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return std::nullopt;
    value = value * 10 + (text[i] - '0');
  }
  return value;
}

}  // namespace

std::optional<double> decimal_year(const std::string& iso_date) {
  const auto year = digits(iso_date, 0, 4);
  if (!year) return std::nullopt;
  if (iso_date.size() == 4) return *year + 0.5;
  const auto month = digits(iso_date, 5, 2);
  if (iso_date[4] != '-' || !month || *month < 1 || *month > 12) return std::nullopt;
  int before = 0;
  for (int m = 1; m < *month; ++m) before += month_length(*year, m);
  const double length = leap(*year) ? 366 : 365;
  if (iso_date.size() == 7) return *year + (before + month_length(*year, *month) / 2.0) / length;
  const auto day = digits(iso_date, 8, 2);
  if (iso_date.size() != 10 || iso_date[7] != '-' || !day || *day < 1 || *day > month_length(*year, *month))
    return std::nullopt;
  return *year + (before + *day - 0.5) / length;
}

std::string iso_date(double decimal) {
  int year = static_cast<int>(std::floor(decimal));
  int day = static_cast<int>(std::floor((decimal - year) * (leap(year) ? 366 : 365) + 1e-6));
  int month = 1;
  while (month < 12 && day >= month_length(year, month)) day -= month_length(year, month++);
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, day + 1);
  return text;
}

}  // namespace isoflop::fits
