#include "isoflop/model/hf_blocks.h"

#include <algorithm>
#include <utility>

namespace isoflop {
namespace {

constexpr std::int64_t most_layers = 10000;

}  // namespace

Activation activation_of(const HfFields& f, const std::string& field, const std::string& absent) {
  const std::string word = f.text_or(field, absent);
  if (word == "silu" || word == "swish" || word == "swiglu") return Activation::Silu;
  if (word == "relu") return Activation::Relu;
  if (word == "relu2") return Activation::SquaredRelu;
  if (word == "xielu") return Activation::Xielu;
  if (word.rfind("gelu", 0) == 0 || word == "quick_gelu") return Activation::Gelu;
  f.reject(fmt::format("field \"{}\": activation \"{}\" is not supported", field, word));
}

Draft common_block(const HfFields& f, bool tied_by_default) {
  Draft d;
  Architecture& a = d.architecture;
  a.width = f.whole({"hidden_size", "d_model", "n_embd", "model_dim"});
  a.vocabulary = f.whole({"vocab_size"});
  a.context_tokens = f.whole_or({"max_position_embeddings", "n_positions", "max_seq_len", "max_sequence_length"}, 0);
  a.tied_embeddings = f.truth_or({"tie_word_embeddings"}, tied_by_default);
  Attention& at = d.layer.attention;
  at.heads = f.whole({"num_attention_heads", "n_heads", "n_head"});
  at.kv_heads = f.whole_or({"num_key_value_heads"}, at.heads);
  if (at.heads < 1) f.reject(fmt::format("field \"num_attention_heads\" is {}; expected at least 1", at.heads));
  at.head_dim = f.whole_or({"head_dim"}, a.width / at.heads);
  const double most = std::max(0.0, static_cast<double>(at.head_dim));
  const double rotary = std::clamp(f.number_or("partial_rotary_factor", 1) * most, 0.0, most);
  at.rotary_dims = static_cast<std::int64_t>(rotary) / 2 * 2;
  const bool attention_bias = f.truth_or({"attention_bias"}, false);
  at.qkv_bias = at.output_bias = attention_bias;
  if (const auto width = f.maybe_whole({"intermediate_size"}))
    d.layer.mlp =
        Mlp{*width, true, activation_of(f, f.find({"hidden_activation"}) ? "hidden_activation" : "hidden_act", "silu"),
            f.truth_or({"mlp_bias"}, false)};
  return d;
}

std::int64_t layer_count(const HfFields& f) {
  const std::int64_t layers = f.whole({"num_hidden_layers", "n_layers", "n_layer", "num_transformer_layers"});
  if (layers < 1 || layers > most_layers)
    f.reject(fmt::format("{} layers; expected between 1 and {}", layers, most_layers));
  return layers;
}

Architecture repeat(const HfFields& f, Draft d) {
  d.architecture.layers.assign(static_cast<std::size_t>(layer_count(f)), d.layer);
  return std::move(d.architecture);
}

void apply_windows(const HfFields& f, Architecture& a, std::int64_t window,
                   const std::function<bool(std::int64_t layer)>& is_full) {
  std::vector<std::string> types;
  if (const Value* list = f.find({"layer_types"})) {
    if (!list->is_array()) f.reject("field \"layer_types\" is not a list");
    for (const Value& item : list->items()) types.push_back(item.text());
    if (types.size() != a.layers.size())
      f.reject(fmt::format("field \"layer_types\" has {} entries for {} layers", types.size(), a.layers.size()));
  }
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    bool full = is_full(static_cast<std::int64_t>(i));
    if (!types.empty()) {
      full = types[i] == "full_attention";
      if (!full && types[i] != "sliding_attention")
        f.reject(fmt::format("layer type \"{}\" is not supported", types[i]));
    }
    if (!full && window > 0) a.layers[i].attention.window = window;
  }
}

Draft classic_block(const HfFields& f, bool tied_by_default, const std::string& activation_field,
                    const std::string& activation) {
  Draft d = common_block(f, tied_by_default);
  d.architecture.norm = {NormKind::LayerNorm, true, true};
  d.layer.attention.qkv_bias = d.layer.attention.output_bias = true;
  const std::int64_t width =
      f.whole_or({"intermediate_size", "n_inner", "ffn_dim", "ffn_hidden_size"}, 4 * d.architecture.width);
  d.layer.mlp = Mlp{width, false, activation_of(f, activation_field, activation), true};
  return d;
}

}  // namespace isoflop
