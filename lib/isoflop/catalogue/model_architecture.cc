#include "isoflop/catalogue/model_architecture.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "isoflop/error.h"

namespace isoflop {
namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; }

// torch's rounding of OpenELM: to the nearest multiple, but never more than 10 % down.
std::int64_t nearest_multiple(double value, std::int64_t divisor) {
  const auto d = static_cast<double>(divisor);
  std::int64_t rounded = std::max(divisor, static_cast<std::int64_t>(std::floor((value + d / 2) / d)) * divisor);
  if (static_cast<double>(rounded) < 0.9 * value) rounded += divisor;
  return rounded;
}

double two_decimals(double value) { return std::nearbyint(value * 100) / 100; }

using NamedActivation = std::pair<std::string_view, Activation>;
constexpr std::array<NamedActivation, 7> activations = {{{"SwiGLU", Activation::Silu},
                                                         {"GELU", Activation::Gelu},
                                                         {"GeGLU", Activation::Gelu},
                                                         {"GEGELU", Activation::Gelu},
                                                         {"ReLU", Activation::Relu},
                                                         {"squared-ReLU", Activation::SquaredRelu},
                                                         {"xIELU", Activation::Xielu}}};

Activation activation_of(const ModelRecord& r) {
  if (const auto activation = activation_named(r.activation)) return *activation;
  throw Error(Fault::CannotRun,
              fmt::format("{}: unknown activation \"{}\"; expected {}", r.id, r.activation, activation_names()));
}

NormStyle norm_of(const ModelRecord& r) {
  if (r.norm == "RMSNorm") return {NormKind::RmsNorm, true, false};
  if (r.norm_variant == "no parameters") return {NormKind::LayerNorm, false, false};
  return {NormKind::LayerNorm, true, r.norm_variant != "no bias"};
}

std::int64_t rotary_dims(const ModelRecord& r, std::int64_t head_dim) {
  if (r.position_encoding != "RoPE") return 0;
  const auto share = [&](double part) {
    return static_cast<std::int64_t>(part * static_cast<double>(head_dim) / 2) * 2;
  };
  if (contains(r.position_variant, "64 of 256")) return 64;
  if (contains(r.position_variant, "25%")) return share(0.25);
  if (contains(r.position_variant, "75%")) return share(0.75);
  // "part of" (Phi) does not say which; it decides nothing but a fraction of the rotation's own arithmetic.
  if (contains(r.position_variant, "50%") || contains(r.position_variant, "part of")) return share(0.5);
  return share(1);
}

QkNorm qk_norm_of(const ModelRecord& r) {
  if (r.qk_norm == "per head dimension") return QkNorm::PerHeadDimension;
  if (r.qk_norm == "whole projection") return QkNorm::WholeProjection;
  if (r.qk_norm == "each head") return QkNorm::EachHead;
  return QkNorm::None;
}

Attention attention_of(const ModelRecord& r) {
  Attention a;
  a.heads = r.heads.value();
  a.kv_heads = r.kv_heads.value_or(a.heads);
  if (r.attention == "MLA") {
    a.latent = LatentAttention{r.mla_query_rank.value_or(0), r.mla_kv_rank.value(), r.mla_nope_head_dim.value(),
                               r.mla_rope_head_dim.value(), r.mla_value_head_dim.value()};
    return a;
  }
  a.head_dim = r.head_dim.value();
  a.rotary_dims = rotary_dims(r, a.head_dim);
  a.alibi = r.position_encoding == "ALiBi";
  a.learned_sinks = r.attention_sinks;
  a.qk_norm = qk_norm_of(r);
  a.qkv_bias = r.biases == "all" || r.biases == "qkv" || r.biases == "qkvo";
  a.output_bias = r.biases == "all" || r.biases == "qkvo" || r.biases == "noqkv";
  if (r.attention == "MoA") {
    a.query_experts = QueryExperts{r.experts.value(), r.experts_per_token.value()};
    a.output_bias = true;
  }
  return a;
}

MixtureOfExperts experts_of(const ModelRecord& r) {
  MixtureOfExperts m;
  m.experts = r.experts.value();
  m.per_token = r.experts_per_token.value();
  m.expert = Mlp{r.expert_ffn_size.value(), r.gated_ffn.value(), activation_of(r), r.expert_biases};
  m.shared_width = r.shared_expert_ffn_size.value_or(0);
  m.shared_gate = r.shared_expert_gate;
  m.router_bias = r.router_bias;
  m.output_bias = r.attention == "MoA";
  // A bias that only steers the choice (DeepSeek-V3 and its kin) goes with sigmoid scores; gpt-oss adds it to the
  // logits.
  if (m.router_bias && !r.expert_biases) m.score = RouterScore::Sigmoid;
  return m;
}

// Windows, chunks and position-free layers, by the pattern that the row puts in words.
void apply_pattern(const ModelRecord& r, Architecture& a) {
  const std::int64_t window = r.sliding_window_tokens.value_or(0);
  const std::string pattern = r.attention_pattern.empty() ? r.notes : r.attention_pattern;
  std::int64_t period = 0;
  for (const std::int64_t sliding : {3, 5})
    if (contains(pattern, fmt::format("{} sliding-window layers to 1", sliding))) period = sliding + 1;
  bool known = window == 0;
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    Attention& layer = a.layers[i].attention;
    const auto n = static_cast<std::int64_t>(i);
    const bool fourth = (n + 1) % 4 == 0;
    if (window > 0 && (contains(pattern, "every layer") || r.family == "Danube")) {
      layer.window = window;
      known = true;
    } else if (window > 0 && contains(pattern, "alternat")) {
      // GPT-Neo starts with a global layer, Gemma 2 and gpt-oss with a sliding one.
      if ((n % 2 == 0) != contains(pattern, "global/local")) layer.window = window;
      known = true;
    } else if (window > 0 && period > 0) {
      const bool full = (n + 1) % period == 0;
      if (!full) layer.window = window;
      if (full && contains(pattern, "full without positions")) layer.rotary_dims = 0;
      known = true;
    }
    if (contains(pattern, "chunked local attention (8192)") && !fourth) layer.chunk = 8192;
    if (contains(r.position_variant, "no positions in every 4th layer") && fourth) layer.rotary_dims = 0;
  }
  if (!known)
    a.notes.push_back(fmt::format(
        "which layers have the sliding window of {} tokens is not known; none is applied, an upper bound on "
        "attention and KV cache",
        window));
  if (contains(pattern, "block-sparse"))
    a.notes.emplace_back("block-sparse attention layers are counted as dense, an upper bound");
}

}  // namespace

std::optional<Activation> activation_named(std::string_view name) {
  for (const auto& [known, activation] : activations)
    if (known == name) return activation;
  return std::nullopt;
}

std::string activation_names() {
  std::string names;
  for (const auto& [known, activation] : activations) names += (names.empty() ? "" : ", ") + std::string(known);
  return names;
}

std::vector<Layer> layer_wise_layers(std::int64_t layers, std::int64_t width, std::int64_t head_dim,
                                     const LayerWiseScaling& s) {
  std::vector<Layer> result;
  for (std::int64_t i = 0; i < layers; ++i) {
    const double along = layers > 1 ? static_cast<double>(i) / static_cast<double>(layers - 1) : 0;
    const double query = two_decimals(s.query_first + (s.query_last - s.query_first) * along);
    const double mlp = two_decimals(s.mlp_first + (s.mlp_last - s.mlp_first) * along);
    Layer layer;
    layer.attention.heads =
        nearest_multiple(query * static_cast<double>(width), head_dim * s.heads_per_group) / head_dim;
    layer.attention.kv_heads = layer.attention.heads / s.heads_per_group;
    layer.attention.head_dim = layer.attention.rotary_dims = head_dim;
    layer.attention.qk_norm = QkNorm::PerHeadDimension;
    layer.mlp = Mlp{nearest_multiple(mlp * static_cast<double>(width), s.divisor), true, Activation::Silu, false};
    result.push_back(layer);
  }
  return result;
}

std::optional<std::string> why_no_architecture(const ModelRecord& r) {
  if (!r.layers || !r.hidden_size || !r.vocabulary_size) return "the dimensions are not disclosed";
  if (r.attention == "hybrid") return "the design is not supported (" + r.attention_pattern + ")";
  if (r.position_encoding == "relative") return "relative position encoding is not supported";
  if (r.family == "OpenELM") return r.head_dim ? std::nullopt : std::optional("the head width is not known");
  if (!r.heads) return "the number of heads is not known";
  if (!r.kv_heads && r.attention != "MLA")
    return "the number of key/value heads per layer is not known (" + r.attention_pattern + ")";
  if (!r.head_dim && r.attention != "MLA") return "the head width is not known";
  if (!r.ffn_size && !r.expert_ffn_size) return "the feed-forward width is not known";
  if (r.experts && !r.expert_ffn_size) return "the expert width is not known";
  if (r.experts && !r.experts_per_token) return "the experts per token are not known";
  if (r.attention == "MLA" &&
      (!r.mla_kv_rank || !r.mla_nope_head_dim || !r.mla_rope_head_dim || !r.mla_value_head_dim))
    return "the ranks and widths of the latent attention are not known";
  if (!r.gated_ffn || !r.tied_embeddings) return "gated_ffn or tied_embeddings is not known";
  if (!r.norms_per_layer || *r.norms_per_layer > 4) return "the number of norms per layer is not known";
  return std::nullopt;
}

Architecture architecture_of(const ModelRecord& r) {
  if (const auto reason = why_no_architecture(r)) throw Error(Fault::CannotRun, r.id + ": no architecture: " + *reason);
  Architecture a;
  a.name = r.id;
  a.width = *r.hidden_size;
  a.vocabulary = *r.vocabulary_size;
  a.tied_embeddings = r.tied_embeddings.value();
  a.norm = norm_of(r);
  a.final_norm = !r.norm_variant.ends_with("no final norm");
  a.context_tokens = r.context_tokens.value_or(0);
  a.output_head_bias = r.output_head_bias;
  a.embedding_norm = r.embedding_norm;
  a.embedding_width = r.embedding_projection_size.value_or(0);
  a.learned_positions = r.learned_position_rows.value_or(0);
  if (r.family == "OpenELM") {
    a.layers = layer_wise_layers(*r.layers, a.width, r.head_dim.value(), {});
    check(a);
    return a;
  }
  Layer dense;
  dense.attention = attention_of(r);
  const bool mlp_bias = r.biases == "all" || r.biases == "noqkv" || r.biases == "mlponly";
  if (r.ffn_size) dense.mlp = Mlp{*r.ffn_size, *r.gated_ffn, activation_of(r), mlp_bias};
  switch (*r.norms_per_layer) {
    case 1: dense.wiring = Wiring::Parallel; break;
    case 3: dense.wiring = Wiring::DenseHybrid; break;
    case 4: dense.wiring = Wiring::Sandwich; break;
    default: dense.wiring = r.norm_variant.starts_with("post-norm") ? Wiring::PostNorm : Wiring::PreNorm;
  }
  Layer sparse = dense;
  if (r.experts) {
    sparse.mlp.reset();
    sparse.experts = experts_of(r);
    if (r.dense_residual_ffn_size)
      sparse.mlp = Mlp{*r.dense_residual_ffn_size, *r.gated_ffn, activation_of(r), mlp_bias};
  }
  const bool every_second = contains(r.notes, "MoE every 2nd layer");
  for (std::int64_t i = 0; i < *r.layers; ++i)
    a.layers.push_back(r.experts && (every_second ? i % 2 == 1 : i >= r.leading_dense_layers.value_or(0)) ? sparse
                                                                                                          : dense);
  apply_pattern(r, a);
  for (std::int64_t i = 0; i < r.mtp_layers.value_or(0); ++i) a.prediction_layers.push_back(a.layers.back());
  if (r.qk_norm == "yes") a.notes.emplace_back("has a norm on queries and keys of unknown span, not counted");
  check(a);
  return a;
}

}  // namespace isoflop
