// Where names go beside their points so that nothing is hidden. Pixels, y downwards.
//
// Every label has candidate boxes around its point: eight that touch it, then rings further out, joined to the point by
// a leader line. Hard rules: a box lies inside the area, covers no marker, no other box, no leader and no kept-out box.
// Soft costs: distance, covering a drawn line, a leader crossing things, standing nearer to another point than to its
// own. Greedy from the most confined label on, then sweeps that move one label, or one label and its blocker, while
// that lowers the total cost, and annealing where much cost remains. Labels without a candidate are dropped and
// counted. Deterministic.
#pragma once
#include <cstddef>
#include <vector>

namespace isoflop {

struct PixelPoint {  ///< Pixels.
  double x = 0, y = 0;
};

struct PixelBox {  ///< Pixels; bottom > top.
  double left = 0, top = 0, right = 0, bottom = 0;
  bool overlaps(const PixelBox& other) const {  ///< Touching edges do not overlap.
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
  bool contains(const PixelBox& inner) const {  ///< Edges may touch.
    return inner.left >= left && inner.right <= right && inner.top >= top && inner.bottom <= bottom;
  }
  double distance(PixelPoint p) const;  ///< 0 inside
};

struct PixelSegment {  ///< A straight line.
  PixelPoint from, to;
  bool crosses(const PixelBox& box) const;  ///< Any part of it inside the box.
  bool crosses(const PixelSegment& other) const;  ///< Whether they meet.
  double distance(PixelPoint p) const;  ///< Of the point from the line.
};

struct PixelMarker {  ///< A drawn point.
  PixelPoint centre;
  double radius = 4;
};

struct LabelRequest {  ///< A label's size and the marker it names.
  std::size_t marker = 0;      ///< index into the obstacles' markers
  double width = 0, height = 0;
};

struct LabelObstacles {  ///< What labels must avoid, and where they must stay.
  PixelBox area;                       ///< labels stay inside
  std::vector<PixelMarker> markers;
  std::vector<PixelSegment> lines;     ///< better not covered
  std::vector<PixelBox> keep_out;      ///< never covered
};

struct PlacedLabel {  ///< Where a label ended up.
  bool placed = false;
  PixelBox box;
  bool has_leader = false;
  PixelSegment leader;  ///< from the marker's rim to the box
};

/// One result per request, in order. `gap` is the least distance of a box from its own marker's rim.
std::vector<PlacedLabel> place_labels(const std::vector<LabelRequest>& requests, const LabelObstacles& obstacles,
                                      double gap);

}  // namespace isoflop
