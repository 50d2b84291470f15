#include "isoflop/model/hf_config.h"

#include <algorithm>
#include <map>

#include "isoflop/model/hf_blocks.h"

namespace isoflop {
namespace {

constexpr auto all_windowed = [](std::int64_t) { return false; };
constexpr auto all_full = [](std::int64_t) { return true; };

Architecture llama(const HfFields& f) { return repeat(f, common_block(f, false)); }

Architecture mistral(const HfFields& f) {
  Architecture a = repeat(f, common_block(f, false));
  apply_windows(f, a, f.whole_or({"sliding_window"}, 0), all_windowed);
  return a;
}

Architecture mixtral(const HfFields& f) {
  Draft d = common_block(f, false);
  MixtureOfExperts m;
  m.experts = f.whole({"num_local_experts"});
  m.per_token = f.whole({"num_experts_per_tok"});
  m.expert = d.layer.mlp.value_or(Mlp{});
  d.layer.mlp.reset();
  d.layer.experts = m;
  Architecture a = repeat(f, std::move(d));
  apply_windows(f, a, f.whole_or({"sliding_window"}, 0), all_windowed);
  return a;
}

Architecture gemma(const HfFields& f) { return repeat(f, common_block(f, true)); }

Architecture gemma2(const HfFields& f) {
  Draft d = common_block(f, true);
  d.layer.wiring = Wiring::Sandwich;
  Architecture a = repeat(f, std::move(d));
  apply_windows(f, a, f.whole({"sliding_window"}), [](std::int64_t i) { return i % 2 == 1; });
  return a;
}

Architecture gemma3(const HfFields& f) {
  Draft d = common_block(f, true);
  d.layer.wiring = Wiring::Sandwich;
  d.layer.attention.qk_norm = QkNorm::PerHeadDimension;
  Architecture a = repeat(f, std::move(d));
  const std::int64_t period = f.whole_or({"sliding_window_pattern", "_sliding_window_pattern"}, 6);
  if (period < 1) f.reject("field \"sliding_window_pattern\" is below 1");
  apply_windows(f, a, f.whole({"sliding_window"}), [period](std::int64_t i) { return (i + 1) % period == 0; });
  return a;
}

Architecture qwen(const HfFields& f, bool qkv_bias, bool qk_norm) {
  Draft d = common_block(f, false);
  d.layer.attention.qkv_bias = d.layer.attention.qkv_bias || qkv_bias;
  if (qk_norm) d.layer.attention.qk_norm = QkNorm::PerHeadDimension;
  const std::int64_t experts = f.whole_or({"num_experts"}, 0);
  Architecture a = repeat(f, d);
  if (experts > 0) {
    MixtureOfExperts m;
    m.experts = experts;
    m.per_token = f.whole({"num_experts_per_tok"});
    m.expert = Mlp{f.whole({"moe_intermediate_size"}), true, activation_of(f, "hidden_act", "silu"), false};
    m.shared_width = f.whole_or({"shared_expert_intermediate_size"}, 0);
    m.shared_gate = m.shared_width > 0;
    const std::int64_t step = f.whole_or({"decoder_sparse_step"}, 1);
    if (step < 1) f.reject("field \"decoder_sparse_step\" is below 1");
    const auto dense = f.wholes("mlp_only_layers");
    for (std::size_t i = 0; i < a.layers.size(); ++i) {
      const auto n = static_cast<std::int64_t>(i);
      if (std::find(dense.begin(), dense.end(), n) != dense.end() || (n + 1) % step != 0) continue;
      a.layers[i].mlp.reset();
      a.layers[i].experts = m;
    }
  }
  // Off unless switched on, whatever window the config carries along.
  if (f.truth_or({"use_sliding_window"}, false)) {
    const std::int64_t first = f.whole_or({"max_window_layers"}, 0);
    apply_windows(f, a, f.whole({"sliding_window"}), [first](std::int64_t i) { return i < first; });
  } else {
    apply_windows(f, a, 0, all_full);
  }
  return a;
}
Architecture qwen2(const HfFields& f) { return qwen(f, true, false); }
Architecture qwen3(const HfFields& f) { return qwen(f, false, true); }

MixtureOfExperts deepseek_experts(const HfFields& f) {
  MixtureOfExperts m;
  m.experts = f.whole({"n_routed_experts"});
  m.per_token = f.whole({"num_experts_per_tok"});
  m.expert = Mlp{f.whole({"moe_intermediate_size"}), true, activation_of(f, "hidden_act", "silu"), false};
  m.shared_width = f.whole_or({"n_shared_experts"}, 0) * m.expert.width;
  return m;
}

Architecture deepseek_layers(const HfFields& f, Draft d, const MixtureOfExperts& experts) {
  Architecture a = repeat(f, std::move(d));
  const std::int64_t first = f.whole_or({"first_k_dense_replace"}, 0), every = f.whole_or({"moe_layer_freq"}, 1);
  if (every < 1) f.reject("field \"moe_layer_freq\" is below 1");
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    const auto n = static_cast<std::int64_t>(i);
    if (n < first || n % every != 0) continue;
    a.layers[i].mlp.reset();
    a.layers[i].experts = experts;
  }
  if (f.whole_or({"num_nextn_predict_layers"}, 0) > 0)
    a.notes.emplace_back("the multi-token prediction module of the checkpoint is not part of the model counted here");
  return a;
}

Architecture deepseek(const HfFields& f) { return deepseek_layers(f, common_block(f, false), deepseek_experts(f)); }

Architecture deepseek_latent(const HfFields& f) {
  Draft d = common_block(f, false);
  Attention at;
  at.heads = at.kv_heads = d.layer.attention.heads;
  at.latent = LatentAttention{f.whole_or({"q_lora_rank"}, 0), f.whole({"kv_lora_rank"}), f.whole({"qk_nope_head_dim"}),
                              f.whole({"qk_rope_head_dim"}), f.whole({"v_head_dim"})};
  d.layer.attention = at;
  MixtureOfExperts m = deepseek_experts(f);
  m.router_bias =
      f.text_or("topk_method", f.text_or("model_type", "") == "deepseek_v3" ? "noaux_tc" : "") == "noaux_tc";
  if (m.router_bias || f.text_or("scoring_func", "softmax") == "sigmoid") m.score = RouterScore::Sigmoid;
  return deepseek_layers(f, std::move(d), m);
}

Architecture arctic(const HfFields& f) {
  Draft d = common_block(f, false);
  if (!f.truth_or({"parallel_attn_mlp_res"}, false) || !f.truth_or({"use_residual"}, true) ||
      f.whole_or({"moe_layer_frequency"}, 1) != 1)
    f.reject(
        "only the published form is supported: parallel_attn_mlp_res and use_residual true, moe_layer_frequency 1");
  MixtureOfExperts m;
  m.experts = f.whole({"num_local_experts"});
  m.per_token = f.whole({"num_experts_per_tok"});
  m.expert = d.layer.mlp.value_or(Mlp{});
  d.layer.experts = m;
  d.layer.mlp = Mlp{d.architecture.width, true, m.expert.activation, false};
  d.layer.wiring = Wiring::DenseHybrid;
  return repeat(f, std::move(d));
}

Architecture dbrx(const HfFields& f) {
  Draft d = common_block(f, false);
  d.architecture.norm = {NormKind::LayerNorm, true, false};
  const HfFields attention = f.inner("attn_config"), ffn = f.inner("ffn_config");
  d.layer.attention.kv_heads = attention.whole({"kv_n_heads"});
  MixtureOfExperts m;
  m.experts = ffn.whole({"moe_num_experts"});
  m.per_token = ffn.whole({"moe_top_k"});
  m.expert = Mlp{ffn.whole({"ffn_hidden_size"}), true, Activation::Silu, false};
  d.layer.mlp.reset();
  d.layer.experts = m;
  return repeat(f, std::move(d));
}

Architecture openelm(const HfFields& f) {
  Architecture a;
  a.width = f.whole({"model_dim"});
  a.vocabulary = f.whole({"vocab_size"});
  a.context_tokens = f.whole_or({"max_context_length"}, 0);
  a.tied_embeddings = f.truth_or({"share_input_output_layers"}, true);
  const auto queries = f.wholes("num_query_heads"), keys = f.wholes("num_kv_heads");
  const Value* multipliers = f.find({"ffn_multipliers"});
  const auto layers = static_cast<std::size_t>(layer_count(f));
  if (queries.size() != layers || keys.size() != layers || !multipliers || !multipliers->is_array() ||
      multipliers->items().size() != layers)
    f.reject(fmt::format(
        "num_query_heads, num_kv_heads and ffn_multipliers must be lists with one entry for each of {} layers",
        layers));
  const std::int64_t divisor = f.whole_or({"ffn_dim_divisor"}, 256);
  if (divisor < 1) f.reject("field \"ffn_dim_divisor\" is below 1");
  for (std::size_t i = 0; i < layers; ++i) {
    Layer layer;
    layer.attention.heads = queries[i];
    layer.attention.kv_heads = keys[i];
    layer.attention.head_dim = layer.attention.rotary_dims = f.whole({"head_dim"});
    if (f.truth_or({"normalize_qk_projections"}, false)) layer.attention.qk_norm = QkNorm::PerHeadDimension;
    const double wanted = multipliers->items()[i].number() * static_cast<double>(a.width);
    std::int64_t width = static_cast<std::int64_t>(
                             std::floor((wanted + static_cast<double>(divisor) / 2) / static_cast<double>(divisor))) *
                         divisor;
    width = std::max(width, divisor);
    if (static_cast<double>(width) < 0.9 * wanted) width += divisor;
    layer.mlp = Mlp{width, f.truth_or({"ffn_with_glu"}, true), activation_of(f, "activation_fn_name", "swish"), false};
    a.layers.push_back(layer);
  }
  return a;
}

Architecture gpt2(const HfFields& f) {
  Draft d = classic_block(f, true, "activation_function", "gelu_new");
  d.layer.attention.rotary_dims = 0;
  d.architecture.learned_positions = f.whole({"n_positions"});
  return repeat(f, std::move(d));
}

Architecture bloom(const HfFields& f) {
  Draft d = classic_block(f, true, "activation_function", "gelu");
  d.layer.attention.rotary_dims = 0;
  d.layer.attention.alibi = true;
  d.architecture.embedding_norm = true;
  return repeat(f, std::move(d));
}

// Attention and MLP stand in parallel behind two norms; costs are those of the sequential block, which is how it is
// listed.
Architecture gpt_neox(const HfFields& f) {
  Draft d = classic_block(f, false, "hidden_act", "gelu");
  const double share = std::clamp(f.number_or("rotary_pct", 0.25), 0.0, 1.0);
  d.layer.attention.rotary_dims =
      static_cast<std::int64_t>(share * static_cast<double>(d.layer.attention.head_dim)) / 2 * 2;
  return repeat(f, std::move(d));
}

Architecture opt(const HfFields& f) {
  if (f.whole_or({"word_embed_proj_dim"}, f.whole({"hidden_size"})) != f.whole({"hidden_size"}) ||
      !f.truth_or({"do_layer_norm_before"}, true))
    f.reject("OPT-350M's post-norm block is not supported by the importer");
  Draft d = classic_block(f, true, "activation_function", "relu");
  d.layer.attention.rotary_dims = 0;
  d.architecture.learned_positions = f.whole({"max_position_embeddings"}) + 2;  // two rows are never used
  return repeat(f, std::move(d));
}

Architecture starcoder2(const HfFields& f) {
  Draft d = classic_block(f, true, "hidden_act", "gelu_pytorch_tanh");
  const bool bias = f.truth_or({"use_bias"}, true);
  d.layer.attention.qkv_bias = d.layer.attention.output_bias = bias;
  d.layer.mlp->bias = bias;
  Architecture a = repeat(f, std::move(d));
  apply_windows(f, a, f.whole_or({"sliding_window"}, 0), all_windowed);
  return a;
}

Architecture olmo(const HfFields& f) {
  Draft d = common_block(f, false);
  d.architecture.norm = {NormKind::LayerNorm, false, false};
  return repeat(f, std::move(d));
}

// The first release of OLMo, with its own field names; mlp_hidden_size counts gate and up together.
Architecture hf_olmo(const HfFields& f) {
  Draft d = common_block(f, false);
  d.architecture.norm = {NormKind::LayerNorm, false, false};
  d.architecture.vocabulary = f.whole_or({"embedding_size"}, d.architecture.vocabulary);
  d.architecture.tied_embeddings = f.truth_or({"weight_tying"}, true);
  const std::int64_t both = f.whole_or({"mlp_hidden_size"}, f.whole_or({"mlp_ratio"}, 4) * d.architecture.width);
  d.layer.mlp = Mlp{both / 2, true, activation_of(f, "activation_type", "swiglu"), false};
  return repeat(f, std::move(d));
}

Architecture olmo2(const HfFields& f) {
  Draft d = common_block(f, false);
  d.layer.wiring = Wiring::PostNorm;
  d.layer.attention.qk_norm = QkNorm::WholeProjection;
  Architecture a = repeat(f, std::move(d));
  apply_windows(f, a, f.whole_or({"sliding_window"}, 0), [](std::int64_t i) { return (i + 1) % 4 == 0; });
  return a;
}

Architecture gpt_oss(const HfFields& f) {
  Draft d = common_block(f, false);
  d.layer.attention.qkv_bias = d.layer.attention.output_bias = f.truth_or({"attention_bias"}, true);
  d.layer.attention.learned_sinks = true;
  MixtureOfExperts m;
  m.experts = f.whole({"num_local_experts"});
  m.per_token = f.whole({"num_experts_per_tok", "experts_per_token"});
  m.expert = d.layer.mlp.value_or(Mlp{});
  m.expert.bias = m.router_bias = true;
  d.layer.mlp.reset();
  d.layer.experts = m;
  Architecture a = repeat(f, std::move(d));
  apply_windows(f, a, f.whole({"sliding_window"}), [](std::int64_t i) { return i % 2 == 1; });
  return a;
}

using Reader = Architecture (*)(const HfFields&);
const std::map<std::string, Reader>& readers() {
  static const std::map<std::string, Reader> all = {
      {"llama", llama},       {"mistral", mistral},      {"phi3", mistral},          {"mixtral", mixtral},
      {"gemma", gemma},       {"gemma2", gemma2},        {"gemma3_text", gemma3},    {"qwen2", qwen2},
      {"qwen2_moe", qwen2},   {"qwen3", qwen3},          {"qwen3_moe", qwen3},       {"deepseek", deepseek},
      {"deepseek_v2", deepseek_latent}, {"deepseek_v3", deepseek_latent}, {"arctic", arctic}, {"dbrx", dbrx},
      {"openelm", openelm},   {"gpt2", gpt2},            {"bloom", bloom},           {"gpt_neox", gpt_neox},
      {"opt", opt},           {"starcoder2", starcoder2}, {"olmo", olmo},            {"hf_olmo", hf_olmo},
      {"olmo2", olmo2},       {"olmo3", olmo2},          {"gpt_oss", gpt_oss}};
  return all;
}

}  // namespace

std::vector<std::string> supported_model_types() {
  std::vector<std::string> names;
  for (const auto& [name, reader] : readers()) names.push_back(name);
  return names;
}

Architecture read_hf_config(std::string_view json, const std::string& file) {
  const Value root = parse_json(json, file);
  if (!root.is_object()) throw Error(Fault::BadInput, file + ": expected a JSON object with a field \"model_type\"");
  const Value* config = &root;
  bool nested = false;
  if (const Value* text = root.find("text_config"); text && text->is_object()) {
    config = text;
    nested = true;
  }
  const HfFields fields(*config, file);
  const std::string type = fields.text_or("model_type", nested ? "" : HfFields(root, file).text_or("model_type", ""));
  const auto reader = readers().find(type);
  if (reader == readers().end()) {
    std::string known;
    for (const auto& [name, unused] : readers()) known += (known.empty() ? "" : ", ") + name;
    throw Error(Fault::BadInput,
                fmt::format("{}: model_type \"{}\" is not supported; expected one of {}", file, type, known));
  }
  Architecture a = reader->second(fields);
  a.name = HfFields(root, file).text_or("_name_or_path", "");
  if (a.name.empty()) a.name = file;
  if (nested) a.notes.emplace_back("text backbone only: other parts of the model are not counted");
  check(a);
  return a;
}

}  // namespace isoflop
