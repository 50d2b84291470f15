// Heat maps in pages: thousands of rectangles, one element each, as one path a colour. The picture is the same and
// takes a third of the bytes, because a path needs a corner, a width and a height of each and its colour once.
#pragma once
#include <string>

namespace isoflop {

/// `svg` with every run of many neighbouring upright <polygon> rectangles, as gnuplot writes cells, joined by colour
/// into <path> elements. Runs of fewer than 64, and polygons that are no upright rectangles, stay as they are.
std::string join_heat_cells(const std::string& svg);

}  // namespace isoflop
