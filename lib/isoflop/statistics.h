// Sample statistics and distribution quantiles. Inputs must be finite; empty samples throw Error (CannotRun).
#pragma once
#include <span>
#include <vector>

namespace isoflop {

double mean(std::span<const double> sample);  ///< Of a sample that is not empty.
/// Divisor n - 1; 0 for one value.
double standard_deviation(std::span<const double> sample);
double median(std::span<const double> sample);
/// Linear interpolation between order statistics (type 7 of Hyndman & Fan 1996). p in [0, 1].
double quantile(std::span<const double> sample, double p);
/// 1.4826 * median |x - center|: the normal-consistent median absolute deviation.
double scaled_mad(std::span<const double> sample, double center);
double geometric_mean(std::span<const double> sample);
/// Rank correlation with mid-ranks for ties.
double spearman(std::span<const double> x, std::span<const double> y);

double normal_quantile(double p);  ///< z with P(Z <= z) = p for the standard normal, 0 < p < 1.
double normal_cdf(double z);
double student_t_quantile(double p, double degrees_of_freedom);
double student_t_cdf(double t, double degrees_of_freedom);
double chi_squared_quantile(double p, double degrees_of_freedom);
double chi_squared_cdf(double x, double degrees_of_freedom);
double f_cdf(double x, double numerator_df, double denominator_df);

/// Positions that sort the sample ascending; equal values keep their order.
std::vector<std::size_t> sorted_order(std::span<const double> sample);

}  // namespace isoflop
