// From a row of the model catalogue to the architecture it describes. What the row does not say, or what this toolkit
// cannot represent, is an Error, not a guess; what is simplified is said in Architecture::notes.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "isoflop/catalogue/models.h"
#include "isoflop/model/architecture.h"

namespace isoflop {

/// Why there is no architecture for the row: an undisclosed or missing dimension, or an unsupported design
/// (state-space hybrids, linear attention, relative positions). Nothing when there is one.
std::optional<std::string> why_no_architecture(const ModelRecord& record);

/// Throws Error (CannotRun) with that reason.
Architecture architecture_of(const ModelRecord& record);

/// The activation that a row names in its column `activation`; nothing for a name that architecture_of() refuses.
std::optional<Activation> activation_named(std::string_view name);
/// "SwiGLU, GELU, ...": the names it takes.
std::string activation_names();

/// Layers of OpenELM (arXiv:2404.14619): query widths and MLP widths grow linearly from the first to the last layer,
/// rounded to whole groups of heads and to multiples of `divisor`.
struct LayerWiseScaling {
  double query_first = 0.5, query_last = 1.0;
  double mlp_first = 0.5, mlp_last = 4.0;
  std::int64_t heads_per_group = 4;
  std::int64_t divisor = 256;
};
std::vector<Layer> layer_wise_layers(std::int64_t layers, std::int64_t width, std::int64_t head_dim,
                                     const LayerWiseScaling& scaling);

}  // namespace isoflop
