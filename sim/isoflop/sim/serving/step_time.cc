#include "isoflop/sim/serving/step_time.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "isoflop/model/op_cost.h"
#include "isoflop/sim/op/gemm_model.h"
#include "isoflop/sim/op/kernel_format.h"

namespace isoflop::sim {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

/// Constants of one key, with those that the weight-only formula needs by name.
struct Cell {
  ResolvedCell resolved;
  double t0 = 0, t_expert = 0, e_b = 1;
};

struct Priced {
  double low_s = 0, central_s = 0, high_s = 0;
  Bound bound = Bound::Bandwidth;
  const Cell* cell = nullptr;
};

/// Below the rows of the smallest matrix tile.
constexpr std::int64_t most_vector_rows = 8;

std::int64_t part_of(std::int64_t whole, std::int64_t devices) { return (whole + devices - 1) / devices; }
double share_of_heads(double heads, double devices) { return std::max(heads / devices, std::min(heads, 1.0)); }

const char* class_name(const Op& op) {
  return std::visit(Overloaded{[&](const MatMul&) -> const char* {
                                 switch (op.part) {
                                   case Part::Attention: return "attention projections";
                                   case Part::Head: return "logits";
                                   case Part::Router: return "router";
                                   default: return "MLP";
                                 }
                               },
                               [](const HeadMatMul&) { return "attention projections"; },
                               [](const GroupedMatMul&) { return "experts"; },
                               [](const AttentionCore&) { return "attention core"; },
                               [](const auto&) { return "norms and element work"; }},
                    op.detail);
}

}  // namespace

double matmul_peak_flop_per_s(const Accelerator& accelerator, const ServingLoad& load) {
  return limits_for(GemmShape{1, 1, 1, load.kernel_format()}, accelerator).peak_flop_per_s;
}

struct StepPricer::State {
  Architecture architecture;
  Accelerator accelerator;
  OpProfile profile;
  mutable std::map<OpKey, Cell> cells;

  const Cell& cell(const OpKey& key) const {
    const auto found = cells.find(key);
    if (found != cells.end()) return found->second;
    Cell made{profile.resolve(accelerator, key)};
    const auto constants = op_constants(key);
    for (std::size_t i = 0; i < constants.size(); ++i) {
      if (constants[i].name == "t0") made.t0 = made.resolved.values[i];
      if (constants[i].name == "t_expert") made.t_expert = made.resolved.values[i];
      if (constants[i].name == "e_b") made.e_b = made.resolved.values[i];
    }
    return cells.emplace(key, std::move(made)).first->second;
  }

  Priced price(const OpShape& shape, double times = 1) const {
    const Cell& c = cell(key_of(shape));
    const OpCost cost = op_cost(shape, limits_for(shape, accelerator), c.resolved.values);
    const double s = times * std::max(cost.seconds, cost.floor_s);
    return {s * std::min(1.0, c.resolved.interval.low), s, s * std::max(1.0, c.resolved.interval.high), cost.bound, &c};
  }

  /// The 16-bit kernel with its weights read in fewer bytes.
  Priced smaller_weights(Priced p, double fixed_s, double bytes_now, double bytes_then) const {
    const double rate = accelerator.bandwidth_bytes_per_s * p.cell->e_b;
    const double work = std::max(0.0, p.central_s - fixed_s);
    const double memory = std::min(work, bytes_now / rate), less = memory * bytes_then / bytes_now;
    const double central = fixed_s + std::sqrt(std::max(0.0, work * work - memory * memory) + less * less);
    const double ratio = p.central_s > 0 ? central / p.central_s : 1;
    if (p.bound == Bound::Bandwidth && work * work - memory * memory > less * less) p.bound = Bound::Compute;
    return {p.low_s * ratio, central, p.high_s * ratio * unpacking_high, p.bound, p.cell};
  }

  // Where the number of multiprocessors is not stated (phones, desktops), few rows go through matrix-vector kernels,
  // which have no tiles to fill: t = t0 + (arithmetic^2 + memory^2)^(1/2).
  Priced few_rows(const GemmShape& shape) const {
    Priced p = price(shape);
    if (accelerator.multiprocessors || shape.m > most_vector_rows) return p;
    const DeviceLimits limits = limits_for(shape, accelerator);
    const double flop =
        2.0 * static_cast<double>(shape.m) * static_cast<double>(shape.n) * static_cast<double>(shape.k);
    const double vector_s = p.cell->t0 + overlapped(flop / limits.peak_flop_per_s,
                                                    gemm_bytes(shape) / (limits.bandwidth_bytes_per_s * p.cell->e_b));
    if (vector_s >= p.central_s) return p;
    const double ratio = vector_s / p.central_s;
    return {p.low_s * ratio, vector_s, p.high_s * ratio, Bound::Bandwidth, p.cell};
  }

  Priced gemm(std::int64_t m, std::int64_t n, std::int64_t k, const ServingLoad& load, double weight_bytes) const {
    const bool quantised = weight_bytes < 2;
    const KernelFormat format =
        quantised || load.arithmetic == Arithmetic::Bf16 ? load.kernel_format() : KernelFormat::Bf16;
    Priced p = few_rows(GemmShape{m, n, k, format});
    if (!quantised || !load.weight_only()) return p;
    const double others = 2.0 * static_cast<double>(m) * static_cast<double>(n + k);
    const double weights = static_cast<double>(n) * static_cast<double>(k);
    return smaller_weights(p, p.cell->t0, others + 2 * weights, others + weight_bytes * weights);
  }

  Priced of(const MatMul& d, const ServingLoad& load, double weight_bytes) const {
    const auto tp = load.tensor_parallel;
    const bool columns = d.split == Split::Columns || d.split == Split::Vocabulary;
    return gemm(d.rows, columns ? part_of(d.columns, tp) : d.columns,
                d.split == Split::Rows ? part_of(d.inner, tp) : d.inner, load, weight_bytes);
  }

  // The op-time model prices both expert products at once; each gets its share of the weights.
  Priced of(const GroupedMatMul& d, const ServingLoad& load, double weight_bytes) const {
    const std::int64_t width = architecture.width;
    const bool into = d.inner == width;
    const std::int64_t other = into ? d.columns : d.inner;
    const bool gated = into && d.columns > 0 && d.columns % 2 == 0 && gated_experts();
    const double expert_width = static_cast<double>(gated ? other / 2 : other);
    const double share = gated ? 2.0 / 3 : 1.0 / 3;
    MoeShape shape;
    shape.tokens = static_cast<double>(d.rows) / static_cast<double>(d.per_token);
    shape.hidden = static_cast<double>(width);
    shape.expert_width = expert_width;
    shape.per_token = static_cast<double>(d.per_token);
    shape.experts = static_cast<double>(d.experts);
    shape.tensor_parallel = static_cast<double>(load.tensor_parallel);
    shape.format =
        load.weight_only() || load.arithmetic == Arithmetic::Bf16 ? KernelFormat::Bf16 : load.kernel_format();
    Priced p = price(shape, share);
    if (!load.weight_only() || weight_bytes >= 2) return p;
    const double weights =
        d.expected_experts * static_cast<double>(d.columns) * static_cast<double>(d.inner) / shape.tensor_parallel;
    const double fixed = std::min(p.central_s, share * (p.cell->t0 + p.cell->t_expert * shape.experts));
    return smaller_weights(p, fixed, 2 * weights, weight_bytes * weights);
  }

  bool gated_experts() const {
    for (const Layer& layer : architecture.layers)
      if (layer.experts) return layer.experts->expert.gated;
    return false;
  }

  Priced of(const AttentionCore& core, const ServingLoad& load) const {
    Priced sum;
    const auto tp = static_cast<double>(load.tensor_parallel);
    for (const Segment& segment : core.segments) {
      AttentionShape shape;
      shape.decode = segment.new_tokens == 1;
      shape.sequences = static_cast<double>(segment.sequences);
      shape.new_tokens = static_cast<double>(segment.new_tokens);
      shape.heads = std::max(1.0, static_cast<double>(core.heads) / tp);
      shape.kv_heads = share_of_heads(static_cast<double>(core.kv_heads), tp);
      shape.head_dim = static_cast<double>(core.key_dim + core.value_dim) / 2;
      // A shared latent is read once for keys and values.
      if (core.values_in_keys) shape.kv_heads *= static_cast<double>(core.key_dim) / (2 * shape.head_dim);
      shape.kv_bytes_per_element = core.from_cache ? load.kv_bytes() : 2;
      const auto sight = core.window > 0 ? core.window + core.sink_tokens : core.chunk;
      if (shape.decode) {
        shape.cached_tokens =
            attention_keys_read(1, segment.context, core.window, core.sink_tokens, core.chunk, core.causal) - 1;
      } else {
        shape.cached_tokens = static_cast<double>(segment.context);
        shape.window = static_cast<double>(sight);
      }
      const Priced p = price(shape);
      sum = {sum.low_s + p.low_s, sum.central_s + p.central_s, sum.high_s + p.high_s, p.bound, p.cell};
    }
    return sum;
  }

  Priced element_work(const char* kind, double bytes) const { return price(ElementwiseShape{kind, bytes}); }

  Priced of(const Op& op, const ServingLoad& load, const PassCost& cost, double weight_bytes) const {
    const double bytes = 2 * (cost.traffic.activations + cost.traffic.weights) + load.kv_bytes() * cost.traffic.kv;
    const auto tp = static_cast<double>(load.tensor_parallel);
    return std::visit(Overloaded{[&](const MatMul& d) { return of(d, load, weight_bytes); },
                                 [&](const GroupedMatMul& d) { return of(d, load, weight_bytes); },
                                 [&](const HeadMatMul& d) {
                                   return gemm(d.rows, part_of(d.heads, load.tensor_parallel) * d.columns, d.inner,
                                               load, weight_bytes);
                                 },
                                 [&](const AttentionCore& d) { return of(d, load); },
                                 [&](const Normalise&) { return element_work("norm", bytes); },
                                 [&](const Rotate&) { return element_work("attn_rope", bytes / tp); },
                                 [&](const Activate&) { return element_work("mlp_act", bytes / tp); },
                                 [&](const Dispatch&) { return Priced{}; },  // part of the measured expert kernels
                                 [&](const Combine&) { return Priced{}; },   // the same
                                 [&](const auto&) { return element_work("add", bytes); }},
                      op.detail);
  }

  Priced collective(Collective kind, double message_bytes, const ServingLoad& load) const {
    CommShape shape;
    shape.op = kind;
    shape.devices = static_cast<double>(load.tensor_parallel);
    shape.nodes = static_cast<double>(part_of(load.tensor_parallel, load.devices_per_node));
    shape.message_bytes = message_bytes;
    Priced p = price(shape);
    p.bound = Bound::Link;
    return p;
  }
};

StepPricer::StepPricer(const Architecture& architecture, const Accelerator& accelerator, const OpProfile& profile)
    : state_(new State{architecture, accelerator, profile, {}}) {}
StepPricer::~StepPricer() = default;
const Architecture& StepPricer::architecture() const { return state_->architecture; }
const Accelerator& StepPricer::accelerator() const { return state_->accelerator; }

StepTime StepPricer::time(const ServingLoad& load, const Step& step) const {
  const Program program = forward(state_->architecture, step, LayerListing::Distinct);
  const auto tp = static_cast<double>(load.tensor_parallel);
  const double bandwidth = tp * state_->accelerator.bandwidth_bytes_per_s;
  const double peak = tp * matmul_peak_flop_per_s(state_->accelerator, load);
  StepTime total;
  const auto add = [&](const char* name, const Priced& p, double times, double bytes, double flop) {
    auto found =
        std::find_if(total.classes.begin(), total.classes.end(), [&](const OpClass& c) { return c.name == name; });
    if (found == total.classes.end()) {
      OpClass made;
      made.name = name;
      found = total.classes.insert(total.classes.end(), made);
    }
    const double floor_s = std::max(bytes / bandwidth, flop / peak);
    const double central = std::max(p.central_s, floor_s);
    found->seconds.low += times * std::max(p.low_s, floor_s);
    found->seconds.central += times * central;
    found->seconds.high += times * std::max(p.high_s, central);
    found->bytes += times * bytes;
    found->flop += times * flop;
    found->floor_s += times * floor_s;
    found->calls += times;
    // Few rows leave matrix tiles mostly empty; what such an operation waits for is its weights.
    const Bound bound = p.bound == Bound::Compute && flop / peak < bytes / bandwidth ? Bound::Bandwidth : p.bound;
    found->bound_s[static_cast<std::size_t>(bound)] += times * central;
    if (p.cell && (found->origin.empty() || p.cell->resolved.basis > found->basis)) {
      found->basis = p.cell->resolved.basis;
      found->origin = p.cell->resolved.origin;
    }
  };
  for (const Op& op : program.ops) {
    const PassCost cost = isoflop::cost(op, Pass::Forward);
    const double weight_bytes =
        op.weights.empty() ? 2 : bytes_per_weight(program.tensors[static_cast<std::size_t>(op.weights[0])], load);
    const double weights = weight_bytes * cost.traffic.weights, kv = load.kv_bytes() * cost.traffic.kv;
    const auto times = static_cast<double>(op.times);
    add(class_name(op), state_->of(op, load, cost, weight_bytes), times, weights + kv, cost.matmul_flops);
    total.weight_bytes += times * weights;
    total.kv_bytes += times * kv;
    total.matmul_flop += times * cost.matmul_flops;
    if (load.tensor_parallel == 1) continue;
    const auto* matmul = std::get_if<MatMul>(&op.detail);
    const auto* grouped = std::get_if<GroupedMatMul>(&op.detail);
    if (matmul && matmul->split == Split::Rows)
      add("all-reduce",
          state_->collective(Collective::AllReduce, 2.0 * static_cast<double>(matmul->rows * matmul->columns), load),
          times, 0, 0);
    if (matmul && matmul->split == Split::Vocabulary)
      add("gather of logits",
          state_->collective(Collective::AllGather, 2.0 * static_cast<double>(matmul->rows * matmul->columns), load),
          times, 0, 0);
    if (grouped && grouped->split == Split::Rows)  // after the weighted sum, so once per token
      add("all-reduce",
          state_->collective(Collective::AllReduce,
                             2.0 * static_cast<double>(grouped->rows / grouped->per_token * grouped->columns), load),
          times, 0, 0);
  }
  std::array<double, 4> bound_s{};
  for (const OpClass& c : total.classes) {
    total.seconds.low += c.seconds.low;
    total.seconds.central += c.seconds.central;
    total.seconds.high += c.seconds.high;
    total.basis = std::max(total.basis, c.basis);
    for (std::size_t i = 0; i < bound_s.size(); ++i) bound_s[i] += c.bound_s[i];
  }
  OpClass host;
  host.name = "host";
  host.seconds = {host_per_step_low_s, host_per_step_s, host_per_step_high_s, {}};
  host.calls = 1;
  host.basis = Basis::Datasheet;
  host.origin = "assumed";
  host.bound_s[static_cast<std::size_t>(Bound::Launch)] = host_per_step_s;
  bound_s[static_cast<std::size_t>(Bound::Launch)] += host_per_step_s;
  total.seconds.low += host.seconds.low;
  total.seconds.central += host.seconds.central;
  total.seconds.high += host.seconds.high;
  total.classes.push_back(std::move(host));
  total.bound = static_cast<Bound>(std::max_element(bound_s.begin(), bound_s.end()) - bound_s.begin());
  total.floor_s = std::max((total.weight_bytes + total.kv_bytes) / bandwidth, total.matmul_flop / peak);
  return total;
}

}  // namespace isoflop::sim
