#include "isoflop/fits/solver/law_problem.h"

#include <algorithm>
#include <cmath>

#include "isoflop/fits/solver/dense.h"

namespace isoflop::fits {

LawProblem::LawProblem(const LossLaw& law, const LawData& data, double delta) : law_(law), data_(data), delta_(delta) {}

double LawProblem::to_coordinate(Eigen::Index j, double value) const {
  return parameter(j).positive ? std::log(value) : value;
}

std::vector<double> LawProblem::parameters(const Eigen::VectorXd& coordinates) const {
  std::vector<double> values(static_cast<std::size_t>(dimension()));
  for (Eigen::Index j = 0; j < dimension(); ++j)
    values[static_cast<std::size_t>(j)] = parameter(j).positive ? std::exp(coordinates[j]) : coordinates[j];
  return values;
}

Eigen::VectorXd LawProblem::coordinates(const std::vector<double>& values) const {
  Eigen::VectorXd result(dimension());
  for (Eigen::Index j = 0; j < dimension(); ++j) result[j] = to_coordinate(j, values[static_cast<std::size_t>(j)]);
  return result;
}

bool LawProblem::residual(std::size_t row, const std::vector<double>& values, double& result, double* slope) const {
  const double predicted = slope ? law_.value(data_.inputs[row], values, std::span(slope, values.size()))
                                 : law_.value(data_.inputs[row], values);
  if (!std::isfinite(predicted)) return false;
  const bool logarithmic = law_.facts().positive_output;
  if (logarithmic && !(predicted > 0)) return false;
  result = logarithmic ? std::log(predicted) - std::log(data_.outputs[row]) : predicted - data_.outputs[row];
  if (slope)
    for (std::size_t j = 0; j < values.size(); ++j) {
      slope[j] *= (parameter(static_cast<Eigen::Index>(j)).positive ? values[j] : 1) / (logarithmic ? predicted : 1);
      if (!std::isfinite(slope[j])) return false;
    }
  return true;
}

double LawProblem::objective(const Eigen::VectorXd& at) const {
  const auto values = parameters(at);
  double sum = 0;
  for (std::size_t row = 0; row < rows(); ++row) {
    double r = 0;
    if (!residual(row, values, r, nullptr)) return std::numeric_limits<double>::infinity();
    const double size = std::fabs(r);
    sum += weight(row) * (size <= delta_ ? r * r / 2 : delta_ * (size - delta_ / 2));
  }
  return sum;
}

double LawProblem::objective(const Eigen::VectorXd& at, Eigen::VectorXd& gradient, Eigen::VectorXd* magnitude) const {
  const auto values = parameters(at);
  double sum = 0;
  gradient.setZero(dimension());
  if (magnitude) magnitude->setZero(dimension());
  Eigen::VectorXd slope(dimension());
  for (std::size_t row = 0; row < rows(); ++row) {
    double r = 0;
    if (!residual(row, values, r, slope.data())) return std::numeric_limits<double>::infinity();
    const double size = std::fabs(r);
    sum += weight(row) * (size <= delta_ ? r * r / 2 : delta_ * (size - delta_ / 2));
    const Eigen::VectorXd term = weight(row) * std::clamp(r, -delta_, delta_) * slope;
    gradient += term;
    if (magnitude) *magnitude += term.cwiseAbs();
  }
  return sum;
}

Eigen::MatrixXd LawProblem::jacobian(const Eigen::VectorXd& at) const {
  Eigen::MatrixXd result = Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(rows()), dimension());
  const auto values = parameters(at);
  Eigen::VectorXd slope(dimension());
  for (std::size_t row = 0; row < rows(); ++row) {
    double r = 0;
    if (residual(row, values, r, slope.data()))
      result.row(static_cast<Eigen::Index>(row)) = std::sqrt(weight(row)) * slope.transpose();
  }
  return result;
}

bool LawProblem::solve_once(Eigen::VectorXd& at, Entry entry) const {
  std::vector<Eigen::Index> free;
  for (Eigen::Index j = 0; j < dimension(); ++j)
    if (parameter(j).entry == entry) free.push_back(j);
  if (free.empty()) return true;
  const auto values = parameters(at);
  std::vector<double> gradient(values.size());
  const auto n = static_cast<Eigen::Index>(rows());
  Eigen::MatrixXd slopes(n, static_cast<Eigen::Index>(free.size()));
  Eigen::VectorXd target(n);
  for (Eigen::Index row = 0; row < n; ++row) {
    const auto i = static_cast<std::size_t>(row);
    const double predicted = law_.value(data_.inputs[i], values, gradient);
    if (!std::isfinite(predicted)) return false;
    const bool in_log = entry == Entry::LinearInLogOutput;
    if (in_log && !(predicted > 0)) return false;
    // Relative residuals stand in for logarithmic ones.
    const double scale = std::sqrt(weight(i)) / (!in_log && law_.facts().positive_output ? data_.outputs[i] : 1);
    double constant = in_log ? std::log(data_.outputs[i]) - std::log(predicted) : data_.outputs[i] - predicted;
    for (std::size_t c = 0; c < free.size(); ++c) {
      const auto j = static_cast<std::size_t>(free[c]);
      const double slope = gradient[j] / (in_log ? predicted : 1);
      if (!std::isfinite(slope)) return false;
      constant += slope * values[j];
      slopes(row, static_cast<Eigen::Index>(c)) = slope * scale;
    }
    target[row] = constant * scale;
  }
  // Least squares; whatever leaves its bounds is held there, worst first.
  std::vector<std::size_t> open(free.size());
  for (std::size_t c = 0; c < free.size(); ++c) open[c] = c;
  std::vector<double> solution(free.size());
  while (!open.empty()) {
    Eigen::MatrixXd columns(n, static_cast<Eigen::Index>(open.size()));
    for (std::size_t c = 0; c < open.size(); ++c)
      columns.col(static_cast<Eigen::Index>(c)) = slopes.col(static_cast<Eigen::Index>(open[c]));
    const Eigen::VectorXd lengths = columns.colwise().norm().cwiseMax(1e-300);
    const Eigen::VectorXd found = lengths.cwiseInverse().asDiagonal() *
                                  solver::least_squares(columns * lengths.cwiseInverse().asDiagonal(), target);
    std::size_t worst = open.size();
    double excess = 0;
    for (std::size_t c = 0; c < open.size(); ++c) {
      const auto& range = parameter(free[open[c]]);
      solution[open[c]] = found[static_cast<Eigen::Index>(c)];
      const double out = std::max(range.low - solution[open[c]], solution[open[c]] - range.high) *
                         lengths[static_cast<Eigen::Index>(c)];
      if (!(out <= excess)) excess = out, worst = c;
    }
    if (worst == open.size()) break;
    const auto& range = parameter(free[open[worst]]);
    double& held = solution[open[worst]];
    held = std::isfinite(held) ? std::clamp(held, range.low, range.high) : range.low;
    target -= held * slopes.col(static_cast<Eigen::Index>(open[worst]));
    open.erase(open.begin() + static_cast<std::ptrdiff_t>(worst));
  }
  for (std::size_t c = 0; c < free.size(); ++c) at[free[c]] = to_coordinate(free[c], solution[c]);
  return at.allFinite();
}

bool LawProblem::solve_linear(Eigen::VectorXd& at) const {
  // Twice: a law may be only nearly linear in the parameters marked so.
  for (int round = 0; round < 2; ++round)
    if (!solve_once(at, Entry::Linear) || !solve_once(at, Entry::LinearInLogOutput)) return false;
  return true;
}

}  // namespace isoflop::fits
