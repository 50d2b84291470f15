// A quantity we only know within bounds, as a distribution that is drawn by its quantile function: one uniform number
// gives one draw, so that two runs which differ in one input share all other draws.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace isoflop::sim {

class Distribution {
 public:
  static Distribution fixed(double value);  ///< One value.
  static Distribution normal(double mean, double standard_deviation);  ///< By mean and standard deviation.
  /// exp of a normal: `sigma_ln` is the standard deviation of the logarithm.
  static Distribution lognormal(double median, double sigma_ln);
  static Distribution triangular(double low, double mode, double high);
  static Distribution uniform(double low, double high);
  /// Piecewise linear between the order statistics of a sample (type 7 quantiles): never beyond what was observed.
  static Distribution empirical(std::vector<double> sample);
  /// "1.4" fixed; "1.1:1.3" uniform; "1.2:1.4:1.82" triangular; "0.383+-4%" or "0.383+-0.015" normal (one standard
  /// deviation). Numbers may carry suffixes ("30.84M"). Throws Error (Usage) naming `what`.
  static Distribution parse(std::string_view text, std::string_view what);

  /// p in (0, 1).
  double quantile(double p) const;
  double median() const { return quantile(0.5); }
  bool is_fixed() const { return shape_ == Shape::Fixed; }
  /// Smallest value that can be drawn; minus infinity for a normal.
  double lowest() const;
  /// The same with draws beyond [low, high] set to the bound. Meant for the far tails of a normal.
  Distribution within(double low, double high) const;
  /// "triangular 1.2, 1.4, 1.82"
  std::string text() const;
  /// The same shape with every value multiplied by a positive factor.
  Distribution scaled(double factor) const;

 private:
  enum class Shape { Fixed, Normal, Lognormal, Triangular, Uniform, Empirical };
  Distribution(Shape shape, std::vector<double> values) : shape_(shape), values_(std::move(values)) {}
  double unbounded_quantile(double p) const;
  Shape shape_;
  std::vector<double> values_;
  std::optional<std::pair<double, double>> bounds_;
};

}  // namespace isoflop::sim
