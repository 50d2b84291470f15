#include "isoflop/fits/local_scale.h"

#include <algorithm>
#include <cmath>

#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

constexpr double cut = 2;
// E min(z^2, cut^2) for standard normal z: P(|z|<c) - 2 c phi(c) + c^2 P(|z|>c), at c = 2.
constexpr double normal_share = 0.9205369256363;
constexpr std::size_t no_group = static_cast<std::size_t>(-1);
constexpr std::size_t knots = 256, most_in_window = 1000;

}  // namespace

double huber_scale(std::span<const double> residuals) {
  if (residuals.empty()) return 0;
  double scale = scaled_mad(residuals, 0);
  if (scale == 0) return 0;
  for (int iteration = 0; iteration < 200; ++iteration) {
    double sum = 0;
    for (double r : residuals) {
      const double u = std::min(std::fabs(r) / scale, cut);
      sum += u * u;
    }
    const double next = scale * std::sqrt(sum / (static_cast<double>(residuals.size()) * normal_share));
    const bool settled = std::fabs(next - scale) <= 1e-10 * scale;
    scale = next;
    if (settled || scale == 0) break;
  }
  return scale;
}

std::size_t scale_neighbours(std::size_t rows) {
  const std::size_t others = rows > 0 ? rows - 1 : 0;
  return std::min(others, std::max<std::size_t>(25, rows / 5));
}

LocalScale::LocalScale(std::span<const double> position, std::span<const double> residual,
                       std::span<const std::size_t> group, double least)
    : least_(least), neighbours_(scale_neighbours(position.size())) {
  const auto order = sorted_order(position);
  place_of_row_.resize(order.size());
  for (std::size_t k = 0; k < order.size(); ++k) {
    position_.push_back(position[order[k]]);
    residual_.push_back(residual[order[k]]);
    group_.push_back(group.empty() ? order[k] : group[order[k]]);
    place_of_row_[order[k]] = k;
  }
  if (position_.size() <= exact_rows) return;
  for (std::size_t k = 0; k < knots; ++k) {
    const double at = quantile(position_, static_cast<double>(k) / (knots - 1));
    if (!knot_position_.empty() && at <= knot_position_.back()) continue;
    knot_position_.push_back(at);
    knot_scale_.push_back(window(at, no_group));
  }
}

double LocalScale::window(double position, std::size_t without_group) const {
  const std::size_t n = position_.size();
  std::size_t right = static_cast<std::size_t>(
      std::lower_bound(position_.begin(), position_.end(), position) - position_.begin());
  std::size_t left = right;
  std::vector<double> near;
  // Too many neighbours to look at each: every stride-th of the window stands for it.
  const std::size_t stride = std::max<std::size_t>(1, neighbours_ / most_in_window);
  std::size_t taken = 0;
  while (taken < neighbours_ && (left > 0 || right < n)) {
    const bool go_left = left > 0 && (right >= n || position - position_[left - 1] <= position_[right] - position);
    const std::size_t k = go_left ? --left : right++;
    if (group_[k] == without_group) continue;
    if (taken++ % stride == 0) near.push_back(residual_[k]);
  }
  return std::max(least_, huber_scale(near));
}

double LocalScale::from_knots(double position) const {
  const auto above = std::upper_bound(knot_position_.begin(), knot_position_.end(), position);
  if (above == knot_position_.begin()) return knot_scale_.front();
  if (above == knot_position_.end()) return knot_scale_.back();
  const std::size_t k = static_cast<std::size_t>(above - knot_position_.begin());
  const double share = (position - knot_position_[k - 1]) / (knot_position_[k] - knot_position_[k - 1]);
  return knot_scale_[k - 1] + share * (knot_scale_[k] - knot_scale_[k - 1]);
}

double LocalScale::at(double position) const {
  return knot_position_.empty() ? window(position, no_group) : from_knots(position);
}

double LocalScale::for_row(std::size_t row) const {
  const std::size_t place = place_of_row_.at(row);
  return knot_position_.empty() ? window(position_[place], group_[place]) : from_knots(position_[place]);
}

}  // namespace isoflop::fits
