#include "isoflop/sim/footprint/distribution.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

void require(bool condition, const std::string& problem) {
  if (!condition) throw Error(Fault::BadInput, problem);
}

double triangular_quantile(double p, double low, double mode, double high) {
  if (high <= low) return mode;
  const double split = (mode - low) / (high - low);
  return p < split ? low + std::sqrt(p * (high - low) * (mode - low))
                   : high - std::sqrt((1 - p) * (high - low) * (high - mode));
}

}  // namespace

Distribution Distribution::fixed(double value) {
  require(std::isfinite(value), "a fixed value must be finite");
  return {Shape::Fixed, {value}};
}

Distribution Distribution::normal(double mean, double standard_deviation) {
  require(std::isfinite(mean) && standard_deviation >= 0, "a normal needs a mean and a standard deviation >= 0");
  return {Shape::Normal, {mean, standard_deviation}};
}

Distribution Distribution::lognormal(double median, double sigma_ln) {
  require(median > 0 && sigma_ln >= 0, "a lognormal needs a median > 0 and a sigma >= 0");
  return {Shape::Lognormal, {median, sigma_ln}};
}

Distribution Distribution::triangular(double low, double mode, double high) {
  require(low <= mode && mode <= high && std::isfinite(high - low),
          fmt::format("a triangle needs low <= mode <= high, not {}, {}, {}", low, mode, high));
  return {Shape::Triangular, {low, mode, high}};
}

Distribution Distribution::uniform(double low, double high) {
  require(low <= high && std::isfinite(high - low), fmt::format("a range needs low <= high, not {} and {}", low, high));
  return {Shape::Uniform, {low, high}};
}

Distribution Distribution::empirical(std::vector<double> sample) {
  require(!sample.empty(), "an empirical distribution needs at least one value");
  std::sort(sample.begin(), sample.end());
  return {Shape::Empirical, std::move(sample)};
}

Distribution Distribution::parse(std::string_view text, std::string_view what) {
  const auto refuse = [&] {
    return Error(Fault::Usage,
                 fmt::format("{}: \"{}\" is no number, LOW:HIGH, LOW:MODE:HIGH, or MEAN+-SD", what, text));
  };
  const auto number = [&](std::string_view part) {
    const auto value = parse_number(part);
    if (!value) throw refuse();
    return *value;
  };
  if (const auto at = text.find("+-"); at != std::string_view::npos) {
    const double mean = number(text.substr(0, at));
    std::string_view spread = text.substr(at + 2);
    const bool percent = !spread.empty() && spread.back() == '%';
    if (percent) spread.remove_suffix(1);
    const double deviation = number(spread) * (percent ? std::fabs(mean) / 100 : 1);
    if (deviation < 0) throw refuse();
    return normal(mean, deviation);
  }
  std::vector<double> values;
  for (std::size_t start = 0;;) {
    const auto colon = text.find(':', start);
    values.push_back(number(text.substr(start, colon == std::string_view::npos ? colon : colon - start)));
    if (colon == std::string_view::npos) break;
    start = colon + 1;
  }
  if (values.size() > 3 || !std::is_sorted(values.begin(), values.end())) throw refuse();
  if (values.size() == 1) return fixed(values[0]);
  if (values.size() == 2) return uniform(values[0], values[1]);
  return triangular(values[0], values[1], values[2]);
}

double Distribution::quantile(double p) const {
  const double value = unbounded_quantile(p);
  return bounds_ ? std::clamp(value, bounds_->first, bounds_->second) : value;
}

double Distribution::unbounded_quantile(double p) const {
  switch (shape_) {
    case Shape::Fixed:
      return values_[0];
    case Shape::Normal:
      return values_[0] + values_[1] * normal_quantile(p);
    case Shape::Lognormal:
      return values_[0] * std::exp(values_[1] * normal_quantile(p));
    case Shape::Triangular:
      return triangular_quantile(p, values_[0], values_[1], values_[2]);
    case Shape::Uniform:
      return values_[0] + p * (values_[1] - values_[0]);
    case Shape::Empirical:
      break;
  }
  const double position = p * static_cast<double>(values_.size() - 1);
  const auto below = std::min(static_cast<std::size_t>(position), values_.size() - 1);
  const auto above = std::min(below + 1, values_.size() - 1);
  return values_[below] + (position - static_cast<double>(below)) * (values_[above] - values_[below]);
}

Distribution Distribution::within(double low, double high) const {
  require(low <= high, "bounds need low <= high");
  Distribution copy = *this;
  copy.bounds_ = {low, high};
  return copy;
}

double Distribution::lowest() const {
  double value = values_[0];
  if (shape_ == Shape::Normal && values_[1] > 0) value = -std::numeric_limits<double>::infinity();
  if (shape_ == Shape::Lognormal && values_[1] > 0) value = 0;
  return bounds_ ? std::clamp(value, bounds_->first, bounds_->second) : value;
}

std::string Distribution::text() const {
  const auto list = [&] {
    std::string words;
    for (double value : values_) words += (words.empty() ? "" : ", ") + format_number(value);
    return words;
  };
  switch (shape_) {
    case Shape::Fixed:
      return format_number(values_[0]);
    case Shape::Normal:
      return "normal, mean " + format_number(values_[0]) + ", sd " + format_number(values_[1]);
    case Shape::Lognormal:
      return "lognormal, median " + format_number(values_[0]) + ", sd of ln " + format_number(values_[1]);
    case Shape::Triangular:
      return "triangular " + list();
    case Shape::Uniform:
      return "uniform " + list();
    case Shape::Empirical:
      break;
  }
  return "observed " + list();
}

Distribution Distribution::scaled(double factor) const {
  require(factor > 0 && std::isfinite(factor), "a distribution is scaled by a positive factor");
  Distribution copy = *this;
  if (shape_ == Shape::Lognormal)
    copy.values_[0] *= factor;
  else
    for (double& value : copy.values_) value *= factor;
  if (copy.bounds_) copy.bounds_ = {copy.bounds_->first * factor, copy.bounds_->second * factor};
  return copy;
}

}  // namespace isoflop::sim
