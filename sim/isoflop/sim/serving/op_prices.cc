#include "isoflop/sim/serving/op_prices.h"

#include <algorithm>
#include <cmath>
#include <variant>

#include "isoflop/sim/op/gemm_model.h"
#include "isoflop/sim/serving/step_time.h"

namespace isoflop::sim {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

/// Shares of bandwidth and 16-bit peak that FlashMLA states for H800, 3000 of 3350 GB/s and 660 of 989 TFLOP/s, with
/// query heads in tiles of 64 rows: deepseek-ai/FlashMLA@066b5ba README. No latent kernel is among the measured ones.
constexpr double latent_bandwidth = 0.9, latent_peak = 0.667, latent_rows = 64;

/// Below the rows of the smallest matrix tile.
constexpr std::int64_t most_vector_rows = 8;

std::int64_t part_of(std::int64_t whole, std::int64_t devices) { return (whole + devices - 1) / devices; }
double share_of_heads(double heads, double devices) { return std::max(heads / devices, std::min(heads, 1.0)); }

}  // namespace

OpPrices::OpPrices(const Architecture& architecture, const Accelerator& accelerator, const OpProfile& profile)
    : architecture_(architecture), accelerator_(accelerator), profile_(profile) {}

const OpPrices::Cell& OpPrices::cell(const OpKey& key) const {
  const auto found = cells_.find(key);
  if (found != cells_.end()) return found->second;
  Cell made{profile_.resolve(accelerator_, key)};
  const auto constants = op_constants(key);
  for (std::size_t i = 0; i < constants.size(); ++i) {
    if (constants[i].name == "t0") made.t0 = made.resolved.values[i];
    if (constants[i].name == "e_b") made.e_b = made.resolved.values[i];
  }
  return cells_.emplace(key, std::move(made)).first->second;
}

OpPrices::Priced OpPrices::price(const OpShape& shape, double times) const {
  const Cell& c = cell(key_of(shape));
  const OpCost cost = op_cost(shape, limits_for(shape, accelerator_), c.resolved.values);
  const double s = times * std::max(cost.seconds, cost.floor_s);
  return {s * std::min(1.0, c.resolved.interval.low), s, s * std::max(1.0, c.resolved.interval.high), cost.bound, &c};
}

// Where the number of multiprocessors is not stated (phones, desktops), few rows go through matrix-vector kernels,
// which have no tiles to fill: t = t0 + (arithmetic^2 + memory^2)^(1/2).
OpPrices::Priced OpPrices::few_rows(const GemmShape& shape) const {
  Priced p = price(shape);
  if (accelerator_.multiprocessors || shape.m > most_vector_rows) return p;
  const DeviceLimits limits = limits_for(shape, accelerator_);
  const double flop =
      2.0 * static_cast<double>(shape.m) * static_cast<double>(shape.n) * static_cast<double>(shape.k);
  const double vector_s = p.cell->t0 + overlapped(flop / limits.peak_flop_per_s,
                                                  gemm_bytes(shape) / (limits.bandwidth_bytes_per_s * p.cell->e_b));
  if (vector_s >= p.central_s) return p;
  const double ratio = vector_s / p.central_s;
  return {p.low_s * ratio, vector_s, p.high_s * ratio, Bound::Bandwidth, p.cell};
}

OpPrices::Priced OpPrices::gemm(std::int64_t m, std::int64_t n, std::int64_t k, const ServingLoad& load,
                                double weight_bytes) const {
  const bool quantised = weight_bytes < 2;
  const KernelFormat format =
      quantised || load.arithmetic == Arithmetic::Bf16 ? load.kernel_format() : KernelFormat::Bf16;
  if (!quantised || !load.weight_only()) return few_rows(GemmShape{m, n, k, format});
  Priced p = few_rows(GemmShape{m, n, k, format, weight_bytes});
  p.high_s *= unpacking_high;
  return p;
}

OpPrices::Priced OpPrices::of(const MatMul& d, const ServingLoad& load, double weight_bytes) const {
  const auto tp = load.tensor_parallel;
  const bool columns = d.split == Split::Columns || d.split == Split::Vocabulary;
  return gemm(d.rows, columns ? part_of(d.columns, tp) : d.columns,
              d.split == Split::Rows ? part_of(d.inner, tp) : d.inner, load, weight_bytes);
}

// The op-time model prices both expert products at once; each gets its share of the weights.
OpPrices::Priced OpPrices::of(const GroupedMatMul& d, const ServingLoad& load, double weight_bytes) const {
  const std::int64_t width = architecture_.width;
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
  shape.tensor_parallel = static_cast<double>(load.devices_per_expert());
  if (load.expert_parallel > 1) {
    // The model's shape of the busiest group: as many rows and touched experts as if every group had them.
    const ExpertSpread busiest = spread(d, load);
    const auto groups = static_cast<double>(load.expert_parallel);
    shape.expert_parallel = groups;
    shape.tokens = groups * busiest.copies / shape.per_token;
    shape.touched_experts = groups * busiest.touched;
  } else if (load.routing_skew > 0) {
    shape.touched_experts = d.expected_experts;
  }
  const bool smaller = load.weight_only() && weight_bytes < 2;
  shape.format = load.weight_only() || load.arithmetic == Arithmetic::Bf16 ? KernelFormat::Bf16 : load.kernel_format();
  if (!smaller) return price(shape, share);
  shape.stored_weight_bytes = weight_bytes;
  Priced p = price(shape, share);
  p.high_s *= unpacking_high;
  if (load.weights != WeightFormat::Int4) return p;
  // Measured kernels that unpack four bits reach a fraction of the bandwidth; an engine may have better ones.
  shape.format = KernelFormat::Int4Weight;
  const Priced measured = price(shape, share);
  if (measured.cell->resolved.basis == Basis::Datasheet) return p;
  return {std::min(p.low_s, measured.low_s), measured.central_s, measured.high_s, measured.bound, measured.cell};
}

bool OpPrices::gated_experts() const {
  for (const Layer& layer : architecture_.layers)
    if (layer.experts) return layer.experts->expert.gated;
  return false;
}

/// Decoding sequences that read one latent per token for all heads: t = t0 + (memory^2 + tiles^2)^(1/2).
OpPrices::Priced OpPrices::latent_core(const AttentionShape& shape, double key_dim, double value_dim) const {
  const Cell& decode = cell(key_of(shape));
  const auto [latent, fresh] = latent_cells_.try_emplace(&decode, decode);
  if (fresh) {
    latent->second.resolved.basis = std::max(Basis::Borrowed, decode.resolved.basis);
    latent->second.resolved.origin =
        "bandwidth and peak as FlashMLA states them for H800 (deepseek-ai/FlashMLA@066b5ba), launch: " +
        decode.resolved.origin;
  }
  const DeviceLimits limits = limits_for(shape, accelerator_);
  const double pairs = shape.sequences * (shape.cached_tokens + 1), wide = key_dim + value_dim;
  const double bytes = pairs * key_dim * shape.kv_bytes_per_element + 2 * shape.sequences * shape.heads * wide;
  const double tiled = std::ceil(shape.heads / latent_rows) * latent_rows;
  const auto time = [&](double rows) {
    return decode.t0 + overlapped(bytes / (limits.bandwidth_bytes_per_s * latent_bandwidth),
                                  2 * pairs * rows * wide / (limits.peak_flop_per_s * latent_peak));
  };
  const double central = time(tiled);
  // Some kernels waste no rows.
  return {time(shape.heads) * std::min(1.0, decode.resolved.interval.low), central,
          central * std::max(1.0, decode.resolved.interval.high), Bound::Bandwidth, &latent->second};
}

OpPrices::Priced OpPrices::of(const AttentionCore& core, const ServingLoad& load) const {
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
    shape.kv_bytes_per_element = core.from_cache ? load.kv_bytes() : 2;
    const auto sight = core.window > 0 ? core.window + core.sink_tokens : core.chunk;
    if (shape.decode) {
      shape.cached_tokens =
          attention_keys_read(1, segment.context, core.window, core.sink_tokens, core.chunk, core.causal) - 1;
    } else {
      shape.cached_tokens = static_cast<double>(segment.context);
      shape.window = static_cast<double>(sight);
    }
    const Priced p = core.values_in_keys && shape.decode ? latent_core(shape, static_cast<double>(core.key_dim),
                                                                       static_cast<double>(core.value_dim))
                                                         : price(shape);
    sum = {sum.low_s + p.low_s, sum.central_s + p.central_s, sum.high_s + p.high_s, p.bound, p.cell};
  }
  return sum;
}

OpPrices::Priced OpPrices::of(const Op& op, const ServingLoad& load, const PassCost& cost, double weight_bytes,
                              Launch launch) const {
  if (launch == Launch::Within) return {};
  const auto element = [&](const char* kind, double moved) {
    const Priced p = price(ElementwiseShape{kind, moved});
    if (launch == Launch::Own || p.central_s <= 0) return p;
    const double moving = std::max(0.0, p.central_s - p.cell->t0) / p.central_s;
    return Priced{p.low_s * moving, p.central_s * moving, p.high_s * moving, Bound::Bandwidth, p.cell};
  };
  const double bytes = 2 * (cost.traffic.activations + cost.traffic.weights) + load.kv_bytes() * cost.traffic.kv;
  const auto tp = static_cast<double>(load.tensor_parallel);
  return std::visit(Overloaded{[&](const MatMul& d) { return of(d, load, weight_bytes); },
                               [&](const GroupedMatMul& d) { return of(d, load, weight_bytes); },
                               [&](const HeadMatMul& d) {
                                 return gemm(d.rows, part_of(d.heads, load.tensor_parallel) * d.columns, d.inner,
                                             load, weight_bytes);
                               },
                               [&](const AttentionCore& d) { return of(d, load); },
                               [&](const Normalise&) { return element("norm", bytes); },
                               [&](const Rotate&) { return element("attn_rope", bytes / tp); },
                               [&](const Activate&) { return element("mlp_act", bytes / tp); },
                               [&](const auto&) { return element("add", bytes); }},
                    op.detail);
}

OpPrices::Priced OpPrices::collective(Collective kind, double message_bytes, std::int64_t devices,
                                      std::int64_t nodes) const {
  CommShape shape;
  shape.op = kind;
  shape.devices = static_cast<double>(devices);
  shape.nodes = static_cast<double>(nodes);
  shape.message_bytes = message_bytes;
  Priced p = price(shape);
  p.bound = Bound::Link;
  return p;
}

ExpertSpread OpPrices::spread(const GroupedMatMul& d, const ServingLoad& load) const {
  if (load.routing_skew != spread_skew_) spreads_.clear();
  spread_skew_ = load.routing_skew;
  const auto [at, fresh] = spreads_.try_emplace({d.experts, d.per_token, load.expert_parallel, d.rows});
  if (fresh)
    at->second = busiest_group(d.experts, d.per_token, load.expert_parallel,
                               static_cast<double>(d.rows) / static_cast<double>(d.per_token), load.routing_skew);
  return at->second;
}

double OpPrices::imbalance(const GroupedMatMul& d, const ServingLoad& load) const {
  if (load.expert_parallel == 1) return 1;
  return spread(d, load).copies * static_cast<double>(load.expert_parallel) / static_cast<double>(d.rows);
}

}  // namespace isoflop::sim
