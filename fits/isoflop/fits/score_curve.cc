#include "isoflop/fits/score_curve.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "isoflop/error.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

constexpr std::size_t most_parameters = most_features + 2;  // intercept, slopes, ceiling
using Vector = std::array<double, most_parameters>;
using Matrix = std::array<Vector, most_parameters>;

constexpr int most_iterations = 300;
// Descent ends when the step promises less than this share of the objective. Resamples and left-out fits move the
// curve by far more than the looser value leaves: it is about 1e-3 points.
constexpr double tight_decrease = 1e-13, loose_decrease = 1e-10;
// A free ceiling keeps at least this share of its allowed range above the floor.
constexpr double least_amplitude = 0.02;

double logistic(double eta) { return 1 / (1 + std::exp(-eta)); }

double linear_predictor(const ScoreCurve& curve, std::span<const double> x) {
  double eta = curve.intercept;
  for (std::size_t j = 0; j < x.size(); ++j) eta += curve.slope[j] * x[j];
  return eta;
}

/// Features shifted and scaled to mean 0 and deviation 1, so that one damping suits all parameters.
struct Standardised {
  std::vector<double> centre, scale;
};

Standardised standardise(const ScoreRows& rows, std::span<const double> weight) {
  const std::size_t p = rows.features;
  Standardised s{std::vector<double>(p, 0), std::vector<double>(p, 0)};
  double total = 0;
  const auto w = [&](std::size_t i) { return weight.empty() ? 1 : weight[i]; };
  for (std::size_t i = 0; i < rows.size(); ++i) {
    total += w(i);
    for (std::size_t j = 0; j < p; ++j) s.centre[j] += w(i) * rows.x[i * p + j];
  }
  for (double& c : s.centre) c /= std::max(total, 1e-300);
  for (std::size_t i = 0; i < rows.size(); ++i)
    for (std::size_t j = 0; j < p; ++j) {
      const double d = rows.x[i * p + j] - s.centre[j];
      s.scale[j] += w(i) * d * d;
    }
  for (std::size_t j = 0; j < p; ++j) {
    s.scale[j] = std::sqrt(s.scale[j] / std::max(total, 1e-300));
    if (!(s.scale[j] > 1e-12 * std::max(1.0, std::fabs(s.centre[j])))) s.scale[j] = 0;
  }
  return s;
}

/// The sum to be made small, seen in standardised parameters: intercept, slopes, ceiling - floor.
class Problem {
 public:
  Problem(const ScoreRows& rows, std::span<const double> weight, const CurveShape& shape, const RobustLoss& loss)
      : shape_(shape), loss_(loss), standard_(standardise(rows, weight)),
        slopes_(rows.features), count_(1 + rows.features + (shape.logistic && shape.ceiling_is_free ? 1 : 0)) {
    for (double& s : standard_.scale)
      if (s == 0) s = 1;
    rows_.reserve(rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      Row row{weight.empty() ? 1 : weight[i], rows.score[i], rows.offset.empty() ? 0 : rows.offset[i], {}};
      if (row.weight == 0) continue;
      for (std::size_t j = 0; j < slopes_; ++j)
        row.z[j] = (rows.x[i * slopes_ + j] - standard_.centre[j]) / standard_.scale[j];
      rows_.push_back(row);
    }
  }

  std::size_t parameters() const { return count_; }
  double largest_amplitude() const { return shape_.ceiling - shape_.floor; }
  bool amplitude_is_free() const { return count_ > 1 + slopes_; }
  void set_loss(const RobustLoss& loss) { loss_ = loss; }
  const Standardised& standard() const { return standard_; }

  double amplitude(const Vector& theta) const { return amplitude_is_free() ? theta[1 + slopes_] : largest_amplitude(); }

  double objective(const Vector& theta) const {
    LossSum sum(loss_);
    visit(theta, [&](double w, double r, const Vector&) { sum.add(w, r); });
    return sum.total();
  }

  /// Half the gradient of the objective (downhill) and the Gauss-Newton matrix of the reweighted residuals.
  void linearise(const Vector& theta, Vector& downhill, Matrix& curvature) const {
    static_assert(most_parameters == 6);
    switch (count_) {
      case 2: return linearise_fixed<2>(theta, downhill, curvature);
      case 3: return linearise_fixed<3>(theta, downhill, curvature);
      case 4: return linearise_fixed<4>(theta, downhill, curvature);
      case 5: return linearise_fixed<5>(theta, downhill, curvature);
      default: return linearise_fixed<6>(theta, downhill, curvature);
    }
  }

  Vector from(const ScoreCurve& curve) const {
    Vector theta{};
    theta[0] = curve.intercept;
    for (std::size_t j = 0; j < slopes_; ++j) {
      theta[0] += curve.slope[j] * standard_.centre[j];
      theta[1 + j] = curve.slope[j] * standard_.scale[j];
    }
    if (amplitude_is_free()) theta[1 + slopes_] = curve.ceiling - shape_.floor;
    return theta;
  }

  ScoreCurve to_curve(const Vector& theta) const {
    ScoreCurve curve;
    curve.shape = shape_;
    curve.intercept = theta[0];
    for (std::size_t j = 0; j < slopes_; ++j) {
      curve.slope.push_back(theta[1 + j] / standard_.scale[j]);
      curve.intercept -= curve.slope.back() * standard_.centre[j];
    }
    curve.ceiling = shape_.logistic ? shape_.floor + amplitude(theta) : shape_.ceiling;
    return curve;
  }

 private:
  /// A known number of parameters keeps the sums in registers: this loop is most of the cost of a bootstrap.
  template <std::size_t Count>
  void linearise_fixed(const Vector& theta, Vector& downhill, Matrix& curvature) const {
    std::array<double, Count> gradient{};
    std::array<double, Count*(Count + 1) / 2> products{};
    visit(theta, [&](double w, double r, const Vector& slope) {
      const double pull = w * loss_.weight(r) * r, bend = w * loss_.curvature(r);
      for (std::size_t a = 0, k = 0; a < Count; ++a) {
        const double weighted = bend * slope[a];
        gradient[a] += pull * slope[a];
        for (std::size_t b = 0; b <= a; ++b, ++k) products[k] += weighted * slope[b];
      }
    });
    for (std::size_t a = 0, k = 0; a < Count; ++a) {
      downhill[a] = gradient[a];
      for (std::size_t b = 0; b <= a; ++b, ++k) curvature[a][b] = products[k];
    }
  }

  /// Calls visitor(weight, residual, d mean / d theta) for every row that counts.
  template <typename Visitor>
  void visit(const Vector& theta, Visitor&& visitor) const {
    const double span = amplitude(theta), floor = shape_.floor;
    const std::size_t slopes = slopes_;
    const bool logistic_shape = shape_.logistic;
    Vector slope{};
    for (const Row& row : rows_) {
      double eta = theta[0] + row.offset;
      for (std::size_t j = 0; j < slopes; ++j) eta += theta[1 + j] * row.z[j];
      double mean = eta, by_eta = 1;
      if (logistic_shape) {
        const double share = logistic(eta);
        mean = floor + span * share;
        by_eta = span * share * (1 - share);
        slope[1 + slopes] = share;  // used where the ceiling is free
      }
      slope[0] = by_eta;
      for (std::size_t j = 0; j < slopes; ++j) slope[1 + j] = by_eta * row.z[j];
      visitor(row.weight, row.score - mean, slope);
    }
  }

  /// A row that counts, with standardised features.
  struct Row {
    double weight, score, offset;
    std::array<double, most_features> z;
  };

  std::vector<Row> rows_;
  CurveShape shape_;
  RobustLoss loss_;
  Standardised standard_;
  std::size_t slopes_, count_;
};

/// Solves (curvature + damping diagonal) step = downhill over the parameters not held; false when not positive
/// definite.
bool damped_step(const Matrix& curvature, const Vector& downhill, double damping, std::size_t count, std::size_t held,
                 Vector& step) {
  Matrix l{};
  double largest = 0;
  for (std::size_t a = 0; a < count; ++a) largest = std::max(largest, curvature[a][a]);
  if (!(largest > 0)) return false;
  for (std::size_t a = 0; a < count; ++a) {
    for (std::size_t b = 0; b <= a; ++b) {
      const bool fixed = a == held || b == held;
      double value = fixed ? (a == b ? 1 : 0) : curvature[a][b];
      if (a == b && !fixed) value += damping * std::max(curvature[a][a], 1e-9 * largest);
      for (std::size_t k = 0; k < b; ++k) value -= l[a][k] * l[b][k];
      if (a == b) {
        if (!(value > 0)) return false;
        l[a][a] = std::sqrt(value);
      } else {
        l[a][b] = value / l[b][b];
      }
    }
  }
  for (std::size_t a = 0; a < count; ++a) {
    double value = a == held ? 0 : downhill[a];
    for (std::size_t k = 0; k < a; ++k) value -= l[a][k] * step[k];
    step[a] = value / l[a][a];
  }
  for (std::size_t a = count; a-- > 0;) {
    double value = step[a];
    for (std::size_t k = a + 1; k < count; ++k) value -= l[k][a] * step[k];
    step[a] = value / l[a][a];
  }
  return true;
}

struct Descent {
  Vector theta{};
  double objective = 0;
  bool converged = false;
  bool at_bound = false;
};

Descent descend(const Problem& problem, Vector theta, double enough = tight_decrease) {
  const std::size_t count = problem.parameters(), none = most_parameters;
  const std::size_t ceiling = problem.amplitude_is_free() ? count - 1 : none;
  const double most = problem.largest_amplitude(), least = least_amplitude * most;
  if (ceiling != none) theta[ceiling] = std::clamp(theta[ceiling], least, most);
  Vector downhill{}, step{};
  Matrix curvature{};
  Descent d{theta, problem.objective(theta), false, false};
  problem.linearise(theta, downhill, curvature);
  double damping = 1e-3;
  for (int iteration = 0; iteration < most_iterations; ++iteration) {
    std::size_t held = none;
    if (ceiling != none && ((d.theta[ceiling] >= most && downhill[ceiling] > 0) ||
                            (d.theta[ceiling] <= least && downhill[ceiling] < 0)))
      held = ceiling;
    d.at_bound = held != none;
    bool moved = false;
    while (damping < 1e12) {
      if (!damped_step(curvature, downhill, damping, count, held, step)) {
        damping *= 10;
        continue;
      }
      Vector next = d.theta;
      double promised = 0;
      for (std::size_t a = 0; a < count; ++a) {
        next[a] += step[a];
        if (a != held) promised += step[a] * downhill[a];
      }
      if (ceiling != none) next[ceiling] = std::clamp(next[ceiling], least, most);
      if (promised <= enough * d.objective + 1e-300) {
        d.converged = true;
        return d;
      }
      const double objective = problem.objective(next);
      if (objective < d.objective) {
        damping = std::max(damping * 0.1, 1e-12);
        d.theta = next;
        d.objective = objective;
        moved = true;
        break;
      }
      damping *= 10;
    }
    if (!moved) {
      // No step of any length helps: rounding is all that is left.
      d.converged = true;
      return d;
    }
    problem.linearise(d.theta, downhill, curvature);
    if (d.objective == 0) {
      d.converged = true;
      return d;
    }
  }
  return d;
}

/// Unweighted straight line through standardised features, by the normal equations: direction of the starts.
Vector straight_line(const ScoreRows& rows, std::span<const double> weight) {
  const Problem line(rows, weight, CurveShape{false, 0, 100, false}, RobustLoss{});
  return descend(line, Vector{}).theta;
}

std::vector<Vector> starting_points(const Problem& problem, const ScoreRows& rows, std::span<const double> weight,
                                    const CurveShape& shape) {
  const Vector line = straight_line(rows, weight);
  if (!shape.logistic) return {line};
  const std::size_t p = rows.features;
  double length = 0;
  for (std::size_t j = 0; j < p; ++j) length += line[1 + j] * line[1 + j];
  length = std::sqrt(length);
  Vector direction{};
  for (std::size_t j = 0; j < p; ++j) direction[j] = length > 0 ? line[1 + j] / length : (j == 0 ? 1 : 0);

  // At most 2000 rows are enough to place midpoints.
  std::vector<double> along;
  const std::size_t stride = std::max<std::size_t>(1, rows.size() / 2000);
  for (std::size_t i = 0; i < rows.size(); i += stride) {
    double z = 0;
    for (std::size_t j = 0; j < p; ++j)
      z += direction[j] * (rows.x[i * p + j] - problem.standard().centre[j]) / problem.standard().scale[j];
    along.push_back(z);
  }
  const double spread = std::max(standard_deviation(along), 1e-9);
  std::vector<double> middles;
  for (double q : {0.1, 0.4, 0.7, 0.95}) middles.push_back(quantile(along, q));
  middles.push_back(quantile(along, 1) + spread);
  std::vector<Vector> starts;
  for (double middle : middles)
    for (double steepness : {1.0, 3.0, 8.0})
      for (double share : {0.7, 1.0}) {
        if (!problem.amplitude_is_free() && share < 1) continue;
        Vector theta{};
        const double k = steepness / spread;
        theta[0] = -k * middle;
        for (std::size_t j = 0; j < p; ++j) theta[1 + j] = k * direction[j];
        if (problem.amplitude_is_free()) theta[1 + p] = share * problem.largest_amplitude();
        starts.push_back(theta);
      }
  return starts;
}

/// The `most` starts of lowest objective.
std::vector<Vector> best_starts(const Problem& problem, std::vector<Vector> starts, std::size_t most) {
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < starts.size(); ++i) order.emplace_back(problem.objective(starts[i]), i);
  std::sort(order.begin(), order.end());
  std::vector<Vector> best;
  for (std::size_t i = 0; i < std::min(most, order.size()); ++i) best.push_back(starts[order[i].second]);
  return best;
}

CurveFit finished(const Problem& problem, const Descent& d) {
  CurveFit fit;
  fit.curve = problem.to_curve(d.theta);
  fit.objective = d.objective;
  fit.converged = d.converged;
  fit.ceiling_at_bound = d.at_bound;
  return fit;
}

void check_rows(const ScoreRows& rows, const CurveShape& shape) {
  if (rows.features == 0 || rows.features > most_features || rows.x.size() != rows.features * rows.size() ||
      (!rows.weight.empty() && rows.weight.size() != rows.size()) ||
      (!rows.offset.empty() && rows.offset.size() != rows.size()))
    throw Error(Fault::BadInput, "score curve: features, scores and weights differ in length");
  const std::size_t parameters = 1 + rows.features + (shape.logistic && shape.ceiling_is_free ? 1 : 0);
  std::size_t used = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) used += rows.weight_of(i) > 0 ? 1 : 0;
  if (used <= parameters)
    throw Error(Fault::BadInput, "score curve: " + std::to_string(used) + " models cannot hold " +
                                     std::to_string(parameters) + " parameters; expected at least " +
                                     std::to_string(parameters + 1));
  const Standardised s = standardise(rows, rows.weight);
  for (double scale : s.scale)
    if (scale == 0)
      throw Error(Fault::BadInput, "score curve: all models share one value of x, so no curve can be fitted");
}

}  // namespace

double ScoreCurve::eta(std::span<const double> x) const { return linear_predictor(*this, x); }

double ScoreCurve::mean_at(double eta) const {
  return shape.logistic ? shape.floor + (ceiling - shape.floor) * logistic(eta) : eta;
}

std::optional<double> ScoreCurve::eta_at(double score) const {
  if (!shape.logistic) return score;
  const double share = (score - shape.floor) / (ceiling - shape.floor);
  if (!(share > 0 && share < 1)) return std::nullopt;
  return std::log(share / (1 - share));
}

CurveFit fit_curve(const ScoreRows& rows, const CurveShape& shape, const RobustLoss& loss) {
  check_rows(rows, shape);
  Problem problem(rows, rows.weight, shape, RobustLoss{});
  const auto starts = starting_points(problem, rows, rows.weight, shape);
  std::vector<Vector> polish_from;
  for (const Vector& theta : best_starts(problem, starts, 3)) polish_from.push_back(descend(problem, theta).theta);
  if (loss.kind != LossKind::LeastSquares) {
    // From least squares by way of soft-L1, which has no local minima on a line, and from the robust screen itself.
    problem.set_loss({LossKind::SoftL1, loss.scale});
    polish_from.push_back(descend(problem, best_starts(problem, polish_from, 1)[0]).theta);
    problem.set_loss(loss);
    for (const Vector& theta : best_starts(problem, starts, 3)) polish_from.push_back(theta);
  }
  std::vector<Descent> descents;
  for (const Vector& theta : polish_from) descents.push_back(descend(problem, theta));
  const auto best = std::min_element(descents.begin(), descents.end(),
                                     [](const Descent& a, const Descent& b) { return a.objective < b.objective; });
  CurveFit fit = finished(problem, *best);
  fit.starts = static_cast<int>(descents.size());
  for (const Descent& d : descents)
    fit.agreeing += d.objective <= best->objective + 1e-6 * std::fabs(best->objective) + 1e-300 ? 1 : 0;
  return fit;
}

CurveFit refit_curve(const ScoreRows& rows, std::span<const double> weight, const RobustLoss& loss,
                     const ScoreCurve& start) {
  const Problem problem(rows, weight, start.shape, loss);
  CurveFit fit = finished(problem, descend(problem, problem.from(start), loose_decrease));
  fit.starts = fit.agreeing = 1;
  return fit;
}

CurveFit refit_curve(const ScoreRows& rows, const RobustLoss& loss, const ScoreCurve& start) {
  return refit_curve(rows, rows.weight, loss, start);
}

std::vector<double> residuals(const ScoreRows& rows, const ScoreCurve& curve) {
  std::vector<double> r(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) 
    r[i] = rows.score[i] - curve.mean_at(curve.eta(rows.row(i)) + (rows.offset.empty() ? 0 : rows.offset[i]));
  return r;
}

}  // namespace isoflop::fits
