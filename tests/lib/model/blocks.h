// Small and real architectures that tests share.
#pragma once
#include "isoflop/model/architecture.h"

namespace isoflop::test {

inline Attention grouped(std::int64_t heads, std::int64_t kv_heads, std::int64_t head_dim) {
  Attention a;
  a.heads = heads;
  a.kv_heads = kv_heads;
  a.head_dim = head_dim;
  a.rotary_dims = head_dim;
  return a;
}

inline Architecture uniform(std::string name, std::int64_t layers, std::int64_t width, std::int64_t vocabulary,
                            const Layer& layer) {
  Architecture a;
  a.name = std::move(name);
  a.width = width;
  a.vocabulary = vocabulary;
  a.layers.assign(static_cast<std::size_t>(layers), layer);
  return a;
}

/// Llama-like: RMSNorm, gated MLP, untied.
inline Architecture llama(std::string name, std::int64_t layers, std::int64_t width, std::int64_t heads,
                          std::int64_t kv_heads, std::int64_t ffn, std::int64_t vocabulary) {
  Layer layer;
  layer.attention = grouped(heads, kv_heads, width / heads);
  layer.mlp = Mlp{ffn, true, Activation::Silu, false};
  return uniform(std::move(name), layers, width, vocabulary, layer);
}

/// GPT-2-like: LayerNorm with bias, plain MLP, all biases, learned positions, tied.
inline Architecture gpt(std::string name, std::int64_t layers, std::int64_t width, std::int64_t heads,
                        std::int64_t vocabulary, std::int64_t positions) {
  Layer layer;
  layer.attention = grouped(heads, heads, width / heads);
  layer.attention.rotary_dims = 0;
  layer.attention.qkv_bias = layer.attention.output_bias = true;
  layer.mlp = Mlp{4 * width, false, Activation::Gelu, true};
  Architecture a = uniform(std::move(name), layers, width, vocabulary, layer);
  a.norm = {NormKind::LayerNorm, true, true};
  a.tied_embeddings = true;
  a.learned_positions = positions;
  return a;
}

inline MixtureOfExperts mixture(std::int64_t experts, std::int64_t per_token, std::int64_t width) {
  MixtureOfExperts m;
  m.experts = experts;
  m.per_token = per_token;
  m.expert = Mlp{width, true, Activation::Silu, false};
  return m;
}

/// Snowflake Arctic: experts in parallel with attention and a dense residual MLP.
inline Architecture arctic() {
  Layer layer;
  layer.attention = grouped(56, 8, 128);
  layer.mlp = Mlp{7168, true, Activation::Silu, false};
  layer.experts = mixture(128, 2, 4864);
  layer.wiring = Wiring::DenseHybrid;
  return uniform("Arctic", 35, 7168, 32000, layer);
}

/// DeepSeek-V3 without its prediction module.
inline Architecture deepseek_v3() {
  Layer layer;
  layer.attention.heads = layer.attention.kv_heads = 128;
  layer.attention.latent = LatentAttention{1536, 512, 128, 64, 128};
  layer.experts = mixture(256, 8, 2048);
  layer.experts->shared_width = 2048;
  layer.experts->router_bias = true;
  layer.experts->score = RouterScore::Sigmoid;
  Architecture a = uniform("DeepSeek-V3", 61, 7168, 129280, layer);
  for (std::size_t i = 0; i < 3; ++i) {
    a.layers[i].experts.reset();
    a.layers[i].mlp = Mlp{18432, true, Activation::Silu, false};
  }
  return a;
}

}  // namespace isoflop::test
