// The finished picture: gnuplot's geometry with our own head (size, accessible title and description), marker shapes,
// hover texts, and every text of the figure on top. Byte-stable: no dates, no ids that vary.
#pragma once
#include <string>

#include "isoflop/plot/figure.h"

namespace isoflop {

/// What the marks of a picture carry. ForScripts: points, their names, intervals and lines say which point layer they
/// belong to (data-g), points and bars have a number (data-i), and hover texts are longer. Numbers: the same without
/// hover texts, for a second picture of the same plot.
enum class MarkData { HoverText, ForScripts, Numbers };

/// `gnuplot_svg` is what gnuplot made of gnuplot_script(figure, theme). Throws Error (CannotRun) if it is not that.
std::string svg_document(const std::string& gnuplot_svg, const Figure& figure, Theme theme,
                         MarkData data = MarkData::HoverText);

/// & < > " ' as entities.
std::string xml_text(const std::string& text);

}  // namespace isoflop
