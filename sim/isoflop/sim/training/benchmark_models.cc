#include "isoflop/sim/training/benchmark_models.h"

#include <array>
#include <bit>
#include <cstdio>
#include <map>

#include "isoflop/catalogue/model_architecture.h"

namespace isoflop::sim {
namespace {

struct GptShape {
  const char* name;
  std::int64_t layers, width, heads, vocabulary;
};

// llm-foundry's MPT sizes (scripts/train/benchmarking), Megatron's from Narayanan et al. 2021 table 1 and Korthikanti
// et al. 2022 table 3, GPT-2's from llm.c, whose vocabulary is padded to 50304.
constexpr std::array<GptShape, 22> gpt_shapes = {{
    {"mpt-125m", 12, 768, 12, 50368},          {"mpt-350m", 24, 1024, 16, 50368},
    {"mpt-760m", 24, 1536, 12, 50368},         {"mpt-1b", 24, 2048, 16, 50368},
    {"mpt-3b", 32, 2560, 20, 50368},           {"mpt-7b", 32, 4096, 32, 50368},
    {"mpt-13b", 40, 5120, 40, 50368},          {"mpt-30b", 48, 7168, 56, 50368},
    {"mpt-70b", 80, 8192, 64, 50368},          {"megatron-1.7b", 24, 2304, 24, 51200},
    {"megatron-22b", 48, 6144, 64, 51200},     {"megatron-39.1b", 48, 8192, 64, 51200},
    {"megatron-76.1b", 60, 10240, 80, 51200},  {"megatron-145.6b", 80, 12288, 96, 51200},
    {"megatron-310.1b", 96, 16384, 128, 51200}, {"megatron-1t", 128, 25600, 160, 51200},
    {"gpt3-175b", 96, 12288, 96, 51200},       {"megatron-lm-175b", 96, 12288, 96, 51200},
    {"turing-530b", 105, 20480, 128, 51200},   {"megatron-lm-530b", 105, 20480, 128, 51200},
    {"gpt2-124m", 12, 768, 12, 50304},         {"gpt2-350m", 24, 1024, 16, 50304},
}};

Architecture llama_like(const std::string& name, std::int64_t layers, std::int64_t width, std::int64_t heads,
                        std::int64_t kv_heads, std::int64_t head_dim, std::int64_t ffn, std::int64_t vocabulary,
                        bool tied) {
  Architecture a;
  a.name = name;
  a.width = width;
  a.vocabulary = vocabulary;
  a.tied_embeddings = tied;
  Layer layer;
  layer.attention.heads = heads;
  layer.attention.kv_heads = kv_heads;
  layer.attention.head_dim = layer.attention.rotary_dims = head_dim;
  layer.mlp = Mlp{ffn, true, Activation::Silu, false};
  a.layers.assign(static_cast<std::size_t>(layers), layer);
  return a;
}

// MaxText's "global parameter scale" doubles heads and MLP, then width, then layers of a base model (base.yml: 16
// layers, width 2048, 16 heads of 128, MLP 7168, vocabulary 32000); AI-Hypercomputer/maxtext, MaxText/pyconfig.py.
std::optional<Architecture> maxtext(const std::string& name) {
  static const std::map<std::string, unsigned> scales = {
      {"maxtext-16b", 16},   {"maxtext-32b", 32},   {"maxtext-64b", 64},    {"maxtext-128b", 128},
      {"maxtext-256b", 256}, {"maxtext-512b", 512}, {"maxtext-1024b", 1024}};
  const auto found = scales.find(name);
  if (found == scales.end()) return std::nullopt;
  const int doublings = std::countr_zero(found->second), all = doublings / 3, rest = doublings % 3;
  const std::int64_t heads = 16LL << (all + (rest > 0)), width = 2048LL << (all + (rest > 1));
  return llama_like(name, 16LL << all, width, heads, heads, 128, 7168LL << (all + (rest > 0)), 32000, false);
}

// "gpt-48x1600x25-v50257" is a GPT of 48 layers, width 1600, 25 heads and that vocabulary; "-untied" behind it has a
// head of its own.
std::optional<Architecture> spelled_gpt(const std::string& name, std::int64_t positions) {
  int layers = 0, width = 0, heads = 0, vocabulary = 0, read = 0;
  if (std::sscanf(name.c_str(), "gpt-%5dx%6dx%5d-v%7d%n", &layers, &width, &heads, &vocabulary, &read) != 4)
    return std::nullopt;
  const std::string rest = name.substr(static_cast<std::size_t>(read));
  if (layers < 1 || heads < 1 || width < heads || width % heads != 0 || vocabulary < 1) return std::nullopt;
  if (!rest.empty() && rest != "-untied") return std::nullopt;
  Architecture a = gpt_architecture(name, layers, width, heads, vocabulary, positions);
  a.tied_embeddings = rest.empty();
  return a;
}

// arXiv:2505.09388, table 2.
Architecture qwen3_30b() {
  Architecture a = llama_like("qwen3-30b-a3b", 48, 2048, 32, 4, 128, 0, 151936, false);
  for (Layer& layer : a.layers) {
    layer.attention.qk_norm = QkNorm::PerHeadDimension;
    layer.mlp.reset();
    MixtureOfExperts m;
    m.experts = 128;
    m.per_token = 8;
    m.expert = Mlp{768, true, Activation::Silu, false};
    layer.experts = m;
  }
  return a;
}

// DeepSeek-V3's block with 64 heads and 384 experts (moonshotai/Kimi-K2-Base, config.json).
Architecture kimi_k2(const ModelCatalogue& models) {
  Architecture a = architecture_of(models.require("deepseek-v3"));
  a.name = "kimi-k2";
  a.vocabulary = 163840;
  for (std::size_t i = 0; i < a.layers.size(); ++i) {
    Layer& layer = a.layers[i];
    layer.attention.heads = layer.attention.kv_heads = 64;
    if (i == 0) continue;
    layer = a.layers.back();
    layer.attention.heads = layer.attention.kv_heads = 64;
    layer.experts->experts = 384;
  }
  return a;
}

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_' || c == ' ') c = '-';
  }
  return text;
}

}  // namespace

Architecture gpt_architecture(const std::string& name, std::int64_t layers, std::int64_t width, std::int64_t heads,
                              std::int64_t vocabulary, std::int64_t positions) {
  Architecture a;
  a.name = name;
  a.width = width;
  a.vocabulary = vocabulary;
  a.tied_embeddings = true;
  a.learned_positions = positions;
  a.norm = {NormKind::LayerNorm, true, true};
  Layer layer;
  layer.attention.heads = layer.attention.kv_heads = heads;
  layer.attention.head_dim = width / heads;
  layer.attention.qkv_bias = layer.attention.output_bias = true;
  layer.mlp = Mlp{4 * width, false, Activation::Gelu, true};
  a.layers.assign(static_cast<std::size_t>(layers), layer);
  return a;
}

std::optional<Architecture> benchmark_architecture(const std::string& name, std::int64_t sequence_length,
                                                   const ModelCatalogue& models) {
  const std::string key = lower(name);
  for (const GptShape& s : gpt_shapes)
    if (key == s.name) return gpt_architecture(key, s.layers, s.width, s.heads, s.vocabulary, sequence_length);
  if (key == "gpt2-774m") return gpt_architecture(key, 36, 1280, 20, 50304, sequence_length);
  if (key == "gpt2-1558m" || key == "gpt2-1.5b") return gpt_architecture(key, 48, 1600, 25, 50304, sequence_length);
  if (auto found = spelled_gpt(key, sequence_length)) return found;
  if (auto found = maxtext(key)) return found;
  if (key == "qwen3-30b-a3b") return qwen3_30b();
  if (key == "kimi-k2") return kimi_k2(models);
  if (key == "llama-3.2-3b") return llama_like(key, 28, 3072, 24, 8, 128, 8192, 128256, true);
  if (key == "llama-2-34b") return architecture_of(models.require("codellama-34b"));
  static const std::map<std::string, std::string> aliases = {
      {"llama3-8b", "llama-3-8b"},          {"llama3-70b", "llama-3-70b"},       {"llama3.1-8b", "llama-3.1-8b"},
      {"llama3.1-70b", "llama-3-70b"},      {"llama3.1-405b", "llama-3.1-405b"}, {"llama-3.1-70b", "llama-3-70b"},
      {"llama2-7b", "llama-2-7b"},          {"llama2-13b", "llama-2-13b"},       {"llama2-70b", "llama-2-70b"},
      {"deepseekv3", "deepseek-v3"},        {"deepseek3-671b", "deepseek-v3"},   {"qwen3-235b-a22b", "qwen3-235b-a22b"},
      {"mistral-7b", "mistral-7b-v0.1"},    {"llama4-scout-17b-16e", "llama-4-scout"},
      {"llama4-maverick-17b-128e", "llama-4-maverick"}, {"mixtral-8x22b", "mixtral-8x22b"}};
  const auto alias = aliases.find(key);
  const ModelRecord* record = models.find(alias == aliases.end() ? key : alias->second);
  if (!record) return std::nullopt;
  return architecture_of(*record);
}

}  // namespace isoflop::sim
