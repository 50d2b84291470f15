// What a plot shows, independent of who draws it. Back ends: gnuplot SVG (master), Vega-Lite, terminal, CSV.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace isoflop {

enum class Scale { Linear, Log, Date };  ///< Date: x in days since 1970-01-01
enum class Marker { Circle, Square, TriangleUp, TriangleDown, Diamond, Pentagon, CircleOpen, SquareOpen, TriangleUpOpen,
                    TriangleDownOpen, DiamondOpen, Cross };  ///< Shape of a point.
enum class Dash { Solid, Dashed, Dotted };  ///< Pattern of a line.
enum class Theme { Light, Dark };  ///< Light or dark background.
/// How tick numbers are written. Auto: 10^n for wide log axes and very large numbers, else plain digits.
/// Count: 7B, 1.4T (parameters, tokens). Plain: digits with thousands separators.
enum class TickStyle { Auto, Plain, Power, Count };

struct Axis {  ///< Title, scale and range.
  std::string title;  ///< with its unit
  Scale scale = Scale::Linear;
  std::optional<double> low, high;  ///< from the data when absent
  TickStyle ticks = TickStyle::Auto;
};

/// Points of one group. `names`, `notes` are empty or as long as x; a non-empty name of `labelled` points is drawn.
struct PointLayer {
  std::string legend;
  std::vector<double> x, y;
  std::vector<double> y_low, y_high;  ///< error bars; empty = none
  std::vector<std::string> names;     ///< identity of each point (hover text, labels)
  std::vector<std::string> notes;     ///< further hover text of each point; empty = none
  std::vector<bool> labelled;         ///< which names are written beside their point; empty = none
  Marker marker = Marker::Circle;
  int colour = 0;                     ///< index into the theme's palette; -1 = muted grey, -2 = the colour of text
  double size = 1;
};

struct LineLayer {  ///< Points joined by a line.
  std::string legend;
  std::vector<double> x, y;
  Dash dash = Dash::Solid;
  int colour = 0;
  double width = 2;
};

struct BandLayer {  ///< The area between two curves.
  std::string legend;
  std::vector<double> x, low, high;
  int colour = 0;
  double opacity = 0.15;
};

/// Horizontal bars or stacked bars: value per category; `low`/`high` empty or as long as values.
struct BarLayer {
  std::string legend;
  std::vector<std::string> categories;
  std::vector<double> values, low, high;
  int colour = 0;
};

/// Filled contours or heat map on a regular grid, z in row-major order (y outer).
struct HeatLayer {
  std::string legend;  ///< heading of the colour bar
  std::vector<double> x, y, z;  ///< x, y ascending; z.size() == x.size() * y.size(); NaN cells stay empty
  Scale scale = Scale::Linear;  ///< of z; Linear or Log
  bool contours = true;         ///< lines of equal z at the ticks of the colour bar
};

struct RuleLayer {  ///< a full-width horizontal or full-height vertical line with a caption
  std::string caption;
  std::optional<double> x, y;
  Dash dash = Dash::Dashed;
};

struct PlotSpec {
  std::string name;      ///< file stem and identity, e.g. "outliers"
  std::string title;
  std::string subtitle;
  std::string source;    ///< printed under the plot
  std::string description;  ///< what a reader who cannot see it should know
  Axis x, y;
  std::vector<BandLayer> bands;
  std::vector<HeatLayer> heat;
  std::vector<LineLayer> lines;
  std::vector<PointLayer> points;
  std::vector<BarLayer> bars;   ///< when present: y categories, x values; stacked when several layers
  std::vector<RuleLayer> rules;
  bool stacked = true;
  int width_px = 960, height_px = 600;
};

}  // namespace isoflop
