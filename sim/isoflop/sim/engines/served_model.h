// What serving needs to know of a model, worked out once: weights by how they are read, cache by layer kind, FLOP per
// token and per pair. Everything is a sum over the op list (forward()), so that it agrees with `isoflop models show`.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "isoflop/model/architecture.h"

namespace isoflop {
class ModelCatalogue;
}

namespace isoflop::sim {

struct ServedModel {
  std::string name;
  double layers = 0, width = 0;
  double parameters = 0;         ///< all of them, embeddings once each
  double body_weights = 0;       ///< read for every token: attention, MLP, shared experts, routers, norms
  double head_weights = 0;       ///< the output matrix, tied or not
  double embedding_weights = 0;  ///< the input table, looked up; 0 when tied
  double expert_weights = 0;     ///< routed experts of all layers
  double expert_layers = 0;
  std::int64_t experts = 0, experts_per_token = 0;

  struct Cache {  ///< Cache of layers that see the same window.
    double layers = 0;
    double elements = 0;         ///< per token and layer
    double pair_flop_decode = 0, pair_flop_prefill = 0;  ///< per (query, key) pair and layer, all heads
    std::int64_t window = 0;     ///< 0: all tokens
    double shareable = 1;  ///< devices over which the cache of one token can be split (key/value heads; 1 for a latent)
  };
  std::vector<Cache> caches;

  /// Weights that a pass over `tokens` reads: experts by expected coverage under uniform routing.
  double weights_read(double tokens) const;
  /// Weights in the matrix products of one token, the head apart.
  double active_weights() const;
  /// Cache elements of one sequence of that length.
  double cache_elements(double tokens) const;
  /// The same, held per device of a tensor-parallel group, summed over its devices: key/value heads fewer than devices
  /// are kept on several, a latent cache on every one.
  double cache_elements_on(double tokens, double devices) const;
  /// FLOP of the scores and sums of one new token against `context` cached ones.
  double decode_attention_flop(double context) const;
  /// The same of a whole causal prompt.
  double prefill_attention_flop(double prompt) const;
};

ServedModel served_model(const Architecture& architecture);

/// By the name a serving benchmark uses ("deepseek-ai/DeepSeek-R1", "ft-gpt-20b"); throws Error (BadInput) naming one
/// that is unknown.
ServedModel served_model_named(const std::string& name, const ModelCatalogue& models);

}  // namespace isoflop::sim
