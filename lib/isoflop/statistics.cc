#include "isoflop/statistics.h"

#include <algorithm>
#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/fisher_f.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <numeric>

#include "isoflop/error.h"

namespace isoflop {
namespace {

void require_values(std::span<const double> sample) {
  if (sample.empty()) throw Error(Fault::CannotRun, "a statistic of an empty sample was asked for");
}

std::vector<double> mid_ranks(std::span<const double> sample) {
  const auto order = sorted_order(sample);
  std::vector<double> ranks(sample.size());
  for (std::size_t i = 0; i < order.size();) {
    std::size_t j = i;
    while (j < order.size() && sample[order[j]] == sample[order[i]]) ++j;
    for (std::size_t k = i; k < j; ++k) ranks[order[k]] = 0.5 * static_cast<double>(i + j - 1);
    i = j;
  }
  return ranks;
}

}  // namespace

double mean(std::span<const double> sample) {
  require_values(sample);
  return std::accumulate(sample.begin(), sample.end(), 0.0) / static_cast<double>(sample.size());
}

double standard_deviation(std::span<const double> sample) {
  const double center = mean(sample);
  if (sample.size() < 2) return 0;
  double sum = 0;
  for (double x : sample) sum += (x - center) * (x - center);
  return std::sqrt(sum / static_cast<double>(sample.size() - 1));
}

double median(std::span<const double> sample) { return quantile(sample, 0.5); }

double quantile(std::span<const double> sample, double p) {
  require_values(sample);
  std::vector<double> values(sample.begin(), sample.end());
  const double place = std::clamp(p, 0.0, 1.0) * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(values.begin(), at, values.end());
  if (below + 1 == values.size()) return *at;
  const double next = *std::min_element(at + 1, values.end());
  return *at + (place - static_cast<double>(below)) * (next - *at);
}

double scaled_mad(std::span<const double> sample, double center) {
  std::vector<double> distances;
  distances.reserve(sample.size());
  for (double x : sample) distances.push_back(std::fabs(x - center));
  return 1.4826 * median(distances);
}

double geometric_mean(std::span<const double> sample) {
  require_values(sample);
  double sum = 0;
  for (double x : sample) sum += std::log(x);
  return std::exp(sum / static_cast<double>(sample.size()));
}

double spearman(std::span<const double> x, std::span<const double> y) {
  const auto rx = mid_ranks(x);
  const auto ry = mid_ranks(y);
  const double mx = mean(rx), my = mean(ry);
  double xy = 0, xx = 0, yy = 0;
  for (std::size_t i = 0; i < rx.size(); ++i) {
    xy += (rx[i] - mx) * (ry[i] - my);
    xx += (rx[i] - mx) * (rx[i] - mx);
    yy += (ry[i] - my) * (ry[i] - my);
  }
  return xx > 0 && yy > 0 ? xy / std::sqrt(xx * yy) : 0;
}

double normal_quantile(double p) { return boost::math::quantile(boost::math::normal(), p); }
double normal_cdf(double z) { return boost::math::cdf(boost::math::normal(), z); }
double student_t_quantile(double p, double df) { return boost::math::quantile(boost::math::students_t(df), p); }
double student_t_cdf(double t, double df) { return boost::math::cdf(boost::math::students_t(df), t); }
double chi_squared_quantile(double p, double df) { return boost::math::quantile(boost::math::chi_squared(df), p); }
double chi_squared_cdf(double x, double df) { return boost::math::cdf(boost::math::chi_squared(df), x); }
double f_cdf(double x, double df1, double df2) { return boost::math::cdf(boost::math::fisher_f(df1, df2), x); }

std::vector<std::size_t> sorted_order(std::span<const double> sample) {
  std::vector<std::size_t> order(sample.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return sample[a] < sample[b]; });
  return order;
}

}  // namespace isoflop
