#include "isoflop/sim/serving/serving_memory.h"

#include <algorithm>
#include <numeric>

#include "isoflop/model/op_cost.h"
#include "isoflop/model/parameters.h"

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

}  // namespace

MemoryModel::MemoryModel(const Architecture& architecture, const Accelerator& accelerator)
    : architecture_(architecture), device_bytes_(accelerator.memory_bytes),
      one_token_(forward(architecture, Step::prefill(1, 1), LayerListing::Distinct)) {}

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
  const auto devices = static_cast<double>(load.tensor_parallel);
  ServingMemory memory;
  for (const Tensor& tensor : one_token_.tensors)
    if (tensor.kind == TensorKind::Weight)
      memory.weights +=
          static_cast<double>(tensor.elements()) * static_cast<double>(tensor.times) * bytes_per_weight(tensor, load);
  memory.kv_cache = static_cast<double>(load.batch) *
                    static_cast<double>(kv_elements(architecture_, load.last_context())) * load.kv_bytes() *
                    cache_copies(architecture_, load.tensor_parallel);
  memory.activations = activation_bytes(load);
  memory.other = devices * std::min(other_bytes_per_device, other_share_of_memory * device_bytes_);
  return memory;
}

bool MemoryModel::fits(const ServingLoad& load) const {
  return memory(load).total() <= static_cast<double>(load.tensor_parallel) * device_bytes_;
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
  std::int64_t heads = 0;  // common divisor over layers
  for (const Layer& layer : architecture_.layers) heads = std::gcd(heads, layer.attention.heads);
  for (load.tensor_parallel = 1; load.tensor_parallel <= 1024; ++load.tensor_parallel)
    if (heads % load.tensor_parallel == 0 && fits(load)) return load.tensor_parallel;
  return std::nullopt;
}

}  // namespace isoflop::sim
