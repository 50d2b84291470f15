#include "isoflop/sim/op/op_model.h"

#include "isoflop/error.h"
#include "isoflop/sim/op/gemm_model.h"
#include "isoflop/sim/op/kernel_format.h"

namespace isoflop::sim {
namespace {

NumberFormat arithmetic_of(const OpShape& shape) {
  if (const auto* gemm = std::get_if<GemmShape>(&shape)) return arithmetic_of(gemm->format);
  return NumberFormat::Bf16;
}

KernelFormat gemm_format(const OpKey& key) {
  const auto format = kernel_format_named(key.variant);
  if (!format) throw Error(Fault::BadInput, "\"" + key.variant + "\" is not a kernel format");
  return *format;
}

}  // namespace

OpKey key_of(const OpShape& shape) {
  if (const auto* gemm = std::get_if<GemmShape>(&shape)) return {"gemm", std::string(name_of(gemm->format))};
  throw Error(Fault::Usage, "operation without a time model");
}

std::vector<Constant> op_constants(const OpKey& key, bool cache_seen) {
  if (key.op == "gemm") return gemm_constants(gemm_format(key), cache_seen);
  throw Error(Fault::BadInput, "\"" + key.op + "\" is not an operation with a time model");
}

std::vector<double> generic_values(const OpKey& key) {
  if (key.op == "gemm") return generic_gemm_values(gemm_format(key));
  throw Error(Fault::BadInput, "\"" + key.op + "\" is not an operation with a time model");
}

DeviceLimits limits_for(const OpShape& shape, const Accelerator& accelerator) {
  DeviceLimits limits;
  const NumberFormat format = arithmetic_of(shape);
  auto peak = accelerator.peak_flop_per_s(format);
  // The two 16-bit formats run at one speed wherever both exist.
  if (!peak && format == NumberFormat::Bf16) peak = accelerator.fp16_flop_per_s;
  if (!peak && format == NumberFormat::Fp16) peak = accelerator.bf16_flop_per_s;
  if (!peak)
    throw Error(Fault::Usage, accelerator.id + " states no peak for " + std::string(name_of(format)) + " arithmetic");
  limits.peak_flop_per_s = *peak;
  limits.bandwidth_bytes_per_s = accelerator.bandwidth_bytes_per_s;
  // Without a count of multiprocessors there are no waves to quantise: one unit does all.
  limits.multiprocessors = static_cast<double>(accelerator.multiprocessors.value_or(1));
  limits.link_bytes_per_s = accelerator.intra_node_bytes_per_s.value_or(0);
  limits.network_bytes_per_s = accelerator.inter_node_bytes_per_s.value_or(0);
  return limits;
}

OpCost op_cost(const OpShape& shape, const DeviceLimits& limits, std::span<const double> values,
               const CallConditions& conditions) {
  if (const auto* gemm = std::get_if<GemmShape>(&shape)) return gemm_cost(*gemm, limits, values, conditions);
  throw Error(Fault::Usage, "operation without a time model");
}

std::function<double(std::span<const double>)> prepared_seconds(const OpShape& shape, const DeviceLimits& limits,
                                                                const CallConditions& conditions) {
  if (const auto* gemm = std::get_if<GemmShape>(&shape))
    return [shape = *gemm, choices = gemm_tile_choices(*gemm, limits.multiprocessors), limits,
            conditions](std::span<const double> values) { return gemm_cost(shape, choices, limits, values, conditions).seconds; };
  return [=](std::span<const double> values) { return op_cost(shape, limits, values, conditions).seconds; };
}

}  // namespace isoflop::sim
