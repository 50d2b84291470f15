#include "isoflop/sim/machine/repeats.h"

#include <fmt/format.h>

#include <map>

#include "isoflop/statistics.h"

namespace isoflop::sim {

std::string placement_name(Placement placement) {
  switch (placement) {
    case Placement::Unknown: return "unknown";
    case Placement::OneProcessor: return "one processor";
    case Placement::SharedCore: return "one core";
    case Placement::SharedCache: return "same cache";
    case Placement::Apart: return "apart";
  }
  return "";
}

Repeats summarise(std::span<const Window> windows, const RepeatRules& rules) {
  Repeats result;
  std::vector<const Window*> quiet;
  for (const auto& w : windows) {
    if (w.steal > rules.most_steal) ++result.dropped_steal;
    else quiet.push_back(&w);
  }
  if (rules.placement_matters) {
    std::map<Placement, std::size_t> steady;
    for (const auto* w : quiet)
      if (w->before == w->after) ++steady[w->before];
    std::size_t most = 0;
    for (const auto& [placement, count] : steady)
      if (count > most) {
        most = count;
        result.placement = placement;
      }
    std::vector<const Window*> same;
    for (const auto* w : quiet)
      if (w->before == w->after && w->before == result.placement) same.push_back(w);
    result.dropped_placement = quiet.size() - same.size();
    quiet = std::move(same);
  }
  result.kept = quiet.size();
  if (quiet.empty()) {
    result.reason =
        windows.empty() ? "nothing was measured" : fmt::format("all {} windows were disturbed", windows.size());
    return result;
  }
  std::vector<double> values;
  for (const auto* w : quiet) values.push_back(w->value);
  result.median = median(values);
  result.low = quantile(values, 0.25);
  result.high = quantile(values, 0.75);
  result.disagreement = result.median > 0 ? 0.5 * (result.high - result.low) / result.median : 0;
  if (result.kept < rules.fewest)
    result.reason = fmt::format("{} undisturbed windows, fewer than {}", result.kept, rules.fewest);
  else if (result.disagreement > rules.most_disagreement)
    result.reason = fmt::format("repeats disagree by {:.0f} %, more than {:.0f} %", 100 * result.disagreement,
                                100 * rules.most_disagreement);
  result.conclusive = result.reason.empty();
  return result;
}

}  // namespace isoflop::sim
