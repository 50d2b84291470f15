#include "floors.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>

namespace isoflop::sim {

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Counts& counts() {
  static Counts all;
  return all;
}

void count(const std::string& verdict) {
  Counts& all = counts();
  (verdict == "PASS" ? all.passes : verdict == "MISS" ? all.misses : all.unknown)++;
}

void line(const std::string& what, const std::string& value, const std::string& floor, const std::string& verdict,
          const std::string& note) {
  fmt::print("{:<58} {:>12} {:>9}  {:<12} {}\n", what, value, floor, verdict, note);
  std::fflush(stdout);
}

void judge(const std::string& what, std::span<const Window> windows, double floor, bool placement_matters,
           const std::string& note, std::size_t fewest) {
  RepeatRules rules;
  rules.placement_matters = placement_matters;
  rules.fewest = fewest;
  const Repeats r = summarise(windows, rules);
  const std::string verdict = !r.conclusive ? "INCONCLUSIVE" : r.median >= floor ? "PASS" : "MISS";
  count(verdict);
  const std::string conditions =
      fmt::format("spread {:.1f} %, {} of {} windows{}{}", 100 * r.disagreement, r.kept, windows.size(),
                  placement_matters ? ", " + placement_name(r.placement) : "", r.conclusive ? "" : "; " + r.reason);
  line(what, fmt::format("{:.3f}", r.median), fmt::format(">= {:.2f}", floor), verdict,
       conditions + (note.empty() ? "" : "; " + note));
}

}  // namespace isoflop::sim
