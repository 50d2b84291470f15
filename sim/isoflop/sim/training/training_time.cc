#include "isoflop/sim/training/training_time.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "isoflop/error.h"

namespace isoflop::sim {
namespace {

using C = TrainingConstants;
constexpr std::array<TrainingConstantInfo, 15> infos = {{
    {"gemm", "of 16-bit peak", "dense matrix products that fill the device", &C::gemm, 0.2, 1},
    {"half_breadth", "elements", "rows x smaller width at which a product reaches half of that", &C::half_breadth, 1e5,
     1e9},
    {"quantised", "ratio", "fp8 and fp4 products relative to 16-bit ones, each to its own peak", &C::quantised, 0.1,
     1.2},
    {"experts", "ratio", "grouped expert products relative to dense ones", &C::experts, 0.05, 1.2},
    {"attention", "of 16-bit peak", "attention core, causal pairs", &C::attention, 0.02, 1},
    {"elements", "of memory bandwidth", "norms, activations, residuals, loss", &C::elements, 0.05, 1},
    {"start_s", "s", "time per operation that no kernel hides", &C::start_s, 1e-7, 1e-4},
    {"expert_start_s", "s", "time per expert of a grouped product that no kernel hides", &C::expert_start_s, 1e-8,
     1e-3},
    {"link", "of link bandwidth", "collectives inside a node", &C::link, 0.05, 1},
    {"network", "of network bandwidth", "collectives between nodes", &C::network, 0.05, 1},
    {"tensor_exposed", "share", "tensor-parallel messages that no computation hides", &C::tensor_exposed, 0.05, 1},
    {"expert_exposed", "share", "experts' messages that no computation hides", &C::expert_exposed, 0.05, 1},
    {"optimizer", "of memory bandwidth", "optimiser step", &C::optimizer, 0.05, 1},
    {"straggling", "per doubling of nodes", "jitter and stragglers", &C::straggling, 1e-3, 0.2},
    {"host_bytes_per_s", "byte/s", "optimiser on the host", &C::host_bytes_per_s, 1e8, 1e12},
}};

// The overlap of gathering weights with computing: close to the longer of both.
double mostly_overlapped(double a, double b) { return std::pow(std::pow(a, 4) + std::pow(b, 4), 0.25); }

double comm_seconds(const CommWork& comm, const TrainingConstants& c) {
  return comm.bytes / (comm.bandwidth_bytes_per_s * (comm.crosses_nodes ? c.network : c.link));
}

}  // namespace

std::span<const TrainingConstantInfo> training_constant_list() { return infos; }

std::string_view name_of(TrainingPart part) {
  switch (part) {
    case TrainingPart::Gemm: return "dense matrix products";
    case TrainingPart::Experts: return "expert matrix products";
    case TrainingPart::Attention: return "attention core";
    case TrainingPart::Elements: return "norms, activations, loss";
    case TrainingPart::Starts: return "starting operations";
    case TrainingPart::Tensor: return "tensor-parallel messages";
    case TrainingPart::Expert: return "expert-parallel messages";
    case TrainingPart::Context: return "context-parallel messages";
    case TrainingPart::Pipeline: return "pipeline messages";
    case TrainingPart::Weights: return "gathering weights, exposed";
    case TrainingPart::Bubble: return "pipeline bubble";
    case TrainingPart::Gradients: return "gradient reduction, exposed";
    case TrainingPart::Optimizer: return "optimiser";
    case TrainingPart::Straggling: return "stragglers";
  }
  return "";
}

DevicePeaks peaks_of(const Accelerator& a, TrainingPrecision precision) {
  const auto sixteen = a.bf16_flop_per_s ? a.bf16_flop_per_s : a.fp16_flop_per_s;
  if (!sixteen)
    throw Error(Fault::Usage, fmt::format("accelerator {}: no 16-bit peak is known; training needs one", a.id));
  DevicePeaks peaks{*sixteen, *sixteen, a.bandwidth_bytes_per_s};
  if (is_low_precision(precision)) {
    const auto peak = a.peak_flop_per_s(compute_format(precision));
    if (!peak) throw Error(Fault::Usage, fmt::format("accelerator {}: no {} peak is known", a.id, name_of(precision)));
    peaks.quantised_flop_per_s = *peak;
  }
  return peaks;
}

double gemm_seconds(const GemmWork& g, const DevicePeaks& peaks, const TrainingConstants& c) {
  const double fill = g.breadth / (g.breadth + c.half_breadth);
  const double peak = g.low_precision ? peaks.quantised_flop_per_s * c.quantised : peaks.flop_per_s;
  const double compute = g.flops / (peak * c.gemm * fill * (g.grouped ? c.experts : 1));
  return std::max(compute, g.bytes / (peaks.bandwidth_bytes_per_s * c.elements));
}

TrainingTime training_time(const TrainingWork& work, const DevicePeaks& peaks, const TrainingConstants& c) {
  double dense = 0, experts = 0, dense_branch = 0;
  for (const GemmWork& g : work.gemms) {
    const double seconds = gemm_seconds(g, peaks, c);
    (g.grouped ? experts : dense) += seconds;
    if (g.dense_branch) dense_branch += seconds;
  }
  const double attention = work.attention_flops / (peaks.flop_per_s * c.attention);
  const double elements = work.element_bytes / (peaks.bandwidth_bytes_per_s * c.elements);
  const double starts = work.operations * c.start_s + work.expert_operations * c.expert_start_s;
  double tensor = 0, expert = 0, context = 0, pipeline = 0, weights = 0;
  for (const CommWork& comm : work.per_micro_batch) {
    const double seconds = comm_seconds(comm, c);
    switch (comm.kind) {
      case CommKind::Tensor: tensor += seconds; break;
      case CommKind::Expert: expert += seconds; break;
      case CommKind::Context: context += seconds; break;
      case CommKind::Pipeline: pipeline += seconds; break;
      case CommKind::Weights: weights += seconds; break;
      case CommKind::Gradients: break;
    }
  }
  // Ring attention passes keys along while it computes; the hybrid's experts wait behind attention and dense MLP.
  context = std::max(0.0, context - attention);
  expert *= c.expert_exposed;
  tensor *= c.tensor_exposed;
  if (dense_branch > 0) expert = std::max(0.0, expert - dense_branch - attention);
  const double alone = dense + experts + attention + elements + starts + tensor + expert + context + pipeline;
  const double micro = weights > 0 ? mostly_overlapped(alone, weights) : alone;
  double gradients = 0;
  for (const CommWork& comm : work.per_step) gradients += comm_seconds(comm, c);
  // Reduced behind the last backward pass, gathered behind the first forward pass.
  gradients = std::max(0.0, gradients - micro * 2 / 3);
  const double optimizer =
      work.optimizer_bytes / (peaks.bandwidth_bytes_per_s * c.optimizer) + work.host_bytes / c.host_bytes_per_s;
  const double m = work.micro_batches, bubble = work.bubble_micro_batches * micro;
  const double sum = micro * m + bubble + gradients + optimizer;
  const double straggling = sum * c.straggling * std::log2(work.nodes);
  TrainingTime time;
  time.step_s = sum + straggling;
  time.parts = {{TrainingPart::Gemm, dense * m},         {TrainingPart::Experts, experts * m},
                {TrainingPart::Attention, attention * m}, {TrainingPart::Elements, elements * m},
                {TrainingPart::Starts, starts * m},       {TrainingPart::Tensor, tensor * m},
                {TrainingPart::Expert, expert * m},       {TrainingPart::Context, context * m},
                {TrainingPart::Pipeline, pipeline * m},   {TrainingPart::Weights, (micro - alone) * m},
                {TrainingPart::Bubble, bubble},           {TrainingPart::Gradients, gradients},
                {TrainingPart::Optimizer, optimizer},     {TrainingPart::Straggling, straggling}};
  std::erase_if(time.parts, [](const auto& part) { return part.second <= 0; });
  return time;
}

}  // namespace isoflop::sim
