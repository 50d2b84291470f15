#include "isoflop/sim/op/op_model.h"

#include "isoflop/error.h"
#include "isoflop/sim/op/attention_model.h"
#include "isoflop/sim/op/comm_model.h"
#include "isoflop/sim/op/elementwise_model.h"
#include "isoflop/sim/op/gemm_model.h"
#include "isoflop/sim/op/kernel_format.h"
#include "isoflop/sim/op/moe_model.h"

namespace isoflop::sim {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

KernelFormat format_of(const OpKey& key) {
  const auto format = kernel_format_named(key.variant);
  if (!format) throw Error(Fault::BadInput, "\"" + key.variant + "\" is not a kernel format");
  return *format;
}

constexpr const char* one_node = "one node";
constexpr const char* between_nodes = "between nodes";

std::string_view name_of(Collective op) {
  switch (op) {
    case Collective::AllReduce: return "all_reduce";
    case Collective::AllGather: return "all_gather";
    case Collective::ReduceScatter: return "reduce_scatter";
    case Collective::AllToAll: return "all_to_all";
    case Collective::SendReceive: return "send_receive";
  }
  return "";
}

bool is_collective(const std::string& op) {
  return op == "all_reduce" || op == "all_gather" || op == "reduce_scatter" || op == "all_to_all" ||
         op == "send_receive";
}

[[noreturn]] void refuse(const OpKey& key) {
  throw Error(Fault::BadInput, "\"" + key.op + "\" is not an operation with a time model");
}

/// Nothing for operations that bandwidth or links bound.
std::optional<NumberFormat> arithmetic(const OpShape& shape) {
  return std::visit(
      Overloaded{[](const GemmShape& s) -> std::optional<NumberFormat> { return arithmetic_of(s.format); },
                 [](const MoeShape& s) -> std::optional<NumberFormat> { return arithmetic_of(s.format); },
                 [](const AttentionShape&) -> std::optional<NumberFormat> { return NumberFormat::Bf16; },
                 [](const auto&) -> std::optional<NumberFormat> { return std::nullopt; }},
      shape);
}

}  // namespace

OpKey key_of(const OpShape& shape) {
  return std::visit(Overloaded{[](const GemmShape& s) {
                                 return OpKey{"gemm", std::string(name_of(s.format))};
                               },
                               [](const MoeShape& s) {
                                 return OpKey{"moe", std::string(name_of(s.format))};
                               },
                               [](const ElementwiseShape& s) {
                                 return OpKey{"elementwise", s.op};
                               },
                               [](const AttentionShape& s) {
                                 return OpKey{s.decode ? "attention_decode" : "attention_prefill",
                                              s.kv_bytes_per_element < 2 ? "8-bit cache" : "16-bit cache"};
                               },
                               [](const CommShape& s) {
                                 return OpKey{std::string(name_of(s.op)), s.nodes > 1 ? between_nodes : one_node};
                               }},
                    shape);
}

std::vector<Constant> op_constants(const OpKey& key, bool cache_seen) {
  if (key.op == "gemm") return gemm_constants(format_of(key), cache_seen);
  if (key.op == "moe") return moe_constants();
  if (key.op == "elementwise") return elementwise_constants();
  if (key.op == "attention_decode") return attention_constants(true);
  if (key.op == "attention_prefill") return attention_constants(false);
  if (is_collective(key.op)) return comm_constants(key.variant == between_nodes);
  refuse(key);
}

std::vector<double> generic_values(const OpKey& key) {
  if (key.op == "gemm") return generic_gemm_values(format_of(key));
  if (key.op == "moe") return generic_moe_values();
  if (key.op == "elementwise") return generic_elementwise_values();
  if (key.op == "attention_decode") return generic_attention_values(true);
  if (key.op == "attention_prefill") return generic_attention_values(false);
  if (is_collective(key.op)) return generic_comm_values(key.variant == between_nodes);
  refuse(key);
}

DeviceLimits limits_for(const OpShape& shape, const Accelerator& accelerator) {
  DeviceLimits limits;
  if (const auto format = arithmetic(shape)) {
    auto peak = accelerator.peak_flop_per_s(*format);
    // The two 16-bit formats run at one speed wherever both exist.
    if (!peak && *format == NumberFormat::Bf16) peak = accelerator.fp16_flop_per_s;
    if (!peak && *format == NumberFormat::Fp16) peak = accelerator.bf16_flop_per_s;
    if (!peak)
      throw Error(Fault::Usage,
                  accelerator.id + " states no peak for " + std::string(isoflop::name_of(*format)) + " arithmetic");
    limits.peak_flop_per_s = *peak;
  }
  limits.bandwidth_bytes_per_s = accelerator.bandwidth_bytes_per_s;
  // Without a count of multiprocessors there are no waves to quantise: one unit does all.
  limits.multiprocessors = static_cast<double>(accelerator.multiprocessors.value_or(1));
  if (const auto* comm = std::get_if<CommShape>(&shape)) {
    const auto& link = comm->nodes > 1 ? accelerator.inter_node_bytes_per_s : accelerator.intra_node_bytes_per_s;
    if (!link)
      throw Error(Fault::Usage,
                  accelerator.id + " states no link " + (comm->nodes > 1 ? "between nodes" : "inside a node"));
  }
  limits.link_bytes_per_s = accelerator.intra_node_bytes_per_s.value_or(0);
  limits.network_bytes_per_s = accelerator.inter_node_bytes_per_s.value_or(0);
  return limits;
}

OpCost op_cost(const OpShape& shape, const DeviceLimits& limits, std::span<const double> values,
               const CallConditions& conditions) {
  return std::visit(Overloaded{[&](const GemmShape& s) { return gemm_cost(s, limits, values, conditions); },
                               [&](const MoeShape& s) { return moe_cost(s, expert_load(s), limits, values); },
                               [&](const ElementwiseShape& s) { return elementwise_cost(s, limits, values); },
                               [&](const AttentionShape& s) { return attention_cost(s, limits, values); },
                               [&](const CommShape& s) { return comm_cost(s, limits, values); }},
                    shape);
}

std::function<double(std::span<const double>)> prepared_seconds(const OpShape& shape, const DeviceLimits& limits,
                                                                const CallConditions& conditions) {
  using Values = std::span<const double>;
  if (const auto* gemm = std::get_if<GemmShape>(&shape))
    return [s = *gemm, choices = gemm_tile_choices(*gemm, limits.multiprocessors), limits, conditions](Values values) {
      return gemm_cost(s, choices, limits, values, conditions).seconds;
    };
  if (const auto* moe = std::get_if<MoeShape>(&shape))
    return [s = *moe, load = expert_load(*moe), limits](Values values) {
      return moe_cost(s, load, limits, values).seconds;
    };
  if (const auto* attention = std::get_if<AttentionShape>(&shape); attention && !attention->decode)
    return [s = *attention, tiles = prefill_tiles(*attention), limits](Values values) {
      return prefill_cost(s, tiles, limits, values).seconds;
    };
  return [=](Values values) { return op_cost(shape, limits, values, conditions).seconds; };
}

}  // namespace isoflop::sim
