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
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isoflop::fits {

enum class LossKind { LeastSquares, Huber, SoftL1, Cauchy, Bisquare };  ///< The forms above, by name.

struct RobustLoss {
  LossKind kind = LossKind::LeastSquares;
  double scale = 1;  ///< s above, > 0; not used by least squares

  double value(double residual) const;  ///< rho(r) as above.
  /// value'(r) / (2 r): the weight of the point in iteratively reweighted least squares, 1 at r = 0.
  double weight(double residual) const {
    const double u = residual / scale, square = u * u;
    switch (kind) {
      case LossKind::LeastSquares: return 1;
      case LossKind::Huber: return square <= 1 ? 1 : 1 / std::fabs(u);
      case LossKind::SoftL1: return 1 / std::sqrt(1 + square);
      case LossKind::Cauchy: return 1 / (1 + square);
      case LossKind::Bisquare: return square < 1 ? (1 - square) * (1 - square) : 0;
    }
    return 0;
  }
  /// value''(r) / 2, but at least a tenth of the weight: curvature of the loss for Newton's method, kept positive where
  /// the loss bends down. Reweighting alone (curvature = weight) takes several times the steps.
  double curvature(double residual) const {
    const double u = residual / scale, square = u * u, least = 0.1 * weight(residual);
    switch (kind) {
      case LossKind::LeastSquares: return 1;
      case LossKind::Huber: return square <= 1 ? 1 : least;
      case LossKind::SoftL1: return std::max(least, 1 / ((1 + square) * std::sqrt(1 + square)));
      case LossKind::Cauchy: return std::max(least, (1 - square) / ((1 + square) * (1 + square)));
      case LossKind::Bisquare: return std::max(least, square < 1 ? (1 - square) * (1 - 5 * square) : 0);
    }
    return 0;
  }
};

/// Weighted sum of a loss. A sum of logarithms is the logarithm of a product, which saves the Cauchy loss most of its
/// time: half of a bootstrap was spent in log1p. Small terms go by their series, where the product would lose digits.
class LossSum {
 public:
  explicit LossSum(const RobustLoss& loss) : loss_(loss), square_scale_(loss.scale * loss.scale) {}

  void add(double weight, double residual) {  ///< Adds weight x rho(residual).
    if (loss_.kind == LossKind::LeastSquares) {
      sum_ += weight * residual * residual;
    } else if (loss_.kind != LossKind::Cauchy) {
      sum_ += weight * loss_.value(residual);
    } else {
      const double square = residual * residual / square_scale_;
      if (square < 1e-3) {
        logarithms_ += weight * square * (1 - square * (1. / 2 - square * (1. / 3 - square * (1. / 4 - square / 5))));
      } else if (square > 1e75) {
        logarithms_ += weight * std::log1p(square);
      } else if (weight == 1) {
        product_ *= 1 + square;
        if (product_ > 1e150) flush();
      } else if (weight != 2) {
        logarithms_ += weight * std::log1p(square);
      } else {
        product_ *= (1 + square) * (1 + square);
        if (product_ > 1e150) flush();
      }
    }
  }
  double total() {  ///< The sum so far.
    if (loss_.kind != LossKind::Cauchy) return sum_;
    flush();
    return square_scale_ * logarithms_;
  }

 private:
  void flush() {
    logarithms_ += std::log(product_);
    product_ = 1;
  }

  const RobustLoss loss_;
  double square_scale_, sum_ = 0, logarithms_ = 0, product_ = 1;
};

/// "least-squares", "huber", "soft-l1", "cauchy", "bisquare".
std::string loss_name(LossKind kind);
std::optional<LossKind> find_loss(std::string_view name);
std::vector<std::string> loss_names();

/// Scale that gives 95 % efficiency on normal errors of standard deviation `sigma` (soft-L1: sigma itself).
/// Constants 1.345, 2.385, 4.685: Holland & Welsch 1977, doi:10.1080/03610927708827533.
double tuned_scale(LossKind kind, double sigma);

}  // namespace isoflop::fits
