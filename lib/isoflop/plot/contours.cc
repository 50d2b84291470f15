#include "isoflop/plot/contours.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>

namespace isoflop {
namespace {

// A crossing is named by the grid edge it lies on, so that pieces of neighbouring cells join exactly.
using EdgeId = std::uint64_t;

struct Crossing {
  double x = 0, y = 0;
};

class Tracer {
 public:
  Tracer(const HeatLayer& heat, double level, Scale x_scale, Scale y_scale)
      : heat_(heat), level_(level), log_x_(x_scale == Scale::Log), log_y_(y_scale == Scale::Log) {}

  std::vector<ContourLine> lines() {
    const std::size_t columns = heat_.x.size(), rows = heat_.y.size();
    for (std::size_t j = 0; j + 1 < rows; ++j)
      for (std::size_t i = 0; i + 1 < columns; ++i) cell(i, j);
    std::vector<ContourLine> result;
    // Open lines start where only one piece ends; what is left afterwards is closed.
    for (const bool open : {true, false})
      for (const auto& [edge, pieces] : ends_) {
        if (open && pieces.size() != 1) continue;
        for (const std::size_t piece : pieces)
          if (!used_[piece]) result.push_back(follow(edge, piece));
      }
    return result;
  }

 private:
  double height(std::size_t i, std::size_t j) const {
    const double z = heat_.z[j * heat_.x.size() + i];
    return heat_.scale == Scale::Log ? (z > 0 ? std::log(z) : std::nan("")) : z;
  }
  double level() const { return heat_.scale == Scale::Log ? std::log(level_) : level_; }

  static double between(double a, double b, double share, bool log) {
    return log ? a * std::pow(b / a, share) : a + share * (b - a);
  }

  std::optional<EdgeId> edge(std::size_t i, std::size_t j, bool vertical) {
    const double a = height(i, j), b = vertical ? height(i, j + 1) : height(i + 1, j);
    if ((a >= level()) == (b >= level())) return std::nullopt;
    const double share = (level() - a) / (b - a);
    const EdgeId id = 2 * (j * heat_.x.size() + i) + (vertical ? 1 : 0);
    if (vertical) crossings_[id] = {heat_.x[i], between(heat_.y[j], heat_.y[j + 1], share, log_y_)};
    else crossings_[id] = {between(heat_.x[i], heat_.x[i + 1], share, log_x_), heat_.y[j]};
    return id;
  }

  void join(EdgeId a, EdgeId b) {
    ends_[a].push_back(pieces_.size());
    ends_[b].push_back(pieces_.size());
    pieces_.push_back({a, b});
    used_.push_back(false);
  }

  void cell(std::size_t i, std::size_t j) {
    const std::array<double, 4> corner = {height(i, j), height(i + 1, j), height(i + 1, j + 1), height(i, j + 1)};
    for (const double z : corner)
      if (!std::isfinite(z)) return;
    std::vector<EdgeId> crossed;
    // In order around the cell: bottom, right, top, left.
    for (const auto& id : {edge(i, j, false), edge(i + 1, j, true), edge(i, j + 1, false), edge(i, j, true)})
      if (id) crossed.push_back(*id);
    if (crossed.size() == 2) join(crossed[0], crossed[1]);
    if (crossed.size() == 4) {
      // A saddle: the middle decides which corners belong together.
      const bool middle_high = (corner[0] + corner[1] + corner[2] + corner[3]) / 4 >= level();
      const bool first_high = corner[0] >= level();
      if (middle_high == first_high) {
        join(crossed[0], crossed[1]);
        join(crossed[2], crossed[3]);
      } else {
        join(crossed[3], crossed[0]);
        join(crossed[1], crossed[2]);
      }
    }
  }

  ContourLine follow(EdgeId start, std::size_t piece) {
    ContourLine line = {{crossings_[start].x, crossings_[start].y}};
    EdgeId at = start;
    while (true) {
      used_[piece] = true;
      at = pieces_[piece][0] == at ? pieces_[piece][1] : pieces_[piece][0];
      line.emplace_back(crossings_[at].x, crossings_[at].y);
      bool found = false;
      for (const std::size_t next : ends_[at])
        if (!used_[next]) {
          piece = next;
          found = true;
          break;
        }
      if (!found) return line;
    }
  }

  const HeatLayer& heat_;
  double level_;
  bool log_x_, log_y_;
  std::map<EdgeId, Crossing> crossings_;
  std::map<EdgeId, std::vector<std::size_t>> ends_;
  std::vector<std::array<EdgeId, 2>> pieces_;
  std::vector<bool> used_;
};

}  // namespace

std::vector<ContourLine> contour_lines(const HeatLayer& heat, double level, Scale x_scale, Scale y_scale) {
  if (heat.x.size() < 2 || heat.y.size() < 2) return {};
  return Tracer(heat, level, x_scale, y_scale).lines();
}

}  // namespace isoflop
