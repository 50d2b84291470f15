#include "isoflop/sim/requests/timeline.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace isoflop::sim {
namespace {

constexpr std::size_t most_bins = 512;

Timeline::Bin& accumulate(Timeline::Bin& into, double factor, const Timeline::Bin& from) {
  into.waiting += factor * from.waiting;
  into.running += factor * from.running;
  into.blocks += factor * from.blocks;
  into.busy += factor * from.busy;
  return into;
}

}  // namespace

void Timeline::reach(double time_s) {
  while (time_s > bin_s_ * static_cast<double>(most_bins)) {
    for (std::size_t i = 0; i < bins_.size(); i += 2) {
      Bin merged = bins_[i];
      if (i + 1 < bins_.size()) accumulate(merged, 1, bins_[i + 1]);
      bins_[i / 2] = merged;
    }
    bins_.resize((bins_.size() + 1) / 2);
    bin_s_ *= 2;
  }
  const auto last = std::min(most_bins - 1, static_cast<std::size_t>(time_s / bin_s_));
  if (bins_.size() <= last) bins_.resize(last + 1);
}

void Timeline::add(double from_s, double to_s, const Bin& amounts) {
  if (!(to_s > from_s)) return;
  reach(to_s);
  auto i = std::min(most_bins - 1, static_cast<std::size_t>(from_s / bin_s_));
  while (from_s < to_s) {
    const double end = i + 1 == most_bins ? to_s : std::min(to_s, bin_s_ * static_cast<double>(i + 1));
    if (end > from_s) accumulate(bins_[std::min(i, bins_.size() - 1)], end - from_s, amounts);
    from_s = std::max(from_s, end);
    ++i;
  }
}

void Timeline::add(const Timeline& other) {
  const double width = other.bin_s_;
  for (std::size_t i = 0; i < other.bins_.size(); ++i) {
    Bin amounts;
    accumulate(amounts, 1 / width, other.bins_[i]);
    add(width * static_cast<double>(i), width * static_cast<double>(i + 1), amounts);
  }
}

Timeline::Bin Timeline::total() const {
  Bin sum;
  for (const Bin& bin : bins_) accumulate(sum, 1, bin);
  return sum;
}

}  // namespace isoflop::sim
