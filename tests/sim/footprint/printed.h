// A computed figure as a paper prints it: so many decimals, or so many significant digits below the last.
#pragma once
#include <fmt/format.h>

#include <cmath>
#include <string>

inline std::string printed(double value, int decimals) { return fmt::format("{:.{}f}", value, decimals); }

/// Rounded to tens, hundreds, ...: printed_to(1234, 10) = "1230".
inline std::string printed_to(double value, double unit) {
  return fmt::format("{:.0f}", std::round(value / unit) * unit);
}
