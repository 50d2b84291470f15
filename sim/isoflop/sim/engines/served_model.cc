#include "isoflop/sim/engines/served_model.h"

#include <algorithm>
#include <map>

#include "isoflop/catalogue/model_architecture.h"
#include "isoflop/catalogue/models.h"
#include "isoflop/error.h"
#include "isoflop/model/parameters.h"
#include "isoflop/sim/training/benchmark_models.h"

namespace isoflop::sim {
namespace {

std::string key_of_name(const std::string& name) {
  const std::size_t slash = name.rfind('/');
  std::string key = slash == std::string::npos ? name : name.substr(slash + 1);
  for (char& c : key) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == '_' || c == ' ') c = '-';
  }
  for (const std::string_view suffix : {"-fp8", "-nvfp4", "-fp4", "-instruct", "-instruct-2507", "-4k", "-base"})
    if (key.size() > suffix.size() && key.ends_with(suffix)) key.resize(key.size() - suffix.size());
  for (const std::string_view suffix : {"-instruct", "-fp8"})
    if (key.size() > suffix.size() && key.ends_with(suffix)) key.resize(key.size() - suffix.size());
  return key;
}

Layer gqa_layer(std::int64_t heads, std::int64_t kv_heads, std::int64_t head_dim) {
  Layer layer;
  layer.attention.heads = heads;
  layer.attention.kv_heads = kv_heads;
  layer.attention.head_dim = layer.attention.rotary_dims = head_dim;
  return layer;
}

MixtureOfExperts mixture(std::int64_t experts, std::int64_t per_token, std::int64_t width, std::int64_t shared) {
  MixtureOfExperts m;
  m.experts = experts;
  m.per_token = per_token;
  m.expert = Mlp{width, true, Activation::Silu, false};
  m.shared_width = shared;
  return m;
}

// MiniMax-M2.5: dimensions of the M2 configuration as public fixtures of it state (model_type minimax_m2), assumed to
// hold for M2.5: 62 layers, 48 heads and 8 key/value heads of 128, 256 experts of 1536, 8 per token.
Architecture minimax_m2() {
  Architecture a;
  a.name = "minimax-m2.5";
  a.width = 3072;
  a.vocabulary = 200064;
  Layer layer = gqa_layer(48, 8, 128);
  layer.attention.rotary_dims = 64;
  layer.experts = mixture(256, 8, 1536, 0);
  a.layers.assign(62, layer);
  return a;
}

// ai-dynamo/aiconfigurator@87fe4b0:src/aiconfigurator/model_configs/Qwen--Qwen3.5-397B-A17B_config.json: 15 times three
// gated delta-net layers (64 value and 16 key heads of 128) and one of gated attention (32 heads, 2 key/value heads of
// 256), 512 experts of 1024, 10 per token and one shared. The delta net's state of 64 x 128 x 128 elements is
// represented by a window of 256 keys of 16 key/value heads, which is as large.
Architecture qwen35_397b() {
  Architecture a;
  a.name = "qwen3.5-397b-a17b";
  a.width = 4096;
  a.vocabulary = 248320;
  Layer linear = gqa_layer(64, 16, 128), full = gqa_layer(32, 2, 256);
  linear.attention.window = 256;
  linear.experts = full.experts = mixture(512, 10, 1024, 1024);
  for (int block = 0; block < 15; ++block) {
    a.layers.insert(a.layers.end(), 3, linear);
    a.layers.push_back(full);
  }
  return a;
}

// ai-dynamo/aiconfigurator@691ec90:src/aiconfigurator/model_configs/zai-org--GLM-5-FP8_config.json: 78 layers of latent
// attention (64 heads), three dense, 256 experts of 2048, 8 per token and one shared. Its sparse attention reads at
// most 2048 tokens a query; here the whole latent cache counts.
Architecture glm5() {
  Architecture a;
  a.name = "glm-5";
  a.width = 6144;
  a.vocabulary = 154880;
  Layer layer;
  layer.attention.heads = layer.attention.kv_heads = 64;
  layer.attention.head_dim = 256;
  layer.attention.rotary_dims = 64;
  layer.attention.latent = LatentAttention{2048, 512, 192, 64, 256};
  Layer dense = layer;
  dense.mlp = Mlp{12288, true, Activation::Silu, false};
  layer.experts = mixture(256, 8, 2048, 2048);
  a.layers.assign(3, dense);
  a.layers.insert(a.layers.end(), 75, layer);
  return a;
}

// Qwen3-4B: dimensions unverified; without the norms of queries and keys they count 4.02e9 parameters, as the name
// says.
Architecture qwen3_4b() {
  Architecture a;
  a.name = "qwen3-4b";
  a.width = 2560;
  a.vocabulary = 151936;
  a.tied_embeddings = true;
  Layer layer = gqa_layer(32, 8, 128);
  layer.mlp = Mlp{9728, true, Activation::Silu, false};
  a.layers.assign(36, layer);
  return a;
}

// Sizes of NVIDIA/FasterTransformer, docs/gpt_guide.md, and of the papers it names; vocabulary padded to 51200.
std::optional<Architecture> faster_transformer_gpt(const std::string& key) {
  struct Size {
    const char* name;
    std::int64_t layers, width, heads;
  };
  static constexpr Size sizes[] = {{"ft-gpt-350m", 24, 1024, 16},  {"ft-gpt-1.3b", 24, 2048, 32},
                                   {"ft-gpt-6.7b", 32, 4096, 32},  {"ft-gpt-13b", 40, 5120, 40},
                                   {"ft-gpt-20b", 44, 6144, 48},   {"ft-gpt-89b", 48, 12288, 96},
                                   {"ft-gpt-175b", 96, 12288, 96}, {"ft-gpt-530b", 105, 20480, 128}};
  for (const Size& s : sizes)
    if (key == s.name) return gpt_architecture(key, s.layers, s.width, s.heads, 51200, 2048);
  return std::nullopt;
}

std::optional<Architecture> architecture_named(const std::string& name, const ModelCatalogue& models) {
  const std::string key = key_of_name(name);
  if (auto gpt = faster_transformer_gpt(key)) return gpt;
  if (key.starts_with("minimax-m2")) return minimax_m2();
  if (key == "qwen3.5-397b-a17b") return qwen35_397b();
  if (key == "glm-5") return glm5();
  if (key == "qwen3-4b") return qwen3_4b();
  if (key.starts_with("kimi-k2")) return benchmark_architecture("kimi-k2", 0, models);
  if (key.starts_with("deepseek-r1") || key.starts_with("deepseek-v3"))
    return architecture_of(models.require("deepseek-v3"));
  if (key == "llama-3.3-70b" || key == "llama-3.1-70b") return architecture_of(models.require("llama-3-70b"));
  return benchmark_architecture(key, 2048, models);
}

}  // namespace

double ServedModel::weights_read(double tokens) const {
  double touched = 0;
  if (experts > 0)
    touched = expert_weights * expected_distinct_experts(experts, experts_per_token, tokens, {}) /
              static_cast<double>(experts);
  return body_weights + head_weights + touched;
}

double ServedModel::active_weights() const {
  return body_weights +
         (experts > 0 ? expert_weights * static_cast<double>(experts_per_token) / static_cast<double>(experts) : 0);
}

double ServedModel::cache_elements(double tokens) const {
  double sum = 0;
  for (const Cache& c : caches)
    sum += c.layers * c.elements * (c.window > 0 ? std::min(tokens, static_cast<double>(c.window)) : tokens);
  return sum;
}

double ServedModel::cache_elements_on(double tokens, double devices) const {
  double sum = 0;
  for (const Cache& c : caches)
    sum += c.layers * c.elements * (c.window > 0 ? std::min(tokens, static_cast<double>(c.window)) : tokens) *
           std::max(1.0, devices / c.shareable);
  return sum;
}

double ServedModel::decode_attention_flop(double context) const {
  double sum = 0;
  for (const Cache& c : caches)
    sum += c.layers * c.pair_flop_decode * (c.window > 0 ? std::min(context, static_cast<double>(c.window)) : context);
  return sum;
}

double ServedModel::prefill_attention_flop(double prompt) const {
  double sum = 0;
  for (const Cache& c : caches) {
    const double w = c.window > 0 ? std::min(prompt, static_cast<double>(c.window)) : prompt;
    sum += c.layers * c.pair_flop_prefill * (prompt * w - w * (w - 1) / 2);
  }
  return sum;
}

ServedModel served_model(const Architecture& architecture) {
  ServedModel m;
  m.name = architecture.name;
  m.layers = static_cast<double>(architecture.layers.size());
  m.width = static_cast<double>(architecture.width);
  const ParameterCount count = count_parameters(architecture);
  const auto total = [&](Part part) { return static_cast<double>(count.of(part).total); };
  m.parameters = static_cast<double>(count.total);
  m.body_weights =
      total(Part::Attention) + total(Part::Mlp) + total(Part::SharedExpert) + total(Part::Router) + total(Part::Norm);
  m.head_weights = architecture.tied_embeddings ? total(Part::Embedding) : total(Part::Head);
  m.embedding_weights = architecture.tied_embeddings ? 0 : total(Part::Embedding);
  m.expert_weights = total(Part::Expert);
  for (const LayerCount& kind : distinct_layers(architecture)) {
    const Attention& a = kind.layer.attention;
    const auto n = static_cast<double>(kind.count), h = static_cast<double>(a.heads),
               g = static_cast<double>(a.kv_heads), e = static_cast<double>(a.head_dim);
    ServedModel::Cache cache;
    cache.layers = n;
    cache.window = a.window > 0 ? a.window + a.sink_tokens : a.chunk;
    if (a.latent) {
      const auto c = static_cast<double>(a.latent->kv_rank), r = static_cast<double>(a.latent->rope_dim);
      cache.elements = c + r;
      cache.pair_flop_decode = 2 * h * (2 * c + r);
      cache.pair_flop_prefill =
          2 * h * static_cast<double>(a.latent->nope_dim + a.latent->rope_dim + a.latent->value_dim);
      cache.shareable = 1;
    } else {
      cache.elements = 2 * g * e;
      cache.pair_flop_decode = cache.pair_flop_prefill = 4 * h * e;
      cache.shareable = g;
    }
    m.caches.push_back(cache);
    if (kind.layer.experts) {
      m.expert_layers += n;
      m.experts = kind.layer.experts->experts;
      m.experts_per_token = kind.layer.experts->per_token;
    }
  }
  return m;
}

ServedModel served_model_named(const std::string& name, const ModelCatalogue& models) {
  const auto architecture = architecture_named(name, models);
  if (!architecture) throw Error(Fault::BadInput, "model \"" + name + "\" is not in the catalogue");
  ServedModel m = served_model(*architecture);
  m.name = architecture->name;
  return m;
}

}  // namespace isoflop::sim
