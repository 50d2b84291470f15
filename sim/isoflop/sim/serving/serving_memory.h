// What a deployment holds in memory, by class, over all devices, and what follows: does it fit, how large a batch, how
// long a context. Every expert is stored, whatever few a token uses.
//
//   weights      sum over parameters of bytes in their format
//   kv_cache     batch x elements of a sequence of prompt + generate tokens; windows keep no more than they see.
//                Key/value heads fewer than devices are kept on several of them; a latent cache on every device
//   activations  the widest operation of a pass over at most 8192 tokens (assumed: engines feed prompts in such
//                pieces), inputs and outputs in 16 bits, and the residual stream; in every pipeline stage, and in every
//                replica of the attention for its sequences
//   other        1.5 GB a device, at most 8 % of its memory: context, libraries, workspace (assumed)
//
// Replicas of the attention (--attention dp) each hold all that is no routed expert, and the cache of their sequences.
// A pipeline stage holds its layers and their cache; a tied head is stored again on the last stage. What counts for
// fitting is the fullest device: of the stage that has most, with the busiest replica's sequences.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "isoflop/hardware/accelerator.h"
#include "isoflop/sim/serving/serving_load.h"

namespace isoflop::sim {

inline constexpr std::int64_t tokens_per_pass = 8192;
inline constexpr double other_bytes_per_device = 1.5e9, other_share_of_memory = 0.08;
inline constexpr std::int64_t longest_searched_context = std::int64_t{1} << 27,
                              largest_searched_batch = std::int64_t{1} << 22;

struct ServingMemory {
  double weights = 0, kv_cache = 0, activations = 0, other = 0;  ///< bytes, all devices
  double fullest_device = 0;                                     ///< bytes
  double total() const { return weights + kv_cache + activations + other; }
};

/// What of a model does not depend on batch and length, worked out once.
class MemoryModel {
 public:
  MemoryModel(const Architecture& architecture, const Accelerator& accelerator);

  /// Also holds what drafts for it: another model, with weights and cache over the devices of `draft_load`, or the
  /// cache of its own prediction layer, whose weights count in any case.
  void add_draft(const Architecture& draft, const ServingLoad& draft_load);
  void add_prediction_cache();

  ServingMemory memory(const ServingLoad& load) const;  ///< Bytes by class.
  bool fits(const ServingLoad& load) const { return memory(load).fullest_device <= device_bytes_; }
  /// At the load's prompt and generation; 0 when not even one sequence fits.
  std::int64_t max_batch(ServingLoad load) const;
  /// Prompt and generation together at the load's batch; 0 when not even one token fits, `longest_searched_context` or
  /// more when memory sets no limit.
  std::int64_t max_context(ServingLoad load) const;
  /// Fewest devices that hold the load by tensor parallelism, at most 1024: sizes that divide the query heads of every
  /// layer. Nothing when none does.
  std::optional<std::int64_t> devices_needed(ServingLoad load) const;
  /// The same with pipeline stages of up to a node's tensor parallelism, or of expert parallelism with the attention
  /// repeated: the layout of fewest devices, of these the one with the fewest stages, tensor parallelism before expert
  /// parallelism. Nothing when even one layer a stage does not fit.
  std::optional<ServingLoad> smallest_layout(ServingLoad load) const;

 private:
  struct WeightBytes;
  double activation_bytes(const ServingLoad& load) const;
  WeightBytes weight_bytes(const ServingLoad& load) const;

  Architecture architecture_;
  double device_bytes_;
  Program one_token_;
  std::vector<Architecture> one_layer_;  ///< of each kind, for its share of the cache
  std::optional<Architecture> predicting_;
  std::shared_ptr<const MemoryModel> draft_;
  ServingLoad draft_load_;
};

}  // namespace isoflop::sim
