#include "isoflop/fits/solver/dense.h"

#include <Eigen/Dense>

namespace isoflop::fits::solver {

using Eigen::MatrixXd;
using Eigen::VectorXd;

SymmetricEigen symmetric_eigen(const MatrixXd& a) {
  const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(a);
  return {eigen.eigenvalues(), eigen.eigenvectors()};
}

SingularValues singular_values(const MatrixXd& a) {
  const Eigen::JacobiSVD<MatrixXd> svd(a, Eigen::ComputeThinV);
  return {svd.singularValues(), svd.matrixV()};
}

VectorXd least_squares(const MatrixXd& a, const VectorXd& b) { return a.colPivHouseholderQr().solve(b); }

VectorXd solve_symmetric(const MatrixXd& a, const VectorXd& b) { return a.ldlt().solve(b); }

MatrixXd inverse_positive_definite(const MatrixXd& a) {
  const Eigen::LLT<MatrixXd> llt(a);
  if (llt.info() != Eigen::Success) return {};
  return llt.solve(MatrixXd::Identity(a.rows(), a.cols()));
}

MatrixXd orthonormal_columns(const MatrixXd& a) {
  const Eigen::HouseholderQR<MatrixXd> qr(a);
  return qr.householderQ() * MatrixXd::Identity(a.rows(), a.cols());
}

}  // namespace isoflop::fits::solver
