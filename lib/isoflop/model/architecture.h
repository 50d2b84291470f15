// What a transformer is, as plain data: widths, counts and choices, layer by layer. Nothing is computed here except
// whether the description holds together; what follows from it (tensors, operations, counts) is in program.h.
// Letters: d width, h query heads, g key/value heads, e head width, f MLP width, V vocabulary, E experts, k experts per
// token.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace isoflop {

enum class NormKind { LayerNorm, RmsNorm };  ///< RMSNorm divides only, LayerNorm also subtracts the mean.

/// What a normalisation learns: RMSNorm has a scale, LayerNorm usually scale and bias; OLMo learns neither.
struct NormStyle {
  NormKind kind = NormKind::RmsNorm;
  bool scale = true;
  bool bias = false;
  friend bool operator==(const NormStyle&, const NormStyle&) = default;
};

/// What the weights of a norm on queries and keys span.
enum class QkNorm {
  None,
  PerHeadDimension,  ///< e weights shared by all heads, for Q and for K (Qwen3, Gemma 3)
  WholeProjection,   ///< one norm over all heads: h e weights for Q, g e for K (OLMo 2)
  EachHead,          ///< norm per head with own weights: h e and g e (Command R+)
};

/// Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434): keys and values come from one cached latent vector.
struct LatentAttention {
  std::int64_t query_rank = 0;  ///< 0: queries are not compressed
  std::int64_t kv_rank = 0;
  std::int64_t nope_dim = 0;   ///< key width per head without position
  std::int64_t rope_dim = 0;   ///< rotated key width, shared by all heads
  std::int64_t value_dim = 0;
  friend bool operator==(const LatentAttention&, const LatentAttention&) = default;
};

/// Query and output projections chosen per token among experts, keys and values shared (JetMoE, arXiv:2404.07413).
/// Each chosen expert brings `kv_heads` query heads, so heads = per_token * kv_heads.
struct QueryExperts {
  std::int64_t experts = 0;
  std::int64_t per_token = 0;
  friend bool operator==(const QueryExperts&, const QueryExperts&) = default;
};

/// Multi-head, grouped-query and multi-query attention differ only in kv_heads (h, between, 1).
struct Attention {
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t head_dim = 0;      ///< independent of d / h
  std::int64_t rotary_dims = 0;   ///< rotated dimensions per head; 0: no rotary positions in this layer
  std::int64_t window = 0;        ///< keys a query sees, itself included; 0: all before it
  std::int64_t chunk = 0;         ///< keys only from the query's own chunk of that many tokens (Llama 4); 0: no chunks
  std::int64_t sink_tokens = 0;   ///< first tokens that stay visible outside the window
  bool learned_sinks = false;     ///< one learned logit per head in the softmax, with neither key nor value (gpt-oss)
  bool alibi = false;             ///< position bias linear in distance
  bool qkv_bias = false;
  bool output_bias = false;
  QkNorm qk_norm = QkNorm::None;
  std::optional<LatentAttention> latent;
  std::optional<QueryExperts> query_experts;
  friend bool operator==(const Attention&, const Attention&) = default;
};

enum class Activation { Silu, Gelu, Relu, SquaredRelu, Xielu };  ///< Function inside an MLP.

struct Mlp {  ///< A feed-forward block of two or three matrices.
  std::int64_t width = 0;
  bool gated = true;  ///< three matrices (SwiGLU, GeGLU) instead of two
  Activation activation = Activation::Silu;
  bool bias = false;  ///< on every matrix
  friend bool operator==(const Mlp&, const Mlp&) = default;
};

enum class RouterScore { Softmax, Sigmoid };  ///< How a router's logits become weights.

/// A mixture of experts: k of E MLPs per token, plus what every token passes.
struct MixtureOfExperts {
  std::int64_t experts = 0;
  std::int64_t per_token = 0;
  Mlp expert;
  std::int64_t shared_width = 0;  ///< total width of the always-on experts; 0: none
  bool shared_gate = false;       ///< the shared experts are scaled by a learned gate (Qwen)
  bool router_bias = false;
  bool output_bias = false;       ///< one bias after the weighted sum (JetMoE)
  RouterScore score = RouterScore::Softmax;
  friend bool operator==(const MixtureOfExperts&, const MixtureOfExperts&) = default;
};

/// How attention and feed-forward stand to the residual stream.
enum class Wiring {
  PreNorm,      ///< x += attention(norm(x)); x += feed(norm(x))
  PostNorm,     ///< x += norm(attention(x)); x += norm(feed(x))  (OLMo 2)
  Sandwich,     ///< x += norm(attention(norm(x))); same for feed: four norms (Gemma 2, Grok-1)
  Parallel,     ///< x += attention(norm(x)) + feed(norm(x)), one norm (Falcon-7B, Phi, Command, PaLM)
  DenseHybrid,  ///< Arctic: y = x + attention(norm(x)); x = y + mlp(norm(y)) + experts(norm(x)): three norms
};

/// One block. Exactly one of `mlp` and `experts` is set, except in DenseHybrid, which has both.
struct Layer {
  Attention attention;
  std::optional<Mlp> mlp;
  std::optional<MixtureOfExperts> experts;
  Wiring wiring = Wiring::PreNorm;
  friend bool operator==(const Layer&, const Layer&) = default;
};

struct Architecture {
  std::string name;
  std::int64_t width = 0;
  std::int64_t vocabulary = 0;       ///< rows of the embedding as stored (padded)
  std::int64_t embedding_width = 0;  ///< 0: as width; else projected to and from it (OPT-350M)
  bool tied_embeddings = false;
  bool output_head_bias = false;
  bool embedding_norm = false;       ///< a norm right after the embedding (BLOOM)
  std::int64_t learned_positions = 0;  ///< rows of the learned position table; 0: none
  bool final_norm = true;
  NormStyle norm;
  std::int64_t context_tokens = 0;   ///< longest context stated; 0: not known
  std::vector<Layer> layers;
  /// Extra layers that predict tokens further ahead in training: two inputs of width d projected to one, then a layer.
  std::vector<Layer> prediction_layers;
  /// What the description leaves out or simplifies, for the reader of a result: "block-sparse layers counted as dense".
  std::vector<std::string> notes;
};

/// A layer and how many of them there are, whatever their order.
struct LayerCount {
  Layer layer;
  std::int64_t count = 0;
};
std::vector<LayerCount> distinct_layers(const Architecture& architecture);

/// Throws Error (BadInput) naming the model, the layer and what does not hold together.
void check(const Architecture& architecture);

/// "GQA 32/8 x 128", "MLA", "MHA 12/12 x 64, window 4096": for tables.
std::string describe(const Attention& attention);

}  // namespace isoflop
