#include "isoflop/sim/requests/gap_histogram.h"

#include <algorithm>
#include <cmath>

namespace isoflop::sim {

void GapHistogram::make_room(std::uint64_t cell) {
  constexpr std::uint64_t octave = 256;
  if (counts_.empty()) {
    first_ = cell - std::min<std::uint64_t>(cell, octave);
    counts_.assign(static_cast<std::size_t>(cell - first_ + octave), 0);
  } else if (cell < first_) {
    const std::uint64_t start = cell - std::min<std::uint64_t>(cell, octave);
    counts_.insert(counts_.begin(), static_cast<std::size_t>(first_ - start), 0);
    first_ = start;
  } else {
    counts_.resize(static_cast<std::size_t>(cell - first_ + octave), 0);
  }
}

double GapHistogram::middle_s(std::size_t i) const {
  const std::uint64_t cell = first_ + i;
  if (cell == 0) return 0;
  return 0.5 * (std::bit_cast<double>(cell << 44) + std::bit_cast<double>((cell + 1) << 44));
}

void GapHistogram::add(const GapHistogram& other) {
  for (std::size_t i = 0; i < other.counts_.size(); ++i) {
    if (other.counts_[i] == 0) continue;
    const std::uint64_t cell = other.first_ + i;
    if (cell < first_ || cell >= first_ + counts_.size()) make_room(cell);
    counts_[static_cast<std::size_t>(cell - first_)] += other.counts_[i];
  }
  count_ += other.count_;
  sum_s_ += other.sum_s_;
  max_s_ = std::max(max_s_, other.max_s_);
}

double GapHistogram::deviation_s() const {
  double sum = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const double d = middle_s(i) - mean_s();
    sum += static_cast<double>(counts_[i]) * d * d;
  }
  return count_ > 0 ? std::sqrt(sum / static_cast<double>(count_)) : 0;
}

double GapHistogram::quantile_s(double p) const {
  if (count_ == 0) return 0;
  const double wanted = std::clamp(p, 0.0, 1.0) * static_cast<double>(count_ - 1);
  std::int64_t below = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    below += counts_[i];
    if (static_cast<double>(below) > wanted) return std::min(middle_s(i), max_s_);
  }
  return max_s_;
}

}  // namespace isoflop::sim
