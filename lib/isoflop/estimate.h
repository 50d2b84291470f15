// A number that admits what it does not know: central value, interval, and where it comes from.
#pragma once
#include <string>

namespace isoflop {

/// low <= central <= high; the interval is 90 % unless the text beside it says otherwise.
/// `origin` says how the number came about, e.g. "bootstrap, 1000 resamples" or a citation.
struct Estimate {
  double low = 0;
  double central = 0;
  double high = 0;
  std::string origin;
  /// Without spread.
  static Estimate exact(double value, std::string origin = {}) { return {value, value, value, std::move(origin)}; }
};

/// A fitted constant: estimate, standard error and interval, all in the constant's own unit.
/// `se`, `low`, `high` are NaN where the data do not give them; writers print null.
struct FittedValue {
  double estimate = 0;
  double se = 0;
  double low = 0;
  double high = 0;
};

}  // namespace isoflop
