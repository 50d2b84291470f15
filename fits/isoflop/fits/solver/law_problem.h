// The least-squares-like problem of fitting a law, in the coordinates in which it is solved: logarithms of positive
// parameters, the others as they are. Private to the estimator.
#pragma once
#include <Eigen/Core>

#include "isoflop/fits/law_fit.h"

namespace isoflop::fits {

class LawProblem {
 public:
  LawProblem(const LossLaw& law, const LawData& data, double delta);

  std::size_t rows() const { return data_.size(); }
  Eigen::Index dimension() const { return static_cast<Eigen::Index>(law_.facts().parameters.size()); }
  double weight(std::size_t row) const { return data_.weights.empty() ? 1 : data_.weights[row]; }
  double delta() const { return delta_; }
  double low(Eigen::Index j) const { return to_coordinate(j, parameter(j).low); }
  double high(Eigen::Index j) const { return to_coordinate(j, parameter(j).high); }
  const LawParameter& parameter(Eigen::Index j) const { return law_.facts().parameters[static_cast<std::size_t>(j)]; }
  double to_coordinate(Eigen::Index j, double value) const;
  std::vector<double> parameters(const Eigen::VectorXd& coordinates) const;
  Eigen::VectorXd coordinates(const std::vector<double>& parameters) const;

  /// Residual of a row; false where the law gives none (not finite, or not positive where a logarithm is taken).
  /// `slope`, when not null, receives its derivatives by the coordinates (those of `parameters`).
  bool residual(std::size_t row, const std::vector<double>& parameters, double& residual, double* slope) const;
  /// Sum of Huber terms; infinity where a residual does not exist.
  double objective(const Eigen::VectorXd& coordinates) const;
  double objective(const Eigen::VectorXd& coordinates, Eigen::VectorXd& gradient,
                   Eigen::VectorXd* magnitude = nullptr) const;
  /// Rows of residual slopes, scaled by the root of the weight.
  Eigen::MatrixXd jacobian(const Eigen::VectorXd& coordinates) const;

  /// Replaces the coordinates of linear parameters by their least-squares values (relative residuals), within bounds.
  /// False where the law cannot be evaluated.
  bool solve_linear(Eigen::VectorXd& coordinates) const;

 private:
  bool solve_once(Eigen::VectorXd& coordinates, Entry entry) const;

  const LossLaw& law_;
  const LawData& data_;
  double delta_;
};

}  // namespace isoflop::fits
