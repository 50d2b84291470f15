// Loss functions of a residual: what a far point may cost. Each is r^2 for small residuals, so objectives compare.
//
//   least-squares  r^2
//   huber          r^2 while |r| <= s, then 2 s |r| - s^2            (Huber 1964, doi:10.1214/aoms/1177703732)
//   soft-l1        2 s^2 (sqrt(1 + (r/s)^2) - 1)
//   cauchy         s^2 ln(1 + (r/s)^2)
//   bisquare       s^2/3 (1 - (1 - (r/s)^2)^3), constant beyond s    (Beaton & Tukey 1974, doi:10.2307/1267936)
//
// The scale s has the unit of the residual. Cauchy and bisquare are not convex: fits need several starts.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isoflop::fits {

enum class LossKind { LeastSquares, Huber, SoftL1, Cauchy, Bisquare };

struct RobustLoss {
  LossKind kind = LossKind::LeastSquares;
  double scale = 1;  ///< s above, > 0; not used by least squares

  double value(double residual) const;
  /// value'(r) / (2 r): the weight of the point in iteratively reweighted least squares, 1 at r = 0.
  double weight(double residual) const;
};

/// "least-squares", "huber", "soft-l1", "cauchy", "bisquare".
std::string loss_name(LossKind kind);
std::optional<LossKind> find_loss(std::string_view name);
std::vector<std::string> loss_names();

/// Scale that gives 95 % efficiency on normal errors of standard deviation `sigma` (soft-L1: sigma itself).
/// Constants 1.345, 2.385, 4.685: Holland & Welsch 1977, doi:10.1080/03610927708827533.
double tuned_scale(LossKind kind, double sigma);

}  // namespace isoflop::fits
