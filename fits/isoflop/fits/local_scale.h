// How far scores scatter about the curve, as a function of where on the curve a model stands.
// Near the floor all models score alike whatever their quality, so one scale for all would hide every outlier there
// and invent some elsewhere. The scale at a position is the robust standard deviation of the residuals of the nearest
// models: Huber's proposal 2 about zero, squares cut at c = 2 scales and normal-consistent
// (Huber 1964, doi:10.1214/aoms/1177703732), never below a given floor. Unlike 1.4826 x the median absolute
// deviation it does not overstate flat-topped residuals, which occur where good and poor recipes meet.
#pragma once
#include <cstddef>
#include <span>
#include <vector>

namespace isoflop::fits {

/// Robust standard deviation about zero; 0 when more than half of the residuals are 0.
double huber_scale(std::span<const double> residuals);

class LocalScale {
 public:
  LocalScale() = default;
  /// `position` is any monotone measure of where on the curve a model stands (its linear predictor).
  /// `group` (family of each row; empty = every row its own) lets a row be judged by the residuals of others.
  LocalScale(std::span<const double> position, std::span<const double> residual, std::span<const std::size_t> group,
             double least);

  /// From the nearest models, whoever they are.
  double at(double position) const;
  /// From the nearest models outside the row's own group. For more than `exact_rows` rows: as at().
  double for_row(std::size_t row) const;

  std::size_t neighbours() const { return neighbours_; }

  static constexpr std::size_t exact_rows = 2000;

 private:
  double window(double position, std::size_t without_group) const;
  double from_knots(double position) const;

  std::vector<double> position_, residual_;  ///< ascending in position
  std::vector<std::size_t> group_, place_of_row_;
  std::vector<double> knot_position_, knot_scale_;
  double least_ = 0;
  std::size_t neighbours_ = 0;
};

/// Neighbours used for n rows: 25, a fifth of the rows if that is more, all others if there are not as many.
std::size_t scale_neighbours(std::size_t rows);

}  // namespace isoflop::fits
