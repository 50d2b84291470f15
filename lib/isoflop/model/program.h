// forward(Architecture, Step): the list of tensors and operations of one pass over a transformer. The only place that
// knows the wiring: parameter counts, KV bytes, activation memory and FLOPs are sums over it, the simulators price it,
// the kernel executes it. Operations are in execution order; tensors are named by index.
//
// Letters: T new tokens of the step, d width, h query heads, g key/value heads, e head width, f MLP width, V
// vocabulary, E experts, k experts per token. Weights are stored (outputs, inputs), activations (tokens, width),
// row-major. Not represented, because they change neither counts nor traffic: dropout, logit soft-capping, embedding
// scaling.
#pragma once
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "isoflop/model/architecture.h"
#include "isoflop/model/step.h"

namespace isoflop {

enum class TensorKind {  ///< What a tensor is, which decides what it counts towards.
  Weight,
  TokenIds,    ///< integers given from outside
  Activation,
  Statistic,   ///< kept in fp32 whatever the activations are: log-sum-exp of the softmax, losses
  Selection,   ///< expert numbers chosen by a router, integers
  KvCache,     ///< context and new tokens of all sequences
};

/// What a weight belongs to; parameter breakdowns and parallel layouts go by it.
enum class Part {
  Embedding,
  Position,
  Attention,
  Mlp,
  Expert,
  SharedExpert,
  Router,
  Norm,
  Head,
  Prediction,
  Residual,
  Loss
};

struct Tensor {  ///< An array of a pass.
  std::string name;
  TensorKind kind = TensorKind::Activation;
  Part part = Part::Residual;
  std::vector<std::int64_t> shape;
  int layer = -1;               ///< -1: outside the layers; prediction layers continue the count
  std::int64_t times = 1;       ///< how many identical layers it stands for; 1 in a program that can be executed
  std::int64_t experts = 1;     ///< of a weight shared out among experts, how many there are ...
  std::int64_t experts_used = 1;  ///< ... and how many one token uses

  std::int64_t elements() const;
};

/// How a matrix product is split over a tensor-parallel group (Megatron, arXiv:1909.08053).
enum class Split { None, Columns, Rows, Vocabulary };

/// out (rows, width) = table[ids]. 0 FLOP.
struct Lookup { std::int64_t rows, width, table_rows; };
/// y (rows, columns) = x (rows, inner) * transpose(w) [+ bias]; several outputs share the columns in order. An x wider
/// than `inner` (a latent cache) counts with its first `inner` columns.
struct MatMul { std::int64_t rows, columns, inner; bool bias; Split split; };
/// The absorbed latent projections: each head's (rows, inner) times its own (inner, columns) block of w, whose rows for
/// that head start at first_row + head * (transposed ? inner : columns); `transposed` means the block is stored (inner,
/// columns). What a head's input has beyond `inner` (the rotated part) is passed through behind the result.
struct HeadMatMul { std::int64_t heads, rows, columns, inner, first_row; bool transposed; };
/// Row r goes through the matrices of its expert; rows = T k sorted by expert. Each expert's w is (columns, inner).
/// `expected_experts`: distinct experts that these tokens touch, by Step::routing.
struct GroupedMatMul {
  std::int64_t rows, columns, inner, experts, per_token;
  bool bias;
  Split split;
  double expected_experts;
};
/// Per row and group of `width` elements. `scales` weights in all: width, or groups * width when each group has its
/// own.
struct Normalise { std::int64_t rows, groups, width; NormStyle style; std::int64_t scales; };
/// Rotates `rotated` of each head's `head_dim` dimensions by position (arXiv:2104.09864). With `tail` the last ones,
/// else the first. Inputs and outputs: one or more tensors of whole heads, `heads` in all.
struct Rotate { std::int64_t rows, heads, head_dim, rotated; bool tail; };
/// Appends `width` elements per new token to the cache. 0 FLOP.
struct CacheWrite { std::int64_t rows, width; };
/// Scores, softmax and weighted sum. Inputs q, k, v; when `values_in_keys` there is no v: values are the first
/// value_dim elements of each key. When `shared_key_dim` > 0, the last so many dimensions of each key come from one
/// further input shared by all heads. Segments cover the rows of q in order; weights: learned sinks (heads), if any.
struct AttentionCore {
  std::int64_t heads, kv_heads, key_dim, value_dim;
  std::int64_t window, sink_tokens, chunk;
  bool causal, alibi, learned_sinks, values_in_keys, from_cache;
  std::int64_t shared_key_dim;
  std::int64_t scale_dim;  ///< scores are divided by its square root: the head width before any absorption
  std::vector<Segment> segments;
  double pairs() const;      ///< (query, key) pairs of all sequences, per head
  double keys_read() const;  ///< keys (tokens) fetched, summed over sequences
  std::int64_t rows() const; ///< queries
};
/// y = act(x), or act(gate) * up when gated: inputs gate, up.
struct Activate { std::int64_t rows, width; Activation activation; bool gated; };
/// y = sum of the inputs.
struct Add { std::int64_t rows, width, operands; };
/// y (rows, width) = x * sigmoid(g), g (rows, 1).
struct GateScale { std::int64_t rows, width; };
/// Chooses k of E per token: inputs router logits; outputs weights (T, k), chosen experts (T, k). The weights are
/// softmax over the chosen logits, or sigmoid scores normalised over the chosen. Comparisons are not counted as FLOP.
struct Route { std::int64_t rows, experts, per_token; RouterScore score; bool selection_bias; };
/// Rows between token order and expert order; T k rows of `width` in expert order. Copy: (T, width) to each of its k
/// experts. Part: the k parts of (T, k width) to one expert each. Gather: back, side by side. 0 FLOP.
enum class Deal { Copy, Part, Gather };
struct Dispatch { std::int64_t rows, per_token, width; Deal deal; };  ///< See Deal.
/// y (T, width) = sum over the k copies of weight * x [+ bias].
struct Combine { std::int64_t rows, per_token, width; bool bias; };
/// Keeps the rows whose logits are wanted. 0 FLOP.
struct SelectRows { std::int64_t rows, width; };
/// y (rows, a + b) = [x1 | x2] of two inputs of the same width. 0 FLOP.
struct Concatenate { std::int64_t rows, width; };
/// Mean cross-entropy of softmax(logits) against the next token.
struct CrossEntropy { std::int64_t rows, vocabulary; };

using OpDetail =
    std::variant<Lookup, MatMul, HeadMatMul, GroupedMatMul, Normalise, Rotate, CacheWrite, AttentionCore, Activate, Add,
                 GateScale, Route, Dispatch, Combine, SelectRows, Concatenate, CrossEntropy>;

struct Op {  ///< One operation, with the tensors it reads, writes and saves.
  std::string name;  ///< "layer 3 attention out"
  Part part = Part::Residual;
  OpDetail detail;
  std::vector<int> inputs;   ///< activations, in the order the detail states
  std::vector<int> weights;  ///< matrix, then bias; norm scale, then bias
  std::vector<int> outputs;
  std::vector<int> saved;    ///< activations the backward pass needs again
  int layer = -1;
  std::int64_t times = 1;    ///< as Tensor::times
};

struct Program {
  std::vector<Tensor> tensors;
  std::vector<Op> ops;
  Step step;
};

/// Distinct: identical layers appear once, with `times` saying how many there are. Sums over it equal those over Each,
/// in a fraction of the time; it cannot be executed.
enum class LayerListing { Each, Distinct };

/// Throws Error (BadInput) when the architecture does not hold together or the step is empty.
Program forward(const Architecture& architecture, const Step& step, LayerListing listing = LayerListing::Each);

std::string_view name_of(Part part);  ///< Name for tables.
std::string_view kind_name(const Op& op);  ///< "matmul", "attention", "norm", ...

}  // namespace isoflop
