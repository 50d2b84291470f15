#include "isoflop/sim/serving/serving_memory.h"

#include <algorithm>
#include <numeric>

#include "isoflop/model/op_cost.h"
#include "isoflop/model/parameters.h"
#include "isoflop/sim/serving/stages.h"

namespace isoflop::sim {
namespace {

/// Copies of the cache that a group keeps, on average over layers by their size.
double cache_copies(const Architecture& architecture, std::int64_t devices) {
  double stored = 0, once = 0;
  for (const Layer& layer : architecture.layers) {
    const Attention& a = layer.attention;
    const double size = a.latent ? static_cast<double>(a.latent->kv_rank + a.latent->rope_dim)
                                 : static_cast<double>(2 * a.kv_heads * a.head_dim);
    const std::int64_t parts = a.latent ? 1 : std::min(a.kv_heads, devices);
    once += size;
    stored += size * static_cast<double>(devices) / static_cast<double>(std::max<std::int64_t>(parts, 1));
  }
  return once > 0 ? stored / once : 1;
}

/// Largest whole number in [0, highest] that satisfies a condition which holds up to some point only.
template <class Condition>
std::int64_t largest(std::int64_t highest, Condition holds) {
  if (!holds(1)) return 0;
  std::int64_t low = 1, high = 2;
  while (high <= highest && holds(high)) low = high, high *= 2;
  high = std::min(high, highest + 1);
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (holds(middle) ? low : high) = middle;
  }
  return low;
}

/// Sizes up to 1024 that divide the query heads of every layer, ascending.
std::vector<std::int64_t> tensor_parallel_sizes(const Architecture& architecture) {
  std::int64_t heads = 0;  // common divisor over layers
  for (const Layer& layer : architecture.layers) heads = std::gcd(heads, layer.attention.heads);
  std::vector<std::int64_t> sizes;
  for (std::int64_t tp = 1; tp <= std::min<std::int64_t>(heads, 1024); ++tp)
    if (heads % tp == 0) sizes.push_back(tp);
  return sizes;
}

}  // namespace

/// Bytes of one copy, by where they are needed.
struct MemoryModel::WeightBytes {
  std::vector<double> common, experts;  ///< of one layer of each kind
  double first = 0, last = 0;           ///< outside the layers: with the embedding, with the head
  double last_experts = 0;              ///< of prediction layers
  double tied_head = 0;                 ///< what a last stage apart from the first stores again
};

MemoryModel::MemoryModel(const Architecture& architecture, const Accelerator& accelerator)
    : architecture_(architecture), device_bytes_(accelerator.memory_bytes),
      one_token_(forward(architecture, Step::prefill(1, 1), LayerListing::Distinct)) {
  for (const LayerCount& kind : distinct_layers(architecture)) {
    Architecture one = architecture;
    one.layers = {kind.layer};
    one.prediction_layers.clear();
    one_layer_.push_back(std::move(one));
  }
}

void MemoryModel::add_draft(const Architecture& draft, const ServingLoad& draft_load) {
  Accelerator device;
  device.memory_bytes = device_bytes_;
  draft_ = std::make_shared<const MemoryModel>(draft, device);
  draft_load_ = draft_load;
}

void MemoryModel::add_prediction_cache() {
  predicting_ = architecture_;
  predicting_->layers = architecture_.prediction_layers;
  predicting_->prediction_layers.clear();
}

MemoryModel::WeightBytes MemoryModel::weight_bytes(const ServingLoad& load) const {
  WeightBytes bytes;
  bytes.common.assign(one_layer_.size(), 0.0);
  bytes.experts.assign(one_layer_.size(), 0.0);
  for (const Tensor& tensor : one_token_.tensors) {
    if (tensor.kind != TensorKind::Weight) continue;
    const double size = static_cast<double>(tensor.elements()) * bytes_per_weight(tensor, load);
    const auto kind = static_cast<std::size_t>(std::max(tensor.layer, 0));
    if (tensor.layer >= 0 && kind < one_layer_.size())
      (tensor.part == Part::Expert ? bytes.experts : bytes.common)[kind] += size;
    else if (tensor.part == Part::Embedding || tensor.part == Part::Position)
      bytes.first += size;
    else
      (tensor.experts > 1 ? bytes.last_experts : bytes.last) += size * static_cast<double>(tensor.times);
    if (architecture_.tied_embeddings && tensor.name == "embedding") bytes.tied_head += size;
  }
  return bytes;
}

// Every activation is proportional to the tokens of the pass, except logits, which only the last token of each has.
double MemoryModel::activation_bytes(const ServingLoad& load) const {
  const double tokens = static_cast<double>(
      std::clamp<std::int64_t>(load.batch * load.prompt, load.batch, std::max(tokens_per_pass, load.batch)));
  double widest = 0, logits = 0;
  for (const Op& op : one_token_.ops) {
    const double elements = isoflop::cost(op, Pass::Forward).traffic.activations;
    (op.part == Part::Head ? logits : widest) = std::max(op.part == Part::Head ? logits : widest, elements);
  }
  return 2 * (tokens * (widest + static_cast<double>(architecture_.width)) + static_cast<double>(load.batch) * logits);
}

ServingMemory MemoryModel::memory(const ServingLoad& load) const {
  const auto tp = static_cast<double>(load.tensor_parallel), replicas = static_cast<double>(load.replicas()),
             stage_devices = static_cast<double>(load.stage_devices());
  const StagePlan plan = stage_plan(architecture_, load.pipeline_parallel);
  const WeightBytes weights = weight_bytes(load);
  const double copies = cache_copies(architecture_, load.tensor_parallel);
  std::vector<double> cache;  // of one sequence in one layer of each kind
  for (const Architecture& one : one_layer_)
    cache.push_back(copies * static_cast<double>(kv_elements(one, load.last_context())) * load.kv_bytes());
  ServingLoad of_replica = load;
  of_replica.batch = load.sequences_per_replica(load.batch);
  const double activations = activation_bytes(of_replica);
  const double other = std::min(other_bytes_per_device, other_share_of_memory * device_bytes_);
  ServingMemory memory;
  const std::size_t stages = plan.layers.size();
  for (std::size_t s = 0; s < stages; ++s) {
    double common = 0, experts = 0, sequence = 0;
    for (std::size_t k = 0; k < one_layer_.size(); ++k) {
      const auto layers = static_cast<double>(plan.layers_of_kind[s][k]);
      common += layers * weights.common[k];
      experts += layers * weights.experts[k];
      sequence += layers * cache[k];
    }
    if (s == 0) common += weights.first;
    if (s + 1 == stages) {
      common += weights.last + (stages > 1 ? weights.tied_head : 0);
      experts += weights.last_experts;
    }
    memory.weights += replicas * common + experts;
    memory.kv_cache += static_cast<double>(load.batch) * sequence;
    memory.activations += replicas * activations;
    memory.other += stage_devices * other;
    const double device = (common + static_cast<double>(of_replica.batch) * sequence + activations) / tp +
                          experts / stage_devices + other;
    memory.fullest_device = std::max(memory.fullest_device, device);
  }
  if (predicting_) {
    const double sequence = cache_copies(*predicting_, load.tensor_parallel) * load.kv_bytes() *
                            static_cast<double>(kv_elements(*predicting_, load.last_context()));
    memory.kv_cache += static_cast<double>(load.batch) * sequence;
    memory.fullest_device += static_cast<double>(of_replica.batch) * sequence / tp;
  }
  if (draft_) {
    ServingLoad at = draft_load_;
    at.batch = load.batch;
    at.prompt = load.prompt;
    at.generate = load.generate;
    const ServingMemory draft = draft_->memory(at);
    memory.weights += draft.weights;
    memory.kv_cache += draft.kv_cache;
    memory.fullest_device += (draft.weights + draft.kv_cache) / static_cast<double>(at.tensor_parallel);
  }
  return memory;
}

std::int64_t MemoryModel::max_batch(ServingLoad load) const {
  return largest(largest_searched_batch, [&](std::int64_t batch) {
    load.batch = batch;
    return fits(load);
  });
}

std::int64_t MemoryModel::max_context(ServingLoad load) const {
  return largest(longest_searched_context, [&](std::int64_t tokens) {
    load.generate = std::min<std::int64_t>(load.generate, tokens);
    load.prompt = tokens - load.generate;
    return fits(load);
  });
}

std::optional<std::int64_t> MemoryModel::devices_needed(ServingLoad load) const {
  load.pipeline_parallel = load.expert_parallel = 1;
  load.attention = AttentionSplit::Tensor;
  for (const std::int64_t tp : tensor_parallel_sizes(architecture_)) {
    load.tensor_parallel = tp;
    if (fits(load)) return tp;
  }
  return std::nullopt;
}

std::optional<ServingLoad> MemoryModel::smallest_layout(ServingLoad load) const {
  std::optional<ServingLoad> best;
  // Fewest stages that hold it with this stage, by halving: more stages never make the fullest device fuller.
  const auto consider = [&](ServingLoad at) {
    std::int64_t most = static_cast<std::int64_t>(architecture_.layers.size());
    if (best) most = std::min(most, (best->devices() - 1) / at.stage_devices());
    if (most < 1) return;
    at.pipeline_parallel = most;
    if (!fits(at)) return;
    std::int64_t least = 1;
    while (least < most) {
      at.pipeline_parallel = least + (most - least) / 2;
      if (fits(at)) most = at.pipeline_parallel;
      else least = at.pipeline_parallel + 1;
    }
    at.pipeline_parallel = most;
    best = at;
  };
  load.expert_parallel = 1;
  load.attention = AttentionSplit::Tensor;
  // Of equal numbers of devices the widest stage stays, because it answers sooner.
  const std::vector<std::int64_t> sizes = tensor_parallel_sizes(architecture_);
  for (auto tp = sizes.rbegin(); tp != sizes.rend(); ++tp) {
    load.tensor_parallel = *tp;
    if (*tp <= load.devices_per_node) consider(load);
  }
  std::int64_t experts = 0;  // common divisor over layers
  for (const Layer& layer : architecture_.layers) {
    if (layer.experts) experts = std::gcd(experts, layer.experts->experts);
    if (layer.attention.query_experts) return best;
  }
  load.tensor_parallel = 1;
  load.attention = AttentionSplit::Data;
  for (load.expert_parallel = 2; load.expert_parallel <= experts; ++load.expert_parallel)
    if (experts % load.expert_parallel == 0) consider(load);
  return best;
}

}  // namespace isoflop::sim
