// Attention of forward(): grouped, latent (expanded and absorbed) and with query experts.
#include "isoflop/model/forward.h"

namespace isoflop::wiring {

AttentionCore Builder::core_of(const Attention& a, std::int64_t kv_heads, std::int64_t key_dim,
                               std::int64_t value_dim) const {
  AttentionCore core{};
  core.heads = a.heads;
  core.kv_heads = kv_heads;
  core.key_dim = key_dim;
  core.value_dim = value_dim;
  core.window = a.window;
  core.sink_tokens = a.sink_tokens;
  core.chunk = a.chunk;
  core.causal = step.causal;
  core.alibi = a.alibi;
  core.learned_sinks = a.learned_sinks;
  core.from_cache = !step.training;
  core.scale_dim = a.latent ? a.latent->nope_dim + a.latent->rope_dim : a.head_dim;
  core.segments = step.segments;
  return core;
}

int Builder::finish_core(const std::string& name, AttentionCore core, std::vector<int> inputs, const Attention& a) {
  const std::int64_t rows = core.rows();
  const int out = activation(name, rows, core.heads * core.value_dim);
  const int lse = tensor(name + " log-sum-exp", TensorKind::Statistic, Part::Attention, {rows, core.heads});
  std::vector<int> weights;
  if (a.learned_sinks) weights.push_back(weight("attention sinks", Part::Attention, {a.heads}));
  std::vector<int> saved = inputs;
  saved.push_back(out);
  saved.push_back(lse);
  op(name, Part::Attention, std::move(core), std::move(inputs), std::move(weights), {out, lse}, std::move(saved));
  return out;
}

int Builder::attention(int x, const Attention& a) {
  if (a.latent) return latent_attention(x, a);
  const std::int64_t rows = rows_of(x), e = a.head_dim, d = architecture.width;
  int q, k, v;
  Routed routed{};
  if (a.query_experts) {
    MixtureOfExperts queries;
    queries.experts = a.query_experts->experts;
    queries.per_token = a.query_experts->per_token;
    routed = route("attention router", x, queries);
    const int sorted_q = grouped("attention query", routed.rows, routed.chosen, {{"query by expert", a.kv_heads * e}},
                                 queries.experts, queries.per_token, false, Split::Columns).front();
    // Back to token order: the k chosen experts' heads side by side.
    q = activation("query", rows, a.heads * e);
    op("query gather", Part::Attention, Dispatch{rows, queries.per_token, a.kv_heads * e, Deal::Gather},
       {sorted_q, routed.chosen}, {}, {q}, {});
    const auto kv = matmul_split("attention key value", Part::Attention, x,
                                 {{"key", a.kv_heads * e}, {"value", a.kv_heads * e}}, false, Split::Columns);
    k = kv[0];
    v = kv[1];
  } else {
    const auto qkv = matmul_split("attention qkv", Part::Attention, x,
                                  {{"query", a.heads * e}, {"key", a.kv_heads * e}, {"value", a.kv_heads * e}},
                                  a.qkv_bias, Split::Columns);
    q = qkv[0];
    k = qkv[1];
    v = qkv[2];
  }
  if (a.qk_norm != QkNorm::None) {
    q = head_norm("query norm", q, a.heads, e, a.qk_norm, architecture.norm);
    k = head_norm("key norm", k, a.kv_heads, e, a.qk_norm, architecture.norm);
  }
  if (a.rotary_dims > 0) {
    const int rq = activation("rotated query", rows, a.heads * e), rk = activation("rotated key", rows, a.kv_heads * e);
    op("rotary", Part::Attention, Rotate{rows, a.heads + a.kv_heads, e, a.rotary_dims, false}, {q, k}, {}, {rq, rk},
       {});
    q = rq;
    k = rk;
  }
  if (!step.training) {
    const std::int64_t cached = step.cached_tokens();
    const int ck = tensor("key cache", TensorKind::KvCache, Part::Attention, {cached, a.kv_heads * e});
    const int cv = tensor("value cache", TensorKind::KvCache, Part::Attention, {cached, a.kv_heads * e});
    op("cache write", Part::Attention, CacheWrite{rows, 2 * a.kv_heads * e}, {k, v}, {}, {ck, cv}, {});
    k = ck;
    v = cv;
  }
  const int mixed = finish_core("attention core", core_of(a, a.kv_heads, e, e), {q, k, v}, a);
  if (!a.query_experts) return matmul("attention out", Part::Attention, mixed, d, a.output_bias, Split::Rows);
  const std::int64_t copies = a.query_experts->per_token;
  const int by_expert = activation("attention by expert", rows * copies, a.kv_heads * e);
  op("attention scatter", Part::Attention, Dispatch{rows, copies, a.kv_heads * e, Deal::Part}, {mixed, routed.chosen},
     {}, {by_expert}, {});
  const int out = grouped("attention out", by_expert, routed.chosen, {{"attention out by expert", d}},
                          a.query_experts->experts, copies, false, Split::Rows)
                      .front();
  return combine("attention combine", Part::Attention, out, routed, copies, a.output_bias);
}

int Builder::latent_attention(int x, const Attention& a) {
  const LatentAttention& m = *a.latent;
  const std::int64_t rows = rows_of(x), d = architecture.width, h = a.heads, key = m.nope_dim + m.rope_dim;
  int q, latent, key_rope;
  if (m.query_rank > 0) {
    const auto down =
        matmul_split("attention down", Part::Attention, x,
                     {{"query latent", m.query_rank}, {"key value latent", m.kv_rank}, {"shared key", m.rope_dim}},
                     false, Split::None);
    const int normed = norm("query latent norm", Part::Norm, down[0], {NormKind::RmsNorm, true, false});
    q = matmul("attention query", Part::Attention, normed, h * key, false, Split::Columns);
    latent = down[1];
    key_rope = down[2];
  } else {
    q = matmul("attention query", Part::Attention, x, h * key, false, Split::Columns);
    const auto down = matmul_split("attention down", Part::Attention, x,
                                   {{"key value latent", m.kv_rank}, {"shared key", m.rope_dim}}, false, Split::None);
    latent = down[0];
    key_rope = down[1];
  }
  latent = norm("key value latent norm", Part::Norm, latent, {NormKind::RmsNorm, true, false});
  const int rq = activation("rotated query", rows, h * key), rk = activation("rotated shared key", rows, m.rope_dim);
  op("rotary query", Part::Attention, Rotate{rows, h, key, m.rope_dim, true}, {q}, {}, {rq}, {});
  op("rotary key", Part::Attention, Rotate{rows, 1, m.rope_dim, m.rope_dim, true}, {key_rope}, {}, {rk}, {});
  q = rq;
  key_rope = rk;
  const int up = weight("attention up weight", Part::Attention, {h * (m.nope_dim + m.value_dim), m.kv_rank});

  // A new token that reads a cache attends to the latent itself, W_up folded into query and output (absorbed); longer
  // passes expand the latent to keys and values first.
  bool absorbed = !step.training;
  for (const Segment& s : step.segments) absorbed = absorbed && s.new_tokens == 1;

  if (!step.training) {
    const int cache =
        tensor("latent cache", TensorKind::KvCache, Part::Attention, {step.cached_tokens(), m.kv_rank + m.rope_dim});
    op("cache write", Part::Attention, CacheWrite{rows, m.kv_rank + m.rope_dim}, {latent, key_rope}, {}, {cache}, {});
    latent = cache;
  }
  if (absorbed) {
    const int aq = activation("absorbed query", rows, h * (m.kv_rank + m.rope_dim));
    op("attention absorb query", Part::Attention, HeadMatMul{h, rows, m.kv_rank, m.nope_dim, 0, true}, {q}, {up}, {aq},
       {});
    AttentionCore core = core_of(a, 1, m.kv_rank + m.rope_dim, m.kv_rank);
    core.values_in_keys = true;
    const int mixed = finish_core("attention core", std::move(core), {aq, latent}, a);
    const int values = activation("attention values", rows, h * m.value_dim);
    op("attention absorb value", Part::Attention, HeadMatMul{h, rows, m.value_dim, m.kv_rank, h * m.nope_dim, false},
       {mixed}, {up}, {values}, {});
    return matmul("attention out", Part::Attention, values, d, a.output_bias, Split::Rows);
  }
  const std::int64_t keys = step.cached_tokens();
  const int k = activation("key", keys, h * m.nope_dim), v = activation("value", keys, h * m.value_dim);
  op("attention expand", Part::Attention,
     MatMul{keys, h * (m.nope_dim + m.value_dim), m.kv_rank, false, Split::Columns}, {latent}, {up}, {k, v}, {latent});
  AttentionCore core = core_of(a, h, key, m.value_dim);
  core.shared_key_dim = m.rope_dim;
  core.from_cache = false;
  const int mixed = finish_core("attention core", std::move(core), {q, k, v, step.training ? key_rope : latent}, a);
  return matmul("attention out", Part::Attention, mixed, d, a.output_bias, Split::Rows);
}

}  // namespace isoflop::wiring
