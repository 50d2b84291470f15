#include "isoflop/sim/op/message_unit.h"

#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

constexpr double least_message = 1e6;
constexpr std::size_t least_pairs = 5;

// Median of |ln(time ratio)| over calls of different formats whose messages are equal under the reading.
struct Comparison {
  std::size_t pairs = 0;
  double distance = 0;
};

Comparison compared(std::span<const MessageRow> rows, bool elements) {
  std::map<std::pair<std::string, double>, std::vector<const MessageRow*>> equal;
  for (const auto& row : rows)
    if (row.message >= least_message)
      equal[{row.call, row.message * (elements ? row.element_bytes : 1)}].push_back(&row);
  std::vector<double> distances;
  for (const auto& [call, same] : equal)
    for (std::size_t i = 0; i < same.size(); ++i)
      for (std::size_t j = i + 1; j < same.size(); ++j)
        if (same[i]->element_bytes != same[j]->element_bytes)
          distances.push_back(std::fabs(std::log(same[i]->seconds / same[j]->seconds)));
  if (distances.empty()) return {};
  return {distances.size(), median(distances)};
}

}  // namespace

MessageUnitFinding message_unit(std::span<const MessageRow> rows) {
  const Comparison bytes = compared(rows, false), elements = compared(rows, true);
  MessageUnitFinding finding;
  finding.pairs = std::min(bytes.pairs, elements.pairs);
  finding.as_bytes = std::exp(bytes.distance);
  finding.as_elements = std::exp(elements.distance);
  if (finding.pairs < least_pairs) return finding;
  if (finding.as_elements < 1.1 && finding.as_bytes > 1.25) finding.unit = MessageUnit::Elements;
  if (finding.as_bytes < 1.1 && finding.as_elements > 1.25) finding.unit = MessageUnit::Bytes;
  return finding;
}

}  // namespace isoflop::sim
