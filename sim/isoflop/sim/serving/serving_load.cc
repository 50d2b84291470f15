#include "isoflop/sim/serving/serving_load.h"

#include <fmt/format.h>

#include <algorithm>

#include "isoflop/error.h"

namespace isoflop::sim {
namespace {

std::size_t position(const std::string& word, const std::vector<std::string>& names, const char* kind) {
  const auto found = std::find(names.begin(), names.end(), word);
  if (found == names.end()) throw unknown_name(kind, word, names);
  return static_cast<std::size_t>(found - names.begin());
}

bool is_quantised(const Tensor& weight) {
  if (weight.shape.size() < 2) return false;
  switch (weight.part) {
    case Part::Attention:
    case Part::Mlp:
    case Part::Expert:
    case Part::SharedExpert:
    case Part::Head:
    case Part::Prediction: return true;
    default: return false;
  }
}

void check_layout(const ServingLoad& load, const Architecture& architecture) {
  const std::string& name = architecture.name;
  if (load.pipeline_parallel > static_cast<std::int64_t>(architecture.layers.size()))
    throw Error(Fault::Usage, fmt::format("{} pipeline stages for the {} layers of {}", load.pipeline_parallel,
                                          architecture.layers.size(), name));
  const bool mixture = std::any_of(architecture.layers.begin(), architecture.layers.end(),
                                   [](const Layer& layer) { return layer.experts.has_value(); });
  if ((load.expert_parallel > 1 || load.routing_skew > 0) && !mixture)
    throw Error(Fault::Usage, name + " has no experts: --ep and --routing-skew are for mixtures");
  if (load.attention == AttentionSplit::Data && load.expert_parallel == 1)
    throw Error(Fault::Usage,
                "--attention dp shares out sequences over the devices that hold the experts: it needs --ep above 1 "
                "(for whole replicas divide the load yourself)");
  if (load.expert_parallel == 1) return;
  for (const Layer& layer : architecture.layers) {
    if (layer.experts && layer.experts->experts % load.expert_parallel != 0)
      throw Error(Fault::Usage, fmt::format("--ep {} does not divide the {} experts of {}", load.expert_parallel,
                                            layer.experts->experts, name));
    if (layer.attention.query_experts)
      throw Error(Fault::Usage, name + " chooses attention heads by token: --ep cannot place those");
  }
  if (load.attention == AttentionSplit::Tensor && load.tensor_parallel % load.expert_parallel != 0)
    throw Error(Fault::Usage, fmt::format("--ep {} must divide --tp {}, whose devices share the experts; with "
                                          "--attention dp the attention is repeated and --ep counts the devices",
                                          load.expert_parallel, load.tensor_parallel));
  if (load.attention == AttentionSplit::Data && load.expert_parallel % load.tensor_parallel != 0)
    throw Error(Fault::Usage, fmt::format("--tp {} must divide the --ep {} devices of --attention dp",
                                          load.tensor_parallel, load.expert_parallel));
}

}  // namespace

WeightFormat weight_format_named(const std::string& word) {
  return static_cast<WeightFormat>(position(word, weight_format_names, "weight format"));
}
CacheFormat cache_format_named(const std::string& word) {
  return static_cast<CacheFormat>(position(word, cache_format_names, "cache format"));
}
Arithmetic arithmetic_named(const std::string& word) {
  return static_cast<Arithmetic>(position(word, arithmetic_names, "arithmetic"));
}
AttentionSplit attention_split_named(const std::string& word) {
  return static_cast<AttentionSplit>(position(word, attention_split_names, "split of the attention"));
}

std::int64_t ServingLoad::replicas() const {
  return attention == AttentionSplit::Data ? std::max<std::int64_t>(1, expert_parallel / tensor_parallel) : 1;
}

double ServingLoad::weight_bytes() const {
  switch (weights) {
    case WeightFormat::Bf16:
    case WeightFormat::Fp16: return 2;
    case WeightFormat::Fp8:
    case WeightFormat::Int8: return 1;
    case WeightFormat::Int4: return 0.5 + 4.0 / static_cast<double>(group);
    case WeightFormat::Nvfp4: return 0.5 + 1.0 / 16;
    case WeightFormat::Mxfp4: return 0.5 + 1.0 / 32;
  }
  return 2;
}

double ServingLoad::kv_bytes() const { return kv == CacheFormat::Bf16 ? 2 : 1; }

bool ServingLoad::weight_only() const { return weight_bytes() < 2 && arithmetic == Arithmetic::Bf16; }

KernelFormat ServingLoad::kernel_format() const {
  if (arithmetic == Arithmetic::Fp8) return KernelFormat::Fp8;
  if (arithmetic == Arithmetic::Int8) return KernelFormat::Int8;
  if (arithmetic == Arithmetic::Fp4) return KernelFormat::Nvfp4;
  return weights == WeightFormat::Fp16 ? KernelFormat::Fp16 : KernelFormat::Bf16;
}

void check(const ServingLoad& load, const Architecture& architecture) {
  if (load.batch < 1 || load.prompt < 1 || load.generate < 1 || load.tensor_parallel < 1 || load.group < 1 ||
      load.pipeline_parallel < 1 || load.expert_parallel < 1)
    throw Error(Fault::Usage, "batch, prompt, generate, parallel sizes and group must be at least 1");
  if (!(load.routing_skew >= 0)) throw Error(Fault::Usage, "routing skew must be at least 0");
  if (load.arithmetic == Arithmetic::Fp8 && load.weights != WeightFormat::Fp8)
    throw Error(Fault::Usage, "fp8 arithmetic needs --weights fp8");
  if (load.arithmetic == Arithmetic::Int8 && load.weights != WeightFormat::Int8)
    throw Error(Fault::Usage, "int8 arithmetic needs --weights int8");
  if (load.arithmetic == Arithmetic::Fp4 && load.weights != WeightFormat::Nvfp4 && load.weights != WeightFormat::Mxfp4)
    throw Error(Fault::Usage, "fp4 arithmetic needs --weights nvfp4 or mxfp4");
  for (const Layer& layer : architecture.layers)
    if (layer.attention.heads % load.tensor_parallel != 0)
      throw Error(Fault::Usage, "tensor-parallel size " + std::to_string(load.tensor_parallel) +
                                    " does not divide the " + std::to_string(layer.attention.heads) +
                                    " query heads of " + architecture.name);
  check_layout(load, architecture);
}

double bytes_per_weight(const Tensor& weight, const ServingLoad& load) {
  return is_quantised(weight) ? load.weight_bytes() : 2;
}

}  // namespace isoflop::sim
