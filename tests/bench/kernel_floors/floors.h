// What the parts of bench_kernel_floors share: one line per floor, judged over windows by the rules of repeats.h.
#pragma once
#include <set>
#include <span>
#include <string>

#include "isoflop/sim/kernel/streamed_matrix.h"
#include "isoflop/sim/machine/machine_calibration.h"

namespace isoflop::sim {

double wall_seconds();

struct Counts {
  int passes = 0, misses = 0, unknown = 0;
};
/// Of all lines so far.
Counts& counts();

void line(const std::string& what, const std::string& value, const std::string& floor, const std::string& verdict,
          const std::string& note);

/// PASS or MISS over the windows that count, INCONCLUSIVE where fewer than `fewest` do or they disagree.
void judge(const std::string& what, std::span<const Window> windows, double floor, bool placement_matters,
           const std::string& note = "", std::size_t fewest = 5);

/// As judge() says of a floor that was decided elsewhere.
void count(const std::string& verdict);

/// The names given on the command line; a part takes those that it knows.
using Words = std::set<std::string>;

void judge_products();
/// Words: beginnings of shapes ("12x768-T512", "4x256") and "fp32", "bf16"; none of a kind: all.
void judge_training(const Words& words);
void judge_loss();
/// Words: weight formats; none: all.
void judge_decoding(const Words& words);
void judge_calibration();

}  // namespace isoflop::sim
