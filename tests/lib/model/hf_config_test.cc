#include "isoflop/model/hf_config.h"

#include <doctest/doctest.h>

#include "isoflop/error.h"
#include "isoflop/model/parameters.h"

using namespace isoflop;

namespace {
struct Published {
  const char* name;
  std::int64_t total;
  const char* config;
};
// Fields as the public configs state them, reduced to those that decide the count; published totals as in
// data/models.csv and data/params_golden.csv.
const Published configs[] = {
    {"Llama-2-7B", 6738415616,
     R"({"model_type":"llama","hidden_size":4096,"intermediate_size":11008,"num_attention_heads":32,
      "num_hidden_layers":32,"num_key_value_heads":32,"vocab_size":32000,"tie_word_embeddings":false})"},
    {"Llama-2-7B without num_key_value_heads", 6738415616,
     R"({"model_type":"llama","hidden_size":4096,"intermediate_size":11008,
      "num_attention_heads":32,"num_hidden_layers":32,"vocab_size":32000})"},
    {"Llama-3.2-1B", 1235814400,
     R"({"model_type":"llama","hidden_size":2048,"intermediate_size":8192,"num_attention_heads":32,
      "num_hidden_layers":16,"num_key_value_heads":8,"head_dim":64,"vocab_size":128256,"tie_word_embeddings":true})"},
    {"Mistral-7B", 7241732096,
     R"({"model_type":"mistral","hidden_size":4096,"intermediate_size":14336,"num_attention_heads":32,
      "num_hidden_layers":32,"num_key_value_heads":8,"vocab_size":32000,"sliding_window":4096})"},
    {"Mistral-Nemo-12B", 12247782400,
     R"({"model_type":"mistral","hidden_size":5120,"intermediate_size":14336,"head_dim":128,
      "num_attention_heads":32,"num_hidden_layers":40,"num_key_value_heads":8,"vocab_size":131072,"sliding_window":null})"},
    {"Mixtral-8x7B", 46702792704,
     R"({"model_type":"mixtral","hidden_size":4096,"intermediate_size":14336,"num_attention_heads":32,
      "num_hidden_layers":32,"num_key_value_heads":8,"vocab_size":32000,"num_local_experts":8,"num_experts_per_tok":2})"},
    {"Phi-3-mini", 3821079552,
     R"({"model_type":"phi3","hidden_size":3072,"intermediate_size":8192,"num_attention_heads":32,
      "num_hidden_layers":32,"num_key_value_heads":32,"vocab_size":32064,"sliding_window":2047,"tie_word_embeddings":false})"},
    {"Gemma-7B, tied by default", 8537680896,
     R"({"model_type":"gemma","hidden_size":3072,"intermediate_size":24576,"head_dim":256,
      "num_attention_heads":16,"num_hidden_layers":28,"num_key_value_heads":16,"vocab_size":256000,"hidden_act":"gelu"})"},
    {"Gemma-2-2B", 2614341888, R"({"model_type":"gemma2","hidden_size":2304,"intermediate_size":9216,"head_dim":256,
      "num_attention_heads":8,"num_hidden_layers":26,"num_key_value_heads":4,"vocab_size":256000,"sliding_window":4096})"},
    {"Gemma-3-1B", 999885952, R"({"model_type":"gemma3_text","hidden_size":1152,"intermediate_size":6912,"head_dim":256,
      "num_attention_heads":4,"num_hidden_layers":26,"num_key_value_heads":1,"vocab_size":262144,"sliding_window":512})"},
    {"Qwen2.5-0.5B", 494032768,
     R"({"model_type":"qwen2","hidden_size":896,"intermediate_size":4864,"num_attention_heads":14,
      "num_hidden_layers":24,"num_key_value_heads":2,"vocab_size":151936,"tie_word_embeddings":true,"use_sliding_window":false,
      "sliding_window":32768,"max_window_layers":24})"},
    {"Qwen1.5-MoE-A2.7B", 14315784192, R"({"model_type":"qwen2_moe","hidden_size":2048,"intermediate_size":5632,
      "moe_intermediate_size":1408,"shared_expert_intermediate_size":5632,"num_attention_heads":16,"num_hidden_layers":24,
      "num_key_value_heads":16,"num_experts":60,"num_experts_per_tok":4,"decoder_sparse_step":1,"vocab_size":151936})"},
    {"Qwen3-0.6B", 596049920, R"({"model_type":"qwen3","hidden_size":1024,"intermediate_size":3072,"head_dim":128,
      "num_attention_heads":16,"num_hidden_layers":28,"num_key_value_heads":8,"vocab_size":151936,"tie_word_embeddings":true})"},
    {"Qwen3-235B-A22B", 235093634560,
     R"({"model_type":"qwen3_moe","hidden_size":4096,"intermediate_size":12288,"head_dim":128,
      "moe_intermediate_size":1536,"num_attention_heads":64,"num_hidden_layers":94,"num_key_value_heads":4,"num_experts":128,
      "num_experts_per_tok":8,"decoder_sparse_step":1,"mlp_only_layers":[],"vocab_size":151936})"},
    {"DeepSeekMoE-16B", 16375728128, R"({"model_type":"deepseek","hidden_size":2048,"intermediate_size":10944,
      "moe_intermediate_size":1408,"num_attention_heads":16,"num_hidden_layers":28,"num_key_value_heads":16,"n_routed_experts":64,
      "n_shared_experts":2,"num_experts_per_tok":6,"first_k_dense_replace":1,"moe_layer_freq":1,"vocab_size":102400})"},
    {"DeepSeek-V3", 671026419200, R"({"model_type":"deepseek_v3","hidden_size":7168,"intermediate_size":18432,
      "moe_intermediate_size":2048,"num_attention_heads":128,"num_hidden_layers":61,"num_key_value_heads":128,"n_routed_experts":256,
      "n_shared_experts":1,"num_experts_per_tok":8,"first_k_dense_replace":3,"moe_layer_freq":1,"vocab_size":129280,"q_lora_rank":1536,
      "kv_lora_rank":512,"qk_nope_head_dim":128,"qk_rope_head_dim":64,"v_head_dim":128,"topk_method":"noaux_tc",
      "scoring_func":"sigmoid","num_nextn_predict_layers":1})"},
    {"Arctic", 478584608768,
     R"({"model_type":"arctic","hidden_size":7168,"intermediate_size":4864,"num_attention_heads":56,
      "num_hidden_layers":35,"num_key_value_heads":8,"num_local_experts":128,"num_experts_per_tok":2,"vocab_size":32000,
      "parallel_attn_mlp_res":true,"use_residual":true,"moe_layer_frequency":1})"},
    {"DBRX", 131596523520,
     R"({"model_type":"dbrx","d_model":6144,"n_heads":48,"n_layers":40,"vocab_size":100352,"max_seq_len":32768,
      "attn_config":{"kv_n_heads":8},"ffn_config":{"ffn_hidden_size":10752,"moe_num_experts":16,"moe_top_k":4},
      "tie_word_embeddings":false})"},
    {"GPT-2", 124439808,
     R"({"model_type":"gpt2","n_embd":768,"n_head":12,"n_layer":12,"n_positions":1024,"vocab_size":50257})"},
    {"BLOOM-560M", 559214592,
     R"({"model_type":"bloom","hidden_size":1024,"n_head":16,"n_layer":24,"vocab_size":250880})"},
    {"Pythia-70M", 70426624,
     R"({"model_type":"gpt_neox","hidden_size":512,"intermediate_size":2048,"num_attention_heads":8,
      "num_hidden_layers":6,"vocab_size":50304,"rotary_pct":0.25,"tie_word_embeddings":false})"},
    {"OPT-125M", 125239296,
     R"({"model_type":"opt","hidden_size":768,"ffn_dim":3072,"num_attention_heads":12,"num_hidden_layers":12,
      "vocab_size":50272,"max_position_embeddings":2048,"word_embed_proj_dim":768,"do_layer_norm_before":true})"},
    {"StarCoder2-3B", 3030371328,
     R"({"model_type":"starcoder2","hidden_size":3072,"intermediate_size":12288,"num_attention_heads":24,
      "num_hidden_layers":30,"num_key_value_heads":2,"vocab_size":49152,"use_bias":true,"sliding_window":4096})"},
    {"OLMo-1B, first release", 1176764416,
     R"({"model_type":"hf_olmo","d_model":2048,"n_heads":16,"n_layers":16,"mlp_hidden_size":16384,
      "vocab_size":50280,"embedding_size":50304,"weight_tying":true,"activation_type":"swiglu"})"},
    {"OLMo-7B", 6888095744,
     R"({"model_type":"olmo","hidden_size":4096,"intermediate_size":11008,"num_attention_heads":32,
      "num_hidden_layers":32,"vocab_size":50304})"},
    {"OLMo-2-7B", 7298617344,
     R"({"model_type":"olmo2","hidden_size":4096,"intermediate_size":11008,"num_attention_heads":32,
      "num_hidden_layers":32,"num_key_value_heads":32,"vocab_size":100352})"},
    {"gpt-oss-20b", 20914757184, R"({"model_type":"gpt_oss","hidden_size":2880,"intermediate_size":2880,"head_dim":64,
      "num_attention_heads":64,"num_hidden_layers":24,"num_key_value_heads":8,"num_local_experts":32,"num_experts_per_tok":4,
      "vocab_size":201088,"sliding_window":128,"attention_bias":true})"},
};

std::string complaint(const std::string& json) {
  try {
    read_hf_config(json, "config.json");
  } catch (const Error& problem) {
    CHECK(problem.fault() == Fault::BadInput);
    return problem.what();
  }
  return "";
}
}  // namespace

TEST_CASE("every supported family imports to its published parameter count, to the integer") {
  for (const Published& p : configs) {
    CAPTURE(p.name);
    CHECK(count_parameters(read_hf_config(p.config, "config.json")).total == p.total);
  }
}

TEST_CASE("every supported model type is imported by some test") {
  std::string all;
  for (const Published& p : configs) all += p.config;
  all += R"("deepseek_v2" "openelm" "olmo3")";
  for (const std::string& type : supported_model_types())
    CHECK_MESSAGE(all.find('"' + type + '"') != std::string::npos, type);
}

TEST_CASE("OpenELM's lists per layer are read") {
  const Architecture a =
      read_hf_config(R"({"model_type":"openelm","model_dim":1280,"num_transformer_layers":2,"head_dim":64,
    "num_query_heads":[12,20],"num_kv_heads":[3,5],"ffn_multipliers":[0.5,4.0],"ffn_dim_divisor":256,"ffn_with_glu":true,
    "normalize_qk_projections":true,"share_input_output_layers":true,"vocab_size":32000})",
                     "config.json");
  CHECK(a.layers[0].mlp->width == 768);
  CHECK(a.layers[1].mlp->width == 5120);
  CHECK(a.layers[1].attention.heads == 20);
  CHECK(a.tied_embeddings);
}

TEST_CASE("windows are placed by layer_types, by pattern, or not at all when switched off") {
  const auto windows = [](const Architecture& a) {
    std::vector<std::int64_t> result;
    for (const Layer& layer : a.layers) result.push_back(layer.attention.window);
    return result;
  };
  const std::string head =
      R"({"hidden_size":8,"intermediate_size":8,"num_attention_heads":2,"vocab_size":9,"num_hidden_layers":4,"sliding_window":5,)";
  CHECK(windows(read_hf_config(head + R"("model_type":"mistral"})", "c")) == std::vector<std::int64_t>{5, 5, 5, 5});
  CHECK(windows(read_hf_config(head + R"("model_type":"gemma2"})", "c")) == std::vector<std::int64_t>{5, 0, 5, 0});
  CHECK(windows(read_hf_config(head + R"("model_type":"qwen2","use_sliding_window":false})", "c")) ==
        std::vector<std::int64_t>{0, 0, 0, 0});
  CHECK(windows(read_hf_config(head + R"("model_type":"qwen2","use_sliding_window":true,"max_window_layers":3})",
                               "c")) == std::vector<std::int64_t>{0, 0, 0, 5});
  CHECK(
      windows(read_hf_config(
          head +
              R"("model_type":"olmo3","layer_types":["full_attention","sliding_attention","full_attention","full_attention"]})",
          "c")) == std::vector<std::int64_t>{0, 5, 0, 0});
}

TEST_CASE("nested text configs are read and said to be the backbone only") {
  const Architecture a =
      read_hf_config(R"({"model_type":"gemma3","text_config":{"model_type":"gemma3_text","hidden_size":1152,
    "intermediate_size":6912,"head_dim":256,"num_attention_heads":4,"num_hidden_layers":26,"num_key_value_heads":1,"vocab_size":262144,
    "sliding_window":512},"vision_config":{}})",
                     "config.json");
  CHECK(count_parameters(a).total == 999885952);
  REQUIRE(a.notes.size() == 1);
  CHECK(a.notes[0].find("text backbone") == 0);
}

TEST_CASE("what cannot be represented is refused, not guessed") {
  CHECK(complaint(R"({"model_type":"mamba2"})")
            .find(R"(config.json: model_type "mamba2" is not supported; expected one of arctic,)") == 0);
  CHECK(complaint(R"({"hidden_size":12})").find(R"(model_type "" is not supported)") != std::string::npos);
  CHECK(complaint("[1]").find("expected a JSON object") != std::string::npos);
  CHECK(complaint(R"({"model_type":"llama","hidden_size":"wide"})") ==
        R"(config.json: field "hidden_size" is not a whole number)");
  CHECK(complaint(R"({"model_type":"llama","hidden_size":64})") ==
        R"(config.json: field "vocab_size" is missing; expected a whole number)");
  CHECK(complaint(R"({"model_type":"qwen3","hidden_size":8,"intermediate_size":8,"num_attention_heads":2,"vocab_size":9,
    "num_hidden_layers":1,"layer_types":["linear_attention"]})") ==
        R"(config.json: layer type "linear_attention" is not supported)");
  CHECK(
      complaint(R"({"model_type":"arctic","hidden_size":64,"intermediate_size":8,"num_attention_heads":2,"vocab_size":9,
    "num_hidden_layers":1})")
          .find("only the published form") != std::string::npos);
}
