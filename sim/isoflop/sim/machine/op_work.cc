#include "isoflop/sim/machine/op_work.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "isoflop/error.h"
#include "isoflop/sim/kernel/execution.h"

namespace isoflop::sim {
namespace {

// What the kernel uses on AVX-512 (14 x 32 tiles, k-blocks of at most 1024, query blocks of 56); with other instruction
// sets the tiles are smaller, which the fitted constants absorb.
constexpr double tile_rows = 14, tile_columns = 32, depth_block = 1024, query_block = 56;

double up(double value, double step) { return std::ceil(value / step) * step; }
double d(std::int64_t n) { return static_cast<double>(n); }

CpuWork product(double m, double n, double k, const std::string& kind, Precision precision, bool weights_packed) {
  CpuWork w;
  w.kind = kind + " " + precision_name(precision);
  w.arithmetic = precision == Precision::Bf16 ? PeakKind::Bf16 : PeakKind::Fp32;
  const double blocks = std::ceil(k / depth_block);
  w.flop = 2 * m * n * k;
  w.tile_flop = 2 * up(m, tile_rows) * up(n, tile_columns) * k;
  w.rows = std::ceil(m / tile_rows) * std::ceil(n / tile_columns) * blocks;
  w.packed = m * k + (weights_packed ? 0 : n * k);
  w.items = m * n * blocks;
  w.bytes = 4 * (m * k + n * k);
  w.working_set = 4 * (m * k + n * k + m * n);
  return w;
}

CpuWork elements(const std::string& kind, double rows, double width, double operands) {
  CpuWork w;
  w.kind = kind;
  w.rows = rows;
  w.items = rows * width;
  w.flop = w.tile_flop = w.items;  // at least one operation per element
  w.bytes = 4 * rows * width * (operands - 1);
  w.working_set = 4 * rows * width * operands;
  return w;
}

// One head of one sequence, block by block as the kernel goes through the keys.
void add_head(const AttentionCore& o, const Segment& s, bool backward, CpuWork& w) {
  const double e = d(o.key_dim), v = d(o.value_dim);
  for (std::int64_t first = 0; first < s.new_tokens; first += static_cast<std::int64_t>(query_block)) {
    const double rows = std::min(query_block, d(s.new_tokens - first));
    const double last = d(s.context + first) + rows;
    double low = 0;
    if (o.causal && o.window > 0 && o.sink_tokens == 0) low = std::max(0.0, d(s.context + first) + 1 - d(o.window));
    if (o.causal && o.chunk > 0) low = std::max(low, std::floor(d(s.context + first) / d(o.chunk)) * d(o.chunk));
    const double width = (o.causal ? last : d(s.context + s.new_tokens)) - low;
    const auto add = [&](double m, double n, double k) {
      w.tile_flop += 2 * up(m, tile_rows) * up(n, tile_columns) * k;
      w.packed += m * k + n * k;
      w.rows += std::ceil(m / tile_rows) * std::ceil(n / tile_columns) * std::ceil(k / depth_block);
    };
    add(rows, width, e);
    add(backward ? width : rows, v, backward ? rows : width);
    if (backward) {
      add(rows, width, v);
      add(rows, e, width);
      add(width, e, rows);
    }
    w.items += rows * width;
    w.calls += 1;
  }
}

CpuWork attention(const AttentionCore& o, bool backward, Precision precision) {
  CpuWork w;
  w.kind = std::string("attention ") + (backward ? "backward " : "") + precision_name(precision);
  w.arithmetic = precision == Precision::Bf16 ? PeakKind::Bf16 : PeakKind::Fp32;
  w.calls = 0;
  for (const Segment& s : o.segments) {
    CpuWork one;
    one.calls = 0;
    add_head(o, s, backward, one);
    const double times = d(s.sequences) * d(o.heads);
    w.tile_flop += times * one.tile_flop;
    w.packed += times * one.packed;
    w.rows += times * one.rows;
    w.items += times * one.items;
    w.calls += times * one.calls;
  }
  w.flop = o.pairs() * d(o.heads) * 2 * d(o.key_dim + o.value_dim) * (backward ? 2.5 : 1);
  const double width = d(o.heads * o.key_dim + o.kv_heads * (o.key_dim + o.value_dim));
  w.bytes = 4 * d(o.rows()) * width * (backward ? 2 : 1);
  w.working_set = 2 * w.bytes;
  return w;
}

// One query per sequence over its cache: rows are (sequence, head) pairs, items keys times head width.
CpuWork decode_attention(const AttentionCore& o) {
  CpuWork w;
  w.kind = "decode attention";
  w.rows = d(o.rows()) * d(o.heads);
  w.items = o.pairs() * d(o.heads) * d(o.key_dim + o.value_dim);
  w.flop = w.tile_flop = 2 * w.items;
  w.bytes = 4 * o.keys_read() * d(o.kv_heads) * d(o.key_dim + o.value_dim);
  w.working_set = w.bytes;
  return w;
}

CpuWork stream(double rows, double columns, double inner, WeightFormat format) {
  CpuWork w;
  w.kind = "stream " + weight_format_name(format);
  const bool whole = format == WeightFormat::Int8 || format == WeightFormat::Int4;
  w.arithmetic = whole ? PeakKind::Int8 : PeakKind::Fp32;
  const double per_weight = format == WeightFormat::Fp32   ? 4
                            : format == WeightFormat::Bf16 ? 2
                            : format == WeightFormat::Int8 ? 1.0625
                                                           : 0.5625;
  w.flop = w.tile_flop = 2 * rows * columns * inner;
  w.rows = rows * columns;
  w.items = rows * columns * inner;
  w.packed = rows * inner;
  w.bytes = columns * up(inner, d(quantisation_group)) * per_weight;
  w.working_set = w.bytes;
  return w;
}

std::string activation_kind(const Activate& o) {
  const std::string name = o.activation == Activation::Silu   ? "silu"
                           : o.activation == Activation::Gelu ? "gelu"
                                                              : "relu";
  return o.gated ? name + " gate" : name;
}

struct Works {
  WorkPass pass;
  const ExecutionStyle& style;
  std::vector<CpuWork> operator()(const MatMul& o) const {
    const double m = d(o.rows), n = d(o.columns), k = d(o.inner);
    if (style.decode) return {stream(m, n, k, style.format)};
    if (pass == WorkPass::Forward) return {product(m, n, k, "product", style.precision, true)};
    if (pass == WorkPass::Backward) return {product(m, k, n, "product", style.precision, true)};
    return {product(n, k, m, "product of activations", style.precision, false)};
  }
  std::vector<CpuWork> operator()(const GroupedMatMul& o) const {
    // Rows spread evenly over the experts that are used.
    const double experts = std::max(1.0, o.expected_experts), m = d(o.rows) / experts, n = d(o.columns), k = d(o.inner);
    CpuWork w = style.decode                     ? stream(m, n, k, style.format)
                : pass == WorkPass::Forward      ? product(m, n, k, "product", style.precision, true)
                : pass == WorkPass::Backward     ? product(m, k, n, "product", style.precision, true)
                                                 : product(n, k, m, "product of activations", style.precision, false);
    for (double* part : {&w.flop, &w.tile_flop, &w.bytes, &w.calls, &w.rows, &w.items, &w.packed, &w.working_set})
      *part *= experts;
    return {w};
  }
  std::vector<CpuWork> operator()(const AttentionCore& o) const {
    if (style.decode) return {decode_attention(o)};
    return {attention(o, pass == WorkPass::Backward, style.precision)};
  }
  std::vector<CpuWork> operator()(const Normalise& o) const {
    return {elements(named(o.style.kind == NormKind::RmsNorm ? "rms norm" : "layer norm"), d(o.rows * o.groups),
                     d(o.width), backward() ? 3 : 2)};
  }
  std::vector<CpuWork> operator()(const Rotate& o) const {
    return {elements(named("rotate"), d(o.rows * o.heads), d(o.head_dim), 2)};
  }
  std::vector<CpuWork> operator()(const Activate& o) const {
    return {elements(named(activation_kind(o)), d(o.rows), d(o.width),
                     (o.gated ? 3 : 2) + (backward() ? (o.gated ? 2 : 1) : 0))};
  }
  std::vector<CpuWork> operator()(const Add& o) const {
    return {elements(named("add"), d(o.rows), d(o.width), d(o.operands) + 1)};
  }
  std::vector<CpuWork> operator()(const Lookup& o) const {
    return {elements(named("lookup"), d(o.rows), d(o.width), 2)};
  }
  std::vector<CpuWork> operator()(const CrossEntropy& o) const {
    return {elements(named("cross-entropy"), d(o.rows), d(o.vocabulary), 2)};
  }
  std::vector<CpuWork> operator()(const SelectRows& o) const {
    return {elements("copy rows", d(o.rows), d(o.width), 2)};
  }
  std::vector<CpuWork> operator()(const CacheWrite& o) const {
    return {elements("copy rows", d(o.rows), d(o.width), 2)};
  }
  std::vector<CpuWork> operator()(const Route& o) const {
    return {elements(named("route"), d(o.rows), d(o.experts), 2)};
  }
  std::vector<CpuWork> operator()(const Dispatch& o) const {
    return {elements(named("dispatch"), d(o.rows * o.per_token), d(o.width), 2)};
  }
  std::vector<CpuWork> operator()(const Combine& o) const {
    return {elements(named("combine"), d(o.rows * o.per_token), d(o.width), 2)};
  }
  std::vector<CpuWork> operator()(const GateScale& o) const {
    return {elements(named("gate"), d(o.rows), d(o.width), 2)};
  }
  std::vector<CpuWork> operator()(const HeadMatMul& o) const {
    return {stream(d(o.rows), d(o.heads * o.columns), d(o.inner), WeightFormat::Fp32)};
  }
  std::vector<CpuWork> operator()(const Concatenate&) const { return refuse(); }

  bool backward() const { return pass == WorkPass::Backward; }
  std::string named(const std::string& kind) const { return backward() ? kind + " backward" : kind; }
  [[noreturn]] static std::vector<CpuWork> refuse() {
    throw Error(Fault::BadInput, "the kernel does not execute this architecture");
  }
};

}  // namespace

std::string precision_name(Precision precision) { return precision == Precision::Fp32 ? "fp32" : "bf16"; }

std::vector<CpuWork> works_of(const Op& op, WorkPass pass, const ExecutionStyle& style) {
  const bool matrix = std::holds_alternative<MatMul>(op.detail) || std::holds_alternative<GroupedMatMul>(op.detail);
  if (pass == WorkPass::WeightGradient && !matrix) return {};
  return std::visit(Works{pass, style}, op.detail);
}

std::vector<StepWork> step_works(double weights, double cleared, double matrix_count, double shards,
                                 Precision precision) {
  const auto array = [](const std::string& kind, double count, double read, double resident) {
    CpuWork w;
    w.kind = kind;
    w.items = w.flop = w.tile_flop = count;
    w.rows = 0;
    w.bytes = 4 * count * read;
    w.working_set = 4 * count * resident;
    return w;
  };
  std::vector<StepWork> works;
  works.push_back({array("clear", cleared, 1, shards), true});
  if (shards > 1) {
    CpuWork sums = array("add gradients", weights * (shards - 1), 2, 1);
    sums.working_set = 4 * weights * shards;
    works.push_back({sums, false});
  }
  works.push_back({array("gradient norm", weights, 1, 1), false});
  works.push_back({array("update", weights, 4, 4), false});
  CpuWork pack = array("pack " + precision_name(precision), 2 * matrix_count, 1, 1.5);
  works.push_back({pack, false});
  return works;
}

namespace {

std::set<int> matrices_of(const Program& program) {
  std::set<int> matrices;
  for (const Op& op : program.ops)
    if (std::holds_alternative<MatMul>(op.detail) || std::holds_alternative<GroupedMatMul>(op.detail))
      matrices.insert(op.weights[0]);
  return matrices;
}

double elements_of(const Tensor& tensor) { return d(tensor.elements()); }

}  // namespace

double matrix_elements(const Program& program) {
  double sum = 0;
  for (int t : matrices_of(program)) sum += elements_of(program.tensors[static_cast<std::size_t>(t)]);
  return sum;
}

double weight_elements(const Program& program) {
  double sum = 0;
  for (const Tensor& t : program.tensors)
    if (t.kind == TensorKind::Weight) sum += elements_of(t);
  return sum;
}

double cleared_elements(const Program& program) {
  const auto overwritten = weights_of_one_product(program);
  double sum = 0;
  for (const Tensor& t : program.tensors)
    if (t.kind == TensorKind::Weight && overwritten.count(t.name) == 0) sum += elements_of(t);
  return sum;
}

}  // namespace isoflop::sim
