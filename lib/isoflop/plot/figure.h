// A plot with every place decided, in pixels of its design size: axes box, ticks, texts, legend keys, labels. Back ends
// only draw it. Nothing is cut off: texts wrap, the axes box takes what is left, and labels without room are listed in
// the caption.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/plot/axis_map.h"
#include "isoflop/plot/contours.h"
#include "isoflop/plot/label_layout.h"
#include "isoflop/plot/plot_spec.h"
#include "isoflop/plot/ticks.h"

namespace isoflop {

enum class Anchor { Start, Middle, End };  ///< Which part of a text stands at its point.
enum class Ink { Text, Muted };  ///< Colour of a text by its role.

/// One line of text; (x, y) is where its baseline starts, ends or has its middle.
struct FigureText {
  double x = 0, y = 0, size = 12;
  std::string text;
  Anchor anchor = Anchor::Start;
  Ink ink = Ink::Text;
  bool bold = false;
  bool halo = false;  ///< drawn over a rim of background colour, because it stands among marks
  std::optional<double> heat_share;  ///< stands on this place of the colour ramp, whose ink it takes
  PixelBox box() const;
};

/// A line of equal height, in data units.
struct FigureContour {
  ContourLine line;
  double heat_share = 0;
};

enum class KeyKind { Marker, Line, Band, Bar };  ///< Kind of sample beside a legend entry.

/// The sample beside a legend entry; centred at (x, y).
struct LegendKey {
  KeyKind kind = KeyKind::Marker;
  double x = 0, y = 0, width = 0;
  Marker marker = Marker::Circle;
  std::vector<double> dashes;  ///< as dashes_of_line
  int colour = 0;
  double line_width = 2, opacity = 1;
};

struct Figure {
  const PlotSpec* plot = nullptr;
  int width = 0, height = 0;
  double unit = 1;   ///< size of type and marks; 1 at 960 x 600
  PixelBox axes;
  AxisMap x, y;
  Ticks x_ticks, y_ticks;
  std::vector<FigureText> texts;
  std::vector<LegendKey> keys;
  std::vector<PixelSegment> leaders;
  std::vector<FigureContour> contours;
  PixelBox colour_bar;                     ///< empty without heat
  double heat_low = 0, heat_high = 1;      ///< z at the ends of the colour bar
  std::vector<FigureText> labels;          ///< names beside points
  std::vector<std::string> unlabelled;     ///< names without room
  std::vector<std::string> outside;        ///< points the axes do not show
};

/// Radius of a layer's markers in px.
double marker_radius(const Figure& figure, const PointLayer& layer);

/// Share of the colour ramp at z, in [0, 1].
double heat_share(const Figure& figure, double z);

/// Throws Error (CannotRun) for a spec whose columns differ in length. `plot` must outlive the figure.
Figure lay_out(const PlotSpec& plot);

}  // namespace isoflop
