#include "isoflop/fits/robust_loss.h"

#include <cmath>

namespace isoflop::fits {

double RobustLoss::value(double residual) const {
  const double u = residual / scale, square = u * u;
  switch (kind) {
    case LossKind::LeastSquares: return residual * residual;
    case LossKind::Huber: return square <= 1 ? residual * residual : scale * scale * (2 * std::fabs(u) - 1);
    case LossKind::SoftL1: return 2 * scale * scale * (std::sqrt(1 + square) - 1);
    case LossKind::Cauchy: return scale * scale * std::log1p(square);
    case LossKind::Bisquare: {
      const double rest = square < 1 ? 1 - square : 0;
      return scale * scale / 3 * (1 - rest * rest * rest);
    }
  }
  return 0;
}

std::vector<std::string> loss_names() { return {"least-squares", "huber", "soft-l1", "cauchy", "bisquare"}; }

std::string loss_name(LossKind kind) { return loss_names()[static_cast<std::size_t>(kind)]; }

std::optional<LossKind> find_loss(std::string_view name) {
  const auto names = loss_names();
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<LossKind>(i);
  return std::nullopt;
}

double tuned_scale(LossKind kind, double sigma) {
  switch (kind) {
    case LossKind::Huber: return 1.345 * sigma;
    case LossKind::Cauchy: return 2.385 * sigma;
    case LossKind::Bisquare: return 4.685 * sigma;
    case LossKind::LeastSquares:
    case LossKind::SoftL1: break;
  }
  return sigma;
}

}  // namespace isoflop::fits
