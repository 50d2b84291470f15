// What a kernel call is asked to do: plain shapes, no tensors. The unit in which operations are timed and measured.
//
// Letters: m rows of the activation, n outputs, k inner width; b sequences; h query heads, g key/value heads, e head
// width, all per device; T tokens; d width; f expert width; E experts.
#pragma once
#include <cstdint>
#include <string>
#include <variant>

namespace isoflop::sim {

/// How a matrix kernel stores its operands. The quantised ones take 16-bit activations and quantise them on the fly.
enum class KernelFormat { Fp32, Bf16, Fp16, Fp8, Fp8Block, Nvfp4, Int8, Int4Weight };

/// y (m, n) = x (m, k) * transpose(w (n, k)); 2 m n k FLOP.
struct GemmShape {
  std::int64_t m = 1, n = 1, k = 1;
  KernelFormat format = KernelFormat::Bf16;
  double stored_weight_bytes = 0;  ///< per weight, where kernels only store them smaller; 0 = the format's
};

/// Attention core of one device. Prefill: `new_tokens` > 1 queries per sequence after `cached_tokens`, causal.
/// Decode: one query per sequence over cached_tokens keys. `window` 0 = none.
struct AttentionShape {
  bool decode = false;
  double sequences = 1;
  double new_tokens = 1;     ///< queries per sequence
  double cached_tokens = 0;  ///< keys that are in the cache before this step
  double heads = 1, kv_heads = 1, head_dim = 128;
  double window = 0;
  double kv_bytes_per_element = 2;
};

/// Bandwidth-bound element work: norms, activations, residual adds, rotary embedding.
struct ElementwiseShape {
  std::string op;  ///< "norm", "add", "mlp_act", "attn_rope"
  double bytes = 0;  ///< least traffic: every operand once
};

/// Both expert products and the activation between, on one device of a tensor x expert-parallel group.
/// `routing_skew` 0 = every expert equally likely, else the exponent of the power law of expert popularity.
/// `dealt_evenly`: rows are dealt out in turn, as benchmarks do, instead of chosen independently.
struct MoeShape {
  double tokens = 1;
  double hidden = 1, expert_width = 1;
  double per_token = 1, experts = 1;
  double tensor_parallel = 1, expert_parallel = 1;
  double routing_skew = 0;
  bool dealt_evenly = false;
  double touched_experts =
      0;  ///< distinct experts of the whole model that the tokens choose, where known; 0 = from the routing
  double matrices = 3;         ///< per expert: gate, up and down; 2 without a gate; 1 for a single projection
  KernelFormat format = KernelFormat::Bf16;
  double stored_weight_bytes = 0;  ///< as in GemmShape
};

enum class Collective { AllReduce, AllGather, ReduceScatter, AllToAll, SendReceive };  ///< Kind of collective.

/// `message_bytes`: the whole vector for all-reduce, the gathered or unscattered vector for all-gather and
/// reduce-scatter, what one device sends in all for all-to-all and send/receive.
struct CommShape {
  Collective op = Collective::AllReduce;
  double devices = 2;
  double nodes = 1;
  double message_bytes = 0;
};

using OpShape = std::variant<GemmShape, AttentionShape, ElementwiseShape, MoeShape, CommShape>;

}  // namespace isoflop::sim
