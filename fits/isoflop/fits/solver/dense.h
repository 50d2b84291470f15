// Dense decompositions of small matrices, compiled once: Eigen's templates cost a minute of compiling in every file
// that names them.
#pragma once
#include <Eigen/Core>

namespace isoflop::fits::solver {

struct SymmetricEigen {
  Eigen::VectorXd values;   ///< ascending
  Eigen::MatrixXd vectors;  ///< one per column
};
SymmetricEigen symmetric_eigen(const Eigen::MatrixXd& a);

struct SingularValues {
  Eigen::VectorXd values;  ///< descending
  Eigen::MatrixXd right;   ///< right singular vectors, one per column
};
SingularValues singular_values(const Eigen::MatrixXd& a);

/// The x of least |a x - b|; a has at least as many rows as columns.
Eigen::VectorXd least_squares(const Eigen::MatrixXd& a, const Eigen::VectorXd& b);

/// The x of a x = b for a symmetric a.
Eigen::VectorXd solve_symmetric(const Eigen::MatrixXd& a, const Eigen::VectorXd& b);

/// Inverse of a symmetric a; empty where a is not positive definite.
Eigen::MatrixXd inverse_positive_definite(const Eigen::MatrixXd& a);

/// Orthonormal columns that span those of a.
Eigen::MatrixXd orthonormal_columns(const Eigen::MatrixXd& a);

}  // namespace isoflop::fits::solver
