#include "isoflop/model/op_cost.h"

#include <algorithm>
#include <map>
#include <set>

namespace isoflop {
namespace {

double n(std::int64_t count) { return static_cast<double>(count); }

PassCost arithmetic(double matmul, double vector, Traffic traffic) {
  PassCost result;
  result.matmul_flops = matmul;
  result.vector_flops = vector;
  result.traffic = traffic;
  return result;
}

Traffic moved(double weights, double activations, double gradients = 0) {
  Traffic t;
  t.weights = weights;
  t.activations = activations;
  t.gradients = gradients;
  return t;
}

struct ForwardCost {
  PassCost operator()(const Lookup& o) const {
    return arithmetic(0, 0, moved(n(o.rows) * n(o.width), n(o.rows) * n(o.width)));
  }

  PassCost operator()(const MatMul& o) const {
    const double m = n(o.rows), c = n(o.columns), k = n(o.inner), bias = o.bias ? 1 : 0;
    return arithmetic(2 * m * c * k, bias * m * c, moved(c * k + bias * c, m * k + m * c));
  }

  PassCost operator()(const HeadMatMul& o) const {
    const double h = n(o.heads), m = n(o.rows), c = n(o.columns), k = n(o.inner);
    return arithmetic(2 * h * m * c * k, 0, moved(h * c * k, h * m * (k + c)));
  }

  PassCost operator()(const GroupedMatMul& o) const {
    const double m = n(o.rows), c = n(o.columns), k = n(o.inner), bias = o.bias ? 1 : 0;
    return arithmetic(2 * m * c * k, bias * m * c, moved(o.expected_experts * (c * k + bias * c), m * k + m * c));
  }

  PassCost operator()(const Normalise& o) const {
    const double w = n(o.width), times = n(o.rows) * n(o.groups);
    const double learned = (o.style.scale ? w : 0) + (o.style.bias ? w : 0);
    const double each = o.style.kind == NormKind::RmsNorm ? 3 * w + 4 : 6 * w + 5;
    const double weights = (o.style.scale ? n(o.scales) : 0) + (o.style.bias ? n(o.scales) : 0);
    return arithmetic(0, times * (each + learned), moved(weights, 2 * times * w));
  }

  PassCost operator()(const Rotate& o) const {
    return arithmetic(0, 3 * n(o.rows) * n(o.heads) * n(o.rotated),
                      moved(0, 2 * n(o.rows) * n(o.heads) * n(o.head_dim)));
  }

  PassCost operator()(const CacheWrite& o) const {
    Traffic t = moved(0, n(o.rows) * n(o.width));
    t.kv = n(o.rows) * n(o.width);
    return arithmetic(0, 0, t);
  }

  PassCost operator()(const AttentionCore& o) const {
    const double h = n(o.heads), scores = h * o.pairs(), queries = h * n(o.rows());
    const double softmax = 5 + (o.alibi ? 2 : 0);
    Traffic t = moved(o.learned_sinks ? h : 0, queries * n(o.key_dim + o.value_dim));
    const double keys = o.keys_read();
    const double own = n(o.kv_heads) * (n(o.key_dim - o.shared_key_dim) + (o.values_in_keys ? 0 : n(o.value_dim)));
    (o.from_cache ? t.kv : t.activations) += keys * (own + n(o.shared_key_dim));
    t.statistics = queries;
    return arithmetic(2 * scores * n(o.key_dim + o.value_dim),
                      softmax * scores + (2 + (o.learned_sinks ? 3 : 0)) * queries, t);
  }

  PassCost operator()(const Activate& o) const {
    const double elements = n(o.rows) * n(o.width);
    return arithmetic(0, elements * (activation_flops(o.activation) + (o.gated ? 1 : 0)),
                      moved(0, elements * (o.gated ? 3 : 2)));
  }
  static double activation_flops(Activation a) {
    switch (a) {
      case Activation::Silu: return 4;
      case Activation::Gelu: return 5;
      case Activation::Relu: return 0;
      case Activation::SquaredRelu: return 1;
      case Activation::Xielu: return 5;  // its longer branch
    }
    return 0;
  }

  PassCost operator()(const Add& o) const {
    const double elements = n(o.rows) * n(o.width);
    return arithmetic(0, elements * n(o.operands - 1), moved(0, elements * n(o.operands + 1)));
  }

  PassCost operator()(const GateScale& o) const {
    return arithmetic(0, n(o.rows) * (n(o.width) + 4), moved(0, n(o.rows) * (2 * n(o.width) + 1)));
  }

  PassCost operator()(const Route& o) const {
    const double k = n(o.per_token), e = n(o.experts);
    const double each = o.score == RouterScore::Softmax ? 4 * k : 4 * e + (o.selection_bias ? e : 0) + 2 * k;
    return arithmetic(0, n(o.rows) * each, moved(o.selection_bias ? e : 0, n(o.rows) * (e + 2 * k)));
  }

  PassCost operator()(const Dispatch& o) const {
    const double written = n(o.rows) * n(o.per_token) * n(o.width);
    return arithmetic(0, 0, moved(0, written + (o.deal == Deal::Copy ? n(o.rows) * n(o.width) : written)));
  }

  PassCost operator()(const Combine& o) const {
    const double w = n(o.width), k = n(o.per_token), bias = o.bias ? 1 : 0;
    return arithmetic(0, n(o.rows) * (2 * k * w + bias * w), moved(bias * w, n(o.rows) * (k * w + k + w)));
  }

  PassCost operator()(const SelectRows& o) const { return arithmetic(0, 0, moved(0, 2 * n(o.rows) * n(o.width))); }
  PassCost operator()(const Concatenate& o) const { return arithmetic(0, 0, moved(0, 4 * n(o.rows) * n(o.width))); }

  PassCost operator()(const CrossEntropy& o) const {
    const double v = n(o.vocabulary);
    return arithmetic(0, n(o.rows) * (3 * v + 4) + 1, moved(0, n(o.rows) * v));
  }
};

struct BackwardCost {
  PassCost operator()(const Lookup& o) const {
    const double elements = n(o.rows) * n(o.width);
    return arithmetic(0, elements, moved(0, elements, 2 * elements));
  }

  PassCost operator()(const MatMul& o) const {
    const double m = n(o.rows), c = n(o.columns), k = n(o.inner), bias = o.bias ? 1 : 0;
    return arithmetic(4 * m * c * k, bias * m * c, moved(c * k, 2 * m * c + 2 * m * k, c * k + bias * c));
  }

  PassCost operator()(const HeadMatMul& o) const {
    const double h = n(o.heads), m = n(o.rows), c = n(o.columns), k = n(o.inner);
    return arithmetic(4 * h * m * c * k, 0, moved(h * c * k, 2 * h * m * (k + c), h * c * k));
  }

  PassCost operator()(const GroupedMatMul& o) const {
    const double m = n(o.rows), c = n(o.columns), k = n(o.inner), bias = o.bias ? 1 : 0;
    return arithmetic(
        4 * m * c * k, bias * m * c,
        moved(o.expected_experts * c * k, 2 * m * c + 2 * m * k, o.expected_experts * (c * k + bias * c)));
  }

  PassCost operator()(const Normalise& o) const {
    const double w = n(o.width), times = n(o.rows) * n(o.groups);
    const double learned = (o.style.scale ? 3 * w : 0) + (o.style.bias ? w : 0);
    const double each = o.style.kind == NormKind::RmsNorm ? 9 * w + 5 : 14 * w + 7;
    const double gradients = (o.style.scale ? n(o.scales) : 0) + (o.style.bias ? n(o.scales) : 0);
    return arithmetic(0, times * (each + learned), moved(o.style.scale ? n(o.scales) : 0, 3 * times * w, gradients));
  }

  PassCost operator()(const Rotate& o) const {
    const double heads = n(o.rows) * n(o.heads);
    return arithmetic(0, heads * (4 * n(o.rotated) + n(o.head_dim - o.rotated)), moved(0, 2 * heads * n(o.head_dim)));
  }

  PassCost operator()(const CacheWrite&) const { return {}; }

  PassCost operator()(const AttentionCore& o) const {
    const double h = n(o.heads), scores = h * o.pairs(), queries = h * n(o.rows());
    const double own = n(o.kv_heads) * (n(o.key_dim - o.shared_key_dim) + (o.values_in_keys ? 0 : n(o.value_dim)));
    // q, k, v, out and its gradient are read; the gradients of q, k, v written.
    Traffic t = moved(0, queries * n(2 * o.key_dim + 2 * o.value_dim) + 2 * o.keys_read() * (own + n(o.shared_key_dim)),
                      o.learned_sinks ? h : 0);
    t.statistics = queries;
    const double sinks = o.learned_sinks ? 4 : 0;
    return arithmetic(4 * scores * n(o.key_dim + o.value_dim), 3 * scores + queries * (2 * n(o.value_dim) + sinks), t);
  }

  PassCost operator()(const Activate& o) const {
    const double elements = n(o.rows) * n(o.width);
    return arithmetic(0, elements * activation_flops(o.activation, o.gated), moved(0, elements * (o.gated ? 5 : 3)));
  }
  static double activation_flops(Activation a, bool gated) {
    switch (a) {
      case Activation::Silu: return gated ? 14 : 10;
      case Activation::Gelu: return gated ? 16 : 12;
      case Activation::Relu: return gated ? 5 : 2;
      case Activation::SquaredRelu: return gated ? 7 : 3;
      case Activation::Xielu: return gated ? 13 : 5;
    }
    return 0;
  }

  PassCost operator()(const Add& o) const {
    const double elements = n(o.rows) * n(o.width) * n(o.operands);
    return arithmetic(0, elements, moved(0, elements + n(o.rows) * n(o.width)));
  }

  PassCost operator()(const GateScale& o) const {
    return arithmetic(0, n(o.rows) * (4 * n(o.width) + 8), moved(0, n(o.rows) * (3 * n(o.width) + 2)));
  }

  PassCost operator()(const Route& o) const {
    const double k = n(o.per_token);
    return arithmetic(0, n(o.rows) * (o.score == RouterScore::Softmax ? 5 * k : 13 * k),
                      moved(0, n(o.rows) * (n(o.experts) + 3 * k)));
  }

  PassCost operator()(const Dispatch& o) const {
    const double elements = n(o.rows) * n(o.per_token) * n(o.width);
    return arithmetic(0, elements, moved(0, elements + (o.deal == Deal::Copy ? n(o.rows) * n(o.width) : elements)));
  }

  PassCost operator()(const Combine& o) const {
    const double w = n(o.width), k = n(o.per_token), bias = o.bias ? 1 : 0;
    return arithmetic(0, n(o.rows) * (4 * k * w + bias * w), moved(0, n(o.rows) * (2 * k * w + w + 2 * k), bias * w));
  }

  PassCost operator()(const SelectRows& o) const {
    return arithmetic(0, n(o.rows) * n(o.width), moved(0, 2 * n(o.rows) * n(o.width)));
  }
  PassCost operator()(const Concatenate& o) const {
    return arithmetic(0, 2 * n(o.rows) * n(o.width), moved(0, 4 * n(o.rows) * n(o.width)));
  }

  PassCost operator()(const CrossEntropy& o) const {
    const double v = n(o.vocabulary);
    return arithmetic(0, n(o.rows) * (7 * v + 3) + 1, moved(0, 2 * n(o.rows) * v));
  }
};

PassCost scores_again(const AttentionCore& o) {
  const double scores = n(o.heads) * o.pairs();
  return arithmetic(2 * scores * n(o.key_dim), scores * (3 + (o.alibi ? 2 : 0)), {});
}

}  // namespace

Traffic& Traffic::operator+=(const Traffic& other) {
  weights += other.weights;
  activations += other.activations;
  kv += other.kv;
  gradients += other.gradients;
  statistics += other.statistics;
  return *this;
}
Traffic operator*(double factor, Traffic t) {
  return {factor * t.weights, factor * t.activations, factor * t.kv, factor * t.gradients, factor * t.statistics};
}
PassCost& PassCost::operator+=(const PassCost& other) {
  matmul_flops += other.matmul_flops;
  vector_flops += other.vector_flops;
  traffic += other.traffic;
  return *this;
}
PassCost operator*(double factor, PassCost c) {
  return {factor * c.matmul_flops, factor * c.vector_flops, factor * c.traffic};
}

PassCost cost(const Op& op, Pass pass) {
  switch (pass) {
    case Pass::Forward: return std::visit(ForwardCost{}, op.detail);
    case Pass::Backward: return std::visit(BackwardCost{}, op.detail);
    case Pass::ScoresAgain:
      if (const auto* core = std::get_if<AttentionCore>(&op.detail)) return scores_again(*core);
      return {};
  }
  return {};
}

PassCost cost(const Program& program, Pass pass) {
  PassCost sum;
  for (const Op& op : program.ops) sum += n(op.times) * cost(op, pass);
  return sum;
}

double bytes(const Traffic& t, const Formats& f) {
  return t.weights * f.weight_bytes + t.activations * f.activation_bytes + t.kv * f.kv_bytes +
         t.gradients * f.gradient_bytes + t.statistics * 4;
}

SavedActivations saved_activations(const Program& program) {
  // As often as the layers that read it: in a listing of distinct layers, a layer's input stands for the output of the
  // one before it.
  std::map<int, std::int64_t> times;
  std::set<int> logits;
  for (const Op& op : program.ops)
    for (const int index : op.saved) {
      times[index] = std::max(times[index], op.times);
      if (std::holds_alternative<CrossEntropy>(op.detail)) logits.insert(index);
    }
  SavedActivations result;
  for (const auto& [index, count] : times) {
    const Tensor& t = program.tensors[static_cast<std::size_t>(index)];
    const double elements = n(t.elements()) * n(count);
    if (logits.count(index) > 0) result.logits += elements;
    else if (t.kind == TensorKind::Statistic || t.kind == TensorKind::Selection) result.statistics += elements;
    else result.activations += elements;
  }
  return result;
}

}  // namespace isoflop
