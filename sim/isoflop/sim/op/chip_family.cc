#include "isoflop/sim/op/chip_family.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace isoflop::sim {
namespace {

// Dies as NVIDIA's architecture papers name them: GH100, GA100, the Blackwell pair, GA102.
constexpr std::array<std::array<std::string_view, 6>, 4> families = {{
    {"h100-sxm-80gb", "h200-sxm-141gb", "h800-sxm-80gb", "gh200-96gb", "h100-pcie-80gb", ""},
    {"a100-sxm-80gb", "a100-sxm-40gb", "a100-pcie-80gb", "", "", ""},
    {"b200-sxm-180gb", "gb200-186gb", "b300-sxm-288gb", "gb300-288gb", "", ""},
    {"a40", "rtx-a6000", "", "", "", ""},
}};

}  // namespace

std::vector<std::string> relatives(const std::string& accelerator) {
  std::vector<std::string> result;
  for (const auto& family : families) {
    if (std::find(family.begin(), family.end(), accelerator) == family.end()) continue;
    for (const std::string_view id : family)
      if (!id.empty() && id != accelerator) result.emplace_back(id);
  }
  return result;
}

}  // namespace isoflop::sim
