// When repeated measurements may be believed. Pure functions over what was measured: no clocks here.
//
// A window is one repeat with the conditions it was taken under. Windows are dropped, and counted, when the host took
// processor time away (steal), when the two threads were moved to another placement during the window, or when their
// placement is not that of most windows. Of what is left: the median, the quartiles, and the disagreement
//   d = (Q3 - Q1) / (2 median),
// half the distance between the quartiles over the median. Above a stated bound, or with too few windows left, nothing
// is concluded; the median is still reported, as a number not to be used.
#pragma once
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace isoflop::sim {

/// How two threads of this machine stand to each other, by the time a cache line takes from one to the other.
enum class Placement { Unknown, OneProcessor, SharedCore, SharedCache, Apart };
std::string placement_name(Placement placement);

struct Window {  ///< One repeat with its conditions.
  double value = 0;
  Placement before = Placement::Unknown, after = Placement::Unknown;
  double steal = 0;    ///< share of the machine's processor time that the host took
  double foreign = 0;  ///< share that other programs used
};

struct RepeatRules {  ///< When windows count, and how many are enough.
  double most_steal = 0.02;          ///< as in the reference measurements of this kernel
  double most_disagreement = 0.10;   ///< of d; assumed: half of what would hide a 20 % difference
  std::size_t fewest = 5;
  bool placement_matters = false;    ///< two threads and memory: their placement decides the bandwidth
};

struct Repeats {
  double median = 0, low = 0, high = 0;  ///< quartiles
  double disagreement = 0;
  std::size_t kept = 0, dropped_steal = 0, dropped_placement = 0;
  Placement placement = Placement::Unknown;  ///< of the windows kept
  bool conclusive = false;
  std::string reason;                ///< why not, when not conclusive
};

/// Median and disagreement of the windows that count.
Repeats summarise(std::span<const Window> windows, const RepeatRules& rules);

}  // namespace isoflop::sim
