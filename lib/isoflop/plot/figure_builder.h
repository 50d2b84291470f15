// How lay_out builds a figure: the frame of texts around the axes box (figure_frame.cc), then what stands inside it
// (figure_marks.cc). Not for other callers.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "isoflop/plot/figure.h"

namespace isoflop {

// Type sizes and distances in px at unit 1.
namespace figure_sizes {
constexpr double title = 22, subtitle = 15, text = 14, tick = 13.5, label = 13, note = 12;
constexpr double edge = 20, line_factor = 1.3;
// The baseline of a line of text below its top, and the depth of descenders, in em (DejaVu Sans draws 0.76 and 0.24).
constexpr double above_baseline = 0.83, below_baseline = 0.27;
// From the middle of a line of digits down to its baseline, in em.
constexpr double half_digit = 0.36;
}  // namespace figure_sizes

struct LegendEntry {
  std::string text;
  LegendKey key;
};

class FigureBuilder {
 public:
  FigureBuilder(const PlotSpec& plot, double unit, int height, std::size_t note_lines);
  Figure build();
  /// Lines the notes under the plot take; more than reserved means that they are not drawn yet.
  std::size_t needed_note_lines() const { return needed_note_lines_; }

 private:
  double px(double size) const { return size * figure_.unit; }
  double full_width() const { return figure_.width - 2 * px(figure_sizes::edge); }
  FigureText& add_text(double x, double y, double size, std::string text, Anchor anchor = Anchor::Start,
                       Ink ink = Ink::Text);

  void paragraph(const std::string& text, double size, Ink ink, bool bold);
  void header();
  std::vector<LegendEntry> legend_entries() const;
  void legend();
  TickRoom x_room() const;
  TickRoom y_room() const;
  void upper_titles();
  double lower_titles();
  void axes_box(double bottom);
  void place_axes();
  double y_label_width();
  void tick_texts();
  void footer();

  void bar_values();
  void prepare_heat();
  AxisMap heat_map() const;
  double colour_bar_room() const;
  void heat();
  void contour_label(const std::vector<PixelPoint>& path, const std::string& text, double share);
  bool covers_marker(const PixelBox& box) const;
  bool is_kept_out(const PixelBox& box) const;
  std::vector<PixelBox> caption_places(const RuleLayer& rule, double width, double height) const;
  void rule_captions();
  void add_line(const std::vector<double>& xs, const std::vector<double>& ys);
  void collect_lines();
  void point_labels();

  const PlotSpec& plot_;
  Figure figure_;
  double top_ = 0, note_bottom_ = 0, x_title_top_ = 0;
  std::size_t reserved_note_lines_ = 0, needed_note_lines_ = 0;
  std::vector<std::string> source_lines_, x_title_lines_, notes_;
  std::vector<std::vector<std::string>> categories_;  ///< lines of each category's name
  std::vector<PixelBox> keep_out_;
  std::vector<PixelSegment> drawn_lines_;
  Axis heat_axis_;
  Ticks heat_ticks_;
};

}  // namespace isoflop
