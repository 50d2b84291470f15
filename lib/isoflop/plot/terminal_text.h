// Text and colour for terminals, and bar charts of text.
#pragma once
#include <cstddef>
#include <string>

#include "isoflop/plot/plot_spec.h"

namespace isoflop {

/// Without control characters; without Unicode also without anything but ASCII: 10²¹ becomes 10^21.
std::string terminal_text(const std::string& text, bool unicode);

/// At most `room` characters; an ellipsis stands for what is left out.
std::string cut_terminal_text(const std::string& text, std::size_t room, bool unicode);

/// The escape that switches to a layer's colour; nothing for plain_terminal_colour.
std::string terminal_colour(int colour);
constexpr int plain_terminal_colour = -3;

/// A row a bar: name, bar, number.
std::string terminal_bars(const PlotSpec& plot, std::size_t columns, bool colour, bool unicode);

}  // namespace isoflop
