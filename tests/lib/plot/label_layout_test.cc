#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "isoflop/plot/figure.h"
#include "isoflop/plot/label_layout.h"
#include "isoflop/plot/text_metrics.h"
#include "isoflop/random.h"
#include "lib/plot/sample_plots.h"

using namespace isoflop;

namespace {

struct Cloud {
  LabelObstacles obstacles;
  std::vector<LabelRequest> requests;
};

Cloud random_cloud(std::uint64_t index) {
  Random random(20, index);
  Cloud cloud;
  cloud.obstacles.area = {50, 40, random.uniform(300, 950), random.uniform(200, 560)};
  const auto points = 1 + random.index(150);
  const bool clustered = random.coin();
  for (std::size_t i = 0; i < points; ++i) {
    const PixelBox& area = cloud.obstacles.area;
    PixelPoint centre = {random.uniform(area.left, area.right), random.uniform(area.top, area.bottom)};
    if (clustered) {
      centre.x = std::clamp((area.left + area.right) / 2 + 40 * random.normal(), area.left, area.right);
      centre.y = std::clamp((area.top + area.bottom) / 2 + 30 * random.normal(), area.top, area.bottom);
    }
    cloud.obstacles.markers.push_back({centre, random.uniform(3, 7)});
    if (random.uniform() < 0.35) cloud.requests.push_back({i, random.uniform(20, 140), 14.3});
  }
  for (int k = 0; k < 30; ++k)
    cloud.obstacles.lines.push_back({{50.0 + 30 * k, 300.0 - 5 * k}, {80.0 + 30 * k, 295.0 - 5 * k}});
  cloud.obstacles.keep_out.push_back({60, 50, 160, 66});
  return cloud;
}

}  // namespace

TEST_CASE("on 120 random clouds no label covers a label, a marker, a leader or a kept-out box, nor leaves the area") {
  std::size_t asked = 0, placed_count = 0;
  for (std::uint64_t index = 0; index < 120; ++index) {
    const Cloud cloud = random_cloud(index);
    const auto placed = place_labels(cloud.requests, cloud.obstacles, 2.5);
    REQUIRE(placed.size() == cloud.requests.size());
    asked += placed.size();
    for (std::size_t i = 0; i < placed.size(); ++i) {
      if (!placed[i].placed) continue;
      ++placed_count;
      const PixelBox& box = placed[i].box;
      bool clear = cloud.obstacles.area.contains(box) && !box.overlaps(cloud.obstacles.keep_out[0]);
      for (const auto& marker : cloud.obstacles.markers) clear = clear && box.distance(marker.centre) >= marker.radius;
      for (std::size_t j = 0; j < placed.size(); ++j) {
        if (j == i || !placed[j].placed) continue;
        clear = clear && !box.overlaps(placed[j].box) && !(placed[j].has_leader && placed[j].leader.crosses(box));
      }
      INFO("cloud " << index << " label " << i);
      CHECK(clear);
    }
  }
  // Most labels find room even in these crowds.
  CHECK(static_cast<double>(placed_count) > 0.8 * static_cast<double>(asked));
}

TEST_CASE("a lone label stands right of its point without a leader") {
  LabelObstacles obstacles;
  obstacles.area = {0, 0, 400, 300};
  obstacles.markers = {{{100, 100}, 5}};
  const auto placed = place_labels({{0, 60, 14}}, obstacles, 3);
  REQUIRE(placed[0].placed);
  CHECK(!placed[0].has_leader);
  CHECK(placed[0].box.left == 108);
  CHECK(placed[0].box.top == 93);
}

TEST_CASE("a label wider than the area is dropped, not squeezed") {
  LabelObstacles obstacles;
  obstacles.area = {0, 0, 100, 100};
  obstacles.markers = {{{50, 50}, 5}};
  CHECK(!place_labels({{0, 120, 14}}, obstacles, 3)[0].placed);
}

TEST_CASE("a label gives way so that a more confined one fits") {
  LabelObstacles obstacles;
  obstacles.area = {0, 0, 300, 18};  // one row: only left and right remain
  obstacles.markers = {{{80, 9}, 4}, {{160, 9}, 4}};
  const auto placed = place_labels({{0, 60, 14}, {1, 60, 14}}, obstacles, 3);
  CHECK(placed[0].placed);
  CHECK(placed[1].placed);
}

TEST_CASE("segments know the boxes they pass through") {
  const PixelBox box = {10, 10, 20, 20};
  CHECK(PixelSegment{{0, 15}, {30, 15}}.crosses(box));
  CHECK(PixelSegment{{12, 12}, {13, 13}}.crosses(box));
  CHECK(!PixelSegment{{0, 0}, {30, 5}}.crosses(box));
  CHECK(!PixelSegment{{0, 10}, {30, 10}}.crosses(box));  // along the edge
  CHECK(!PixelSegment{{5, 0}, {5, 30}}.crosses(box));
}
