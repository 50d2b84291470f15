// What the config.json of many model types have in common: a block drafted from the usual field names, which the reader
// of each type then alters and repeats.
#pragma once
#include <cstdint>
#include <functional>
#include <string>

#include "isoflop/model/architecture.h"
#include "isoflop/model/hf_fields.h"

namespace isoflop {

/// An architecture without its layers, and the layer that most of them are.
struct Draft {
  Architecture architecture;
  Layer layer;
};

/// The activation that `field` names, `absent` where it is not there. Throws Error for one that is not supported.
Activation activation_of(const HfFields& f, const std::string& field, const std::string& absent);

/// What most decoder configs share: RMSNorm, gated MLP, rotary positions, grouped heads.
Draft common_block(const HfFields& f, bool tied_by_default);

/// LayerNorm with bias, biases everywhere, plain MLP: GPT-2, BLOOM, GPT-NeoX, OPT, StarCoder2.
Draft classic_block(const HfFields& f, bool tied_by_default, const std::string& activation_field,
                    const std::string& activation);

/// How many layers the config states; bounded, because they are all held.
std::int64_t layer_count(const HfFields& f);

/// The draft with as many copies of its layer as the config states.
Architecture repeat(const HfFields& f, Draft d);

/// Sliding windows by layer_types where given, else `is_full` says which layers have none.
void apply_windows(const HfFields& f, Architecture& a, std::int64_t window,
                   const std::function<bool(std::int64_t layer)>& is_full);

}  // namespace isoflop
