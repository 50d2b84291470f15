// One tiny model per design that the catalogue knows, small enough to execute naively.
#pragma once
#include <vector>

#include "blocks.h"

namespace isoflop::test {

inline Architecture tiny(const std::string& name) {
  Architecture a = llama(name, 2, 12, 3, 1, 10, 17);
  return a;
}

inline std::vector<Architecture> small_models() {
  std::vector<Architecture> all;
  all.push_back(tiny("grouped-query"));

  Architecture gpt2 = gpt("gpt", 2, 8, 2, 13, 32);
  all.push_back(gpt2);

  Architecture window = tiny("sliding window with sink tokens");
  window.layers[0].attention.window = 3;
  window.layers[0].attention.sink_tokens = 2;
  window.layers[1].attention.chunk = 4;
  all.push_back(window);

  Architecture oss = tiny("learned sinks, expert biases");
  for (Layer& layer : oss.layers) {
    layer.attention.learned_sinks = layer.attention.qkv_bias = layer.attention.output_bias = true;
    layer.mlp.reset();
    layer.experts = mixture(5, 2, 6);
    layer.experts->expert.bias = layer.experts->router_bias = true;
  }
  all.push_back(oss);

  Architecture mla = tiny("latent");
  for (std::size_t i = 0; i < 2; ++i) {
    mla.layers[i].attention = Attention{};
    mla.layers[i].attention.heads = mla.layers[i].attention.kv_heads = 3;
    mla.layers[i].attention.latent = LatentAttention{i == 0 ? 7 : 0, 5, 4, 2, 3};
  }
  mla.layers[1].mlp.reset();
  mla.layers[1].experts = mixture(4, 2, 5);
  mla.layers[1].experts->score = RouterScore::Sigmoid;
  mla.layers[1].experts->router_bias = true;
  mla.layers[1].experts->shared_width = 6;
  mla.layers[1].experts->shared_gate = true;
  all.push_back(mla);

  Architecture hybrid = tiny("dense-MoE hybrid");
  for (Layer& layer : hybrid.layers) {
    layer.experts = mixture(4, 2, 5);
    layer.wiring = Wiring::DenseHybrid;
  }
  all.push_back(hybrid);

  Architecture attention_experts = tiny("attention experts");
  attention_experts.norm = {NormKind::RmsNorm, true, false};
  for (Layer& layer : attention_experts.layers) {
    layer.attention = grouped(4, 2, 4);
    layer.attention.query_experts = QueryExperts{3, 2};
    layer.attention.output_bias = true;
    layer.mlp.reset();
    layer.experts = mixture(3, 2, 5);
    layer.experts->output_bias = true;
  }
  all.push_back(attention_experts);

  Architecture norms = tiny("norm and wiring variants");
  norms.norm = {NormKind::LayerNorm, true, false};
  norms.layers.resize(4, norms.layers[0]);
  norms.layers[0].wiring = Wiring::PostNorm;
  norms.layers[0].attention.qk_norm = QkNorm::PerHeadDimension;
  norms.layers[1].wiring = Wiring::Sandwich;
  norms.layers[1].attention.qk_norm = QkNorm::WholeProjection;
  norms.layers[2].wiring = Wiring::Parallel;
  norms.layers[2].attention.qk_norm = QkNorm::EachHead;
  norms.layers[2].attention.rotary_dims = 2;
  norms.layers[3].attention.alibi = true;
  norms.layers[3].attention.rotary_dims = 0;
  norms.layers[3].mlp = Mlp{9, false, Activation::SquaredRelu, true};
  all.push_back(norms);

  Architecture layer_wise = tiny("shapes vary by layer");
  layer_wise.layers[0].attention = grouped(2, 1, 6);
  layer_wise.layers[0].mlp->width = 5;
  layer_wise.layers[0].mlp->activation = Activation::Gelu;
  layer_wise.layers[1].attention = grouped(4, 2, 6);
  layer_wise.norm = {NormKind::LayerNorm, false, false};
  all.push_back(layer_wise);

  Architecture projected = gpt("embedding projection, head bias, embedding norm", 2, 8, 2, 13, 32);
  projected.embedding_width = 6;
  projected.output_head_bias = projected.embedding_norm = true;
  projected.layers[0].mlp->activation = Activation::Relu;
  all.push_back(projected);

  Architecture ahead = tiny("prediction layer");
  ahead.prediction_layers = {ahead.layers[0]};
  all.push_back(ahead);
  return all;
}

}  // namespace isoflop::test
