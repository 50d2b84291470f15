#include "isoflop/plot/label_layout.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <optional>

#include "isoflop/random.h"

namespace isoflop {
namespace {

constexpr double dropped_cost = 1000;

double squared(double v) { return v * v; }

double turn(PixelPoint a, PixelPoint b, PixelPoint c) { return (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x); }

struct Candidate {
  PlacedLabel label;
  PixelBox reach;   ///< of box and leader
  double cost = 0;  ///< against everything that does not move
};

PixelBox grown(const PixelBox& box, double by) {
  return {box.left - by, box.top - by, box.right + by, box.bottom + by};
}

class Placer {
 public:
  Placer(const std::vector<LabelRequest>& requests, const LabelObstacles& obstacles, double gap)
      : requests_(requests), obstacles_(obstacles), gap_(gap), chosen_(requests.size(), none) {
    candidates_.reserve(requests.size());
    for (const auto& request : requests_) candidates_.push_back(candidates_of(request));
    for (std::size_t label = 0; label < requests_.size(); ++label) neighbours_.push_back(neighbours_of(label));
  }

  std::vector<PlacedLabel> place() {
    std::vector<std::size_t> order(requests_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return candidates_[a].size() < candidates_[b].size(); });
    for (const std::size_t label : order) chosen_[label] = best_choice(label).index;
    sweep(order);
    anneal();
    sweep(order);
    std::vector<PlacedLabel> result(requests_.size());
    for (std::size_t i = 0; i < requests_.size(); ++i)
      if (chosen_[i] != none) result[i] = candidates_[i][chosen_[i]].label;
    return result;
  }

 private:
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();
  struct Choice {
    std::size_t index = none;
    double cost = dropped_cost;
  };

  // `leader_end` is where a leader meets the box; nothing for a box that touches its point.
  void add_candidate(std::vector<Candidate>& list, const LabelRequest& request, PixelBox box,
                     std::optional<PixelPoint> leader_end, double base_cost) const {
    if (!obstacles_.area.contains(box)) return;
    for (const auto& kept : obstacles_.keep_out)
      if (box.overlaps(kept)) return;
    const PixelMarker& own = obstacles_.markers[request.marker];
    Candidate candidate;
    candidate.label.placed = true;
    candidate.label.box = box;
    candidate.cost = base_cost;
    const double own_distance = box.distance(own.centre) - own.radius;
    const bool with_leader = leader_end.has_value();
    if (with_leader) {
      const PixelPoint end = *leader_end;
      const double length = std::hypot(end.x - own.centre.x, end.y - own.centre.y);
      const double rim = (own.radius + 0.5) / length;
      candidate.label.has_leader = true;
      candidate.label.leader = {
          {own.centre.x + rim * (end.x - own.centre.x), own.centre.y + rim * (end.y - own.centre.y)}, end};
      for (const auto& kept : obstacles_.keep_out)
        if (candidate.label.leader.crosses(kept)) return;
    }
    double nearest_other = std::numeric_limits<double>::max();
    for (std::size_t m = 0; m < obstacles_.markers.size(); ++m) {
      const PixelMarker& marker = obstacles_.markers[m];
      const double distance = box.distance(marker.centre) - marker.radius;
      if (distance < (m == request.marker ? gap_ - 0.01 : 1.0)) return;
      if (m == request.marker) continue;
      // Points drawn on top of each other share their label's neighbourhood; nothing can tell them apart.
      if (std::hypot(marker.centre.x - own.centre.x, marker.centre.y - own.centre.y) > 1)
        nearest_other = std::min(nearest_other, distance);
      if (with_leader && candidate.label.leader.distance(marker.centre) < marker.radius + 1) candidate.cost += 200;
    }
    if (!with_leader && nearest_other < own_distance + 3) candidate.cost += 25;
    if (with_leader && nearest_other < 3) candidate.cost += 10;
    int covered = 0;
    for (const auto& line : obstacles_.lines) {
      covered += line.crosses(box);
      if (!with_leader) continue;
      const PixelSegment& leader = candidate.label.leader;
      if (line.crosses(leader)) candidate.cost += 2;
      // Along an error bar or a rule a leader would not be seen.
      if (line.distance({(leader.from.x + leader.to.x) / 2, (leader.from.y + leader.to.y) / 2}) < 2)
        candidate.cost += 8;
    }
    candidate.cost += 20.0 * std::min(covered, 3);
    candidate.reach = grown(box, 3);
    if (with_leader) {
      const PixelPoint rim = candidate.label.leader.from;
      candidate.reach = {std::min(candidate.reach.left, rim.x), std::min(candidate.reach.top, rim.y),
                         std::max(candidate.reach.right, rim.x), std::max(candidate.reach.bottom, rim.y)};
    }
    list.push_back(candidate);
  }

  std::vector<Candidate> candidates_of(const LabelRequest& request) const {
    std::vector<Candidate> list;
    const PixelMarker& own = obstacles_.markers[request.marker];
    const double w = request.width, h = request.height, reach = own.radius + gap_;
    const auto box_at = [&](double left, double top) { return PixelBox{left, top, left + w, top + h}; };
    const double x = own.centre.x, y = own.centre.y, diagonal = reach * 0.75;
    add_candidate(list, request, box_at(x + reach, y - h / 2), {}, 0);
    add_candidate(list, request, box_at(x - reach - w, y - h / 2), {}, 1);
    add_candidate(list, request, box_at(x - w / 2, y - reach - h), {}, 1.5);
    add_candidate(list, request, box_at(x - w / 2, y + reach), {}, 2);
    add_candidate(list, request, box_at(x + diagonal, y - diagonal - h), {}, 1);
    add_candidate(list, request, box_at(x + diagonal, y + diagonal), {}, 1.5);
    add_candidate(list, request, box_at(x - diagonal - w, y - diagonal - h), {}, 2);
    add_candidate(list, request, box_at(x - diagonal - w, y + diagonal), {}, 2.5);
    static constexpr std::array rings = {0.6, 1.1, 1.8, 2.6, 3.6, 5.0, 7.0, 9.5};
    constexpr int angles = 20;
    for (const double ring : rings) {
      const double distance = own.radius + gap_ + ring * h;
      for (int k = 0; k < angles; ++k) {
        const double angle = 2 * std::numbers::pi * k / angles;
        const double end_x = x + distance * std::cos(angle), end_y = y - distance * std::sin(angle);
        const double cosine = std::cos(angle);
        // The text starts or ends at the leader; straight above and below it is centred.
        const double left = cosine > 0.35 ? end_x : cosine < -0.35 ? end_x - w : end_x - w / 2;
        const double sine = std::sin(angle);
        const double top = sine > 0.35 ? end_y - h : sine < -0.35 ? end_y : end_y - h / 2;
        add_candidate(list, request, box_at(left, top), PixelPoint{end_x, end_y}, 6 + 5 * ring);
      }
    }
    std::stable_sort(list.begin(), list.end(), [](const Candidate& a, const Candidate& b) { return a.cost < b.cost; });
    return list;
  }

  // Infinite when the two may not stand together.
  static double pair_cost(const Candidate& first, const Candidate& second) {
    if (!first.reach.overlaps(second.reach)) return 0;
    const PlacedLabel &a = first.label, &b = second.label;
    const double forbidden = std::numeric_limits<double>::infinity();
    if (grown(a.box, 1).overlaps(b.box)) return forbidden;
    if (a.has_leader && a.leader.crosses(b.box)) return forbidden;
    if (b.has_leader && b.leader.crosses(a.box)) return forbidden;
    if (a.has_leader && b.has_leader && a.leader.crosses(b.leader)) return 150;
    return grown(a.box, 3).overlaps(b.box) ? 3 : 0;
  }

  // Cost of label at its candidate against all placed labels but `skipped`.
  double cost_among(std::size_t label, std::size_t candidate, std::size_t skipped, double limit) const {
    const Candidate& own = candidates_[label][candidate];
    double cost = own.cost;
    for (std::size_t other = 0; other < chosen_.size() && cost < limit; ++other)
      if (other != label && other != skipped && chosen_[other] != none)
        cost += pair_cost(own, candidates_[other][chosen_[other]]);
    return cost;
  }

  Choice best_choice(std::size_t label, std::size_t skipped = none) const {
    Choice best;
    for (std::size_t c = 0; c < candidates_[label].size(); ++c) {
      if (candidates_[label][c].cost >= best.cost) break;
      const double cost = cost_among(label, c, skipped, best.cost);
      if (cost < best.cost) best = {c, cost};
    }
    return best;
  }

  double cost_now(std::size_t label, std::size_t skipped = none) const {
    return chosen_[label] == none ? dropped_cost : cost_among(label, chosen_[label], skipped, dropped_cost);
  }

  void sweep(const std::vector<std::size_t>& order) {
    for (int round = 0; round < 8; ++round)
      if (!improve(order)) break;
  }

  double total_cost() const {
    double total = 0;
    for (std::size_t label = 0; label < chosen_.size(); ++label) {
      if (chosen_[label] == none) {
        total += dropped_cost;
        continue;
      }
      const Candidate& own = candidates_[label][chosen_[label]];
      total += own.cost;
      for (std::size_t other = 0; other < label; ++other)
        if (chosen_[other] != none) total += pair_cost(own, candidates_[other][chosen_[other]]);
    }
    return total;
  }

  // Random moves, at first also for the worse, to leave what the sweeps cannot improve one move at a time. The seed is
  // fixed: one input, one layout.
  void anneal() {
    if (requests_.size() < 2 || total_cost() < 20.0 * static_cast<double>(requests_.size())) return;
    Random random(1);
    std::vector<std::size_t> best = chosen_;
    double now = total_cost(), least = now;
    const std::size_t moves = std::min<std::size_t>(400 * requests_.size(), 20000);
    for (std::size_t move = 0; move < moves; ++move) {
      const double warmth = 60 * std::pow(0.02, static_cast<double>(move) / static_cast<double>(moves));
      const std::size_t label = random.index(requests_.size());
      if (candidates_[label].empty()) continue;
      // Cheap places come first in the list and are tried more often.
      const double draw = random.uniform();
      const auto candidate = static_cast<std::size_t>(draw * draw * static_cast<double>(candidates_[label].size()));
      const double before = cost_now(label);
      const double limit = before - warmth * std::log(1 - random.uniform());
      const double after = cost_among(label, candidate, none, limit);
      if (after >= limit) continue;
      chosen_[label] = candidate;
      now += after - before;
      if (now < least - 1e-9) {
        least = now;
        best = chosen_;
      }
    }
    chosen_ = best;
  }

  bool improve(const std::vector<std::size_t>& order) {
    bool better = false;
    for (const std::size_t label : order) {
      const double before = cost_now(label);
      const Choice alone = best_choice(label);
      if (alone.cost < before - 1e-9) {
        chosen_[label] = alone.index;
        better = true;
      }
      if (cost_now(label) > 20) better = make_way(label) || better;
    }
    return better;
  }

  // Takes one neighbour away, places `label`, and puts the neighbour wherever it then fits best.
  bool make_way(std::size_t label) {
    for (const std::size_t other : neighbours_[label]) {
      if (chosen_[other] == none) continue;
      const std::size_t label_before = chosen_[label], other_before = chosen_[other];
      const double before = cost_now(label) + cost_now(other, label);
      chosen_[other] = none;
      const Choice mine = best_choice(label);
      if (mine.cost >= before) {
        chosen_[other] = other_before;
        continue;
      }
      chosen_[label] = mine.index;
      const Choice theirs = best_choice(other);
      chosen_[other] = theirs.index;
      if (mine.cost + theirs.cost < before - 1e-9) return true;
      chosen_[label] = label_before;
      chosen_[other] = other_before;
    }
    return false;
  }

  // The labels most likely in the way: those of the nearest points.
  std::vector<std::size_t> neighbours_of(std::size_t label) const {
    constexpr std::size_t most = 8;
    const PixelPoint own = obstacles_.markers[requests_[label].marker].centre;
    std::vector<std::pair<double, std::size_t>> distances;
    for (std::size_t other = 0; other < requests_.size(); ++other) {
      const PixelPoint point = obstacles_.markers[requests_[other].marker].centre;
      // Names are wide and flat, so a step across counts less than a step down.
      if (other != label) distances.emplace_back(std::hypot((point.x - own.x) / 3, point.y - own.y), other);
    }
    std::sort(distances.begin(), distances.end());
    std::vector<std::size_t> result;
    for (const auto& [distance, other] : distances)
      if (result.size() < most) result.push_back(other);
    return result;
  }

  const std::vector<LabelRequest>& requests_;
  const LabelObstacles& obstacles_;
  double gap_;
  std::vector<std::size_t> chosen_;
  std::vector<std::vector<Candidate>> candidates_;
  std::vector<std::vector<std::size_t>> neighbours_;
};

}  // namespace

double PixelBox::distance(PixelPoint p) const {
  const double dx = std::max({left - p.x, 0.0, p.x - right}), dy = std::max({top - p.y, 0.0, p.y - bottom});
  return std::hypot(dx, dy);
}

bool PixelSegment::crosses(const PixelBox& box) const {
  // Liang and Barsky's clipping: the part of the segment inside the box, if any.
  double enter = 0, leave = 1;
  const double dx = to.x - from.x, dy = to.y - from.y;
  const std::array<double, 4> p = {-dx, dx, -dy, dy};
  const std::array<double, 4> q = {from.x - box.left, box.right - from.x, from.y - box.top, box.bottom - from.y};
  for (std::size_t i = 0; i < 4; ++i) {
    if (p[i] == 0) {
      if (q[i] <= 0) return false;
      continue;
    }
    const double t = q[i] / p[i];
    if (p[i] < 0) enter = std::max(enter, t);
    else leave = std::min(leave, t);
  }
  return enter < leave;
}

bool PixelSegment::crosses(const PixelSegment& other) const {
  const double a = turn(from, to, other.from), b = turn(from, to, other.to);
  const double c = turn(other.from, other.to, from), d = turn(other.from, other.to, to);
  return ((a > 0) != (b > 0)) && ((c > 0) != (d > 0));
}

double PixelSegment::distance(PixelPoint p) const {
  const double length2 = squared(to.x - from.x) + squared(to.y - from.y);
  double t = length2 > 0 ? ((p.x - from.x) * (to.x - from.x) + (p.y - from.y) * (to.y - from.y)) / length2 : 0;
  t = std::clamp(t, 0.0, 1.0);
  return std::hypot(p.x - from.x - t * (to.x - from.x), p.y - from.y - t * (to.y - from.y));
}

std::vector<PlacedLabel> place_labels(const std::vector<LabelRequest>& requests, const LabelObstacles& obstacles,
                                      double gap) {
  return Placer(requests, obstacles, gap).place();
}

}  // namespace isoflop
