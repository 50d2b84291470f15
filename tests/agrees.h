// How numbers are compared in tests: by matching digits, never by doctest::Approx, whose scale is absolute.
#pragma once
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>

/// Matching significant digits of `actual` and `expected`: -log10 |actual - expected| / |expected|, at most 17.
inline double matching_digits(double actual, double expected) {
  if (!(std::isfinite(actual) && std::isfinite(expected))) return actual == expected ? 17 : -1;
  if (actual == expected) return 17;
  const double scale = expected != 0 ? std::fabs(expected) : 1;
  return std::min(17.0, -std::log10(std::fabs(actual - expected) / scale));
}

struct Agreement {
  double actual, expected, digits;
  explicit operator bool() const { return matching_digits(actual, expected) >= digits; }
};

inline doctest::String toString(const Agreement& a) {
  const std::string text = std::to_string(a.actual) + " and " + std::to_string(a.expected) + " agree to " +
                           std::to_string(matching_digits(a.actual, a.expected)) + " digits, wanted " +
                           std::to_string(a.digits);
  return text.c_str();
}

/// CHECK(agrees(x, 3.14159, 5)): at least five matching digits.
inline Agreement agrees(double actual, double expected, double digits) { return {actual, expected, digits}; }
