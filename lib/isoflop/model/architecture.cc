#include "isoflop/model/architecture.h"

#include <fmt/format.h>

#include "isoflop/error.h"

namespace isoflop {
namespace {

class Checker {
 public:
  explicit Checker(std::string place) : place_(std::move(place)) {}
  void positive(std::int64_t value, std::string_view what) const {
    if (value <= 0) reject(fmt::format("{} is {}; expected at least 1", what, value));
  }
  void not_negative(std::int64_t value, std::string_view what) const {
    if (value < 0) reject(fmt::format("{} is {}; expected at least 0", what, value));
  }
  void require(bool holds, std::string_view problem) const {
    if (!holds) reject(std::string(problem));
  }
  [[noreturn]] void reject(const std::string& problem) const { throw Error(Fault::BadInput, place_ + ": " + problem); }

 private:
  std::string place_;
};

void check_attention(const Attention& a, const Checker& place) {
  place.positive(a.heads, "number of heads");
  place.not_negative(a.window, "sliding window");
  place.not_negative(a.chunk, "attention chunk");
  place.not_negative(a.sink_tokens, "number of sink tokens");
  if (a.latent) {
    const LatentAttention& m = *a.latent;
    place.not_negative(m.query_rank, "latent query rank");
    place.positive(m.kv_rank, "latent key/value rank");
    place.positive(m.nope_dim, "latent key width without position");
    place.positive(m.rope_dim, "latent rotated key width");
    place.positive(m.value_dim, "latent value width");
    place.require(a.qk_norm == QkNorm::None && !a.query_experts && !a.learned_sinks,
                  "latent attention with QK-norm, query experts or learned sinks is not supported");
    return;
  }
  place.positive(a.kv_heads, "number of key/value heads");
  place.positive(a.head_dim, "head width");
  place.require(a.heads % a.kv_heads == 0,
                fmt::format("{} heads are not a multiple of {} key/value heads", a.heads, a.kv_heads));
  place.require(
      a.rotary_dims >= 0 && a.rotary_dims <= a.head_dim && a.rotary_dims % 2 == 0,
      fmt::format("{} rotated dimensions; expected an even number up to the head width {}", a.rotary_dims, a.head_dim));
  if (a.query_experts) {
    place.positive(a.query_experts->experts, "number of query experts");
    place.require(a.query_experts->per_token >= 1 && a.query_experts->per_token <= a.query_experts->experts,
                  "query experts per token must lie between 1 and their number");
    place.require(a.heads == a.query_experts->per_token * a.kv_heads,
                  "with query experts, heads must be experts per token times key/value heads");
    place.require(a.qk_norm == QkNorm::None && !a.qkv_bias, "query experts with QK-norm or QKV bias are not supported");
  }
}

void check_layer(const Layer& layer, const Checker& place) {
  check_attention(layer.attention, place);
  if (layer.wiring == Wiring::DenseHybrid)
    place.require(layer.mlp && layer.experts, "the dense-MoE hybrid needs both an MLP and experts");
  else
    place.require(layer.mlp.has_value() != layer.experts.has_value(), "expected either an MLP or experts");
  if (layer.mlp) place.positive(layer.mlp->width, "MLP width");
  if (layer.experts) {
    place.positive(layer.experts->experts, "number of experts");
    place.positive(layer.experts->expert.width, "expert width");
    place.not_negative(layer.experts->shared_width, "shared expert width");
    place.require(layer.experts->per_token >= 1 && layer.experts->per_token <= layer.experts->experts,
                  fmt::format("{} experts per token; expected between 1 and {}", layer.experts->per_token,
                              layer.experts->experts));
  }
}

}  // namespace

std::vector<LayerCount> distinct_layers(const Architecture& architecture) {
  std::vector<LayerCount> result;
  for (const Layer& layer : architecture.layers) {
    bool known = false;
    for (LayerCount& seen : result)
      if (seen.layer == layer) {
        ++seen.count;
        known = true;
        break;
      }
    if (!known) result.push_back({layer, 1});
  }
  return result;
}

void check(const Architecture& architecture) {
  const std::string name = architecture.name.empty() ? "architecture" : architecture.name;
  const Checker whole(name);
  whole.positive(architecture.width, "width");
  whole.positive(architecture.vocabulary, "vocabulary");
  whole.not_negative(architecture.embedding_width, "embedding width");
  whole.not_negative(architecture.learned_positions, "number of learned positions");
  whole.require(!architecture.layers.empty(), "no layers");
  for (std::size_t i = 0; i < architecture.layers.size(); ++i)
    check_layer(architecture.layers[i], Checker(fmt::format("{}, layer {}", name, i)));
  for (std::size_t i = 0; i < architecture.prediction_layers.size(); ++i)
    check_layer(architecture.prediction_layers[i], Checker(fmt::format("{}, prediction layer {}", name, i)));
}

std::string describe(const Attention& a) {
  std::string text;
  if (a.latent)
    text = fmt::format("MLA {} heads, latent {}+{}", a.heads, a.latent->kv_rank, a.latent->rope_dim);
  else if (a.query_experts)
    text = fmt::format("MoA {} of {} query experts x {} heads x {}", a.query_experts->per_token,
                       a.query_experts->experts, a.kv_heads, a.head_dim);
  else
    text = fmt::format("{} {}/{} x {}", a.kv_heads == a.heads ? "MHA" : a.kv_heads == 1 ? "MQA" : "GQA", a.heads,
                       a.kv_heads, a.head_dim);
  if (a.window > 0) text += fmt::format(", window {}", a.window);
  if (a.chunk > 0) text += fmt::format(", chunks of {}", a.chunk);
  return text;
}

}  // namespace isoflop
