// Where an axis carries numbers, and how they are written: round numbers, powers of ten, calendar dates.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "isoflop/plot/plot_spec.h"

namespace isoflop {

struct Tick {  ///< A value with its text.
  double at = 0;
  std::string label;
};

struct Ticks {
  std::vector<Tick> major;
  std::vector<double> minor;  ///< marks without a number
};

/// Position and room of labels: `place(value)` is along the axis in px; `extent(label)` the room a label takes there.
struct TickRoom {
  std::function<double(double)> place;
  std::function<double(const std::string&)> extent;
  double gap_px = 10;        ///< least distance between two labels
  double spacing_px = 50;    ///< least distance between two ticks that carry numbers
};

/// The densest set of round ticks in [low, high] whose labels keep their distance. low < high; both positive on a Log
/// axis.
Ticks make_ticks(const Axis& axis, double low, double high, const TickRoom& room);

/// One number in the style of the axis: "10²¹", "2×10²¹", "1.4T", "2,500", "2024-04-30".
std::string tick_text(const Axis& axis, double value, int digits = 4);

/// Days since 1970-01-01 of a civil date, and back as "2024-04-30". Proleptic Gregorian calendar.
double days_of_date(int year, int month, int day);
std::string date_text(double days);

}  // namespace isoflop
