#include "isoflop/sim/serving/serving_load.h"

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

double ServingLoad::weight_bytes() const {
  switch (weights) {
    case WeightFormat::Bf16:
    case WeightFormat::Fp16: return 2;
    case WeightFormat::Fp8:
    case WeightFormat::Int8: return 1;
    case WeightFormat::Int4: return 0.5 + 4.0 / static_cast<double>(group);
  }
  return 2;
}

double ServingLoad::kv_bytes() const { return kv == CacheFormat::Bf16 ? 2 : 1; }

bool ServingLoad::weight_only() const { return weight_bytes() < 2 && arithmetic == Arithmetic::Bf16; }

KernelFormat ServingLoad::kernel_format() const {
  if (arithmetic == Arithmetic::Fp8) return KernelFormat::Fp8;
  if (arithmetic == Arithmetic::Int8) return KernelFormat::Int8;
  return weights == WeightFormat::Fp16 ? KernelFormat::Fp16 : KernelFormat::Bf16;
}

void check(const ServingLoad& load, const Architecture& architecture) {
  if (load.batch < 1 || load.prompt < 1 || load.generate < 1 || load.tensor_parallel < 1 || load.group < 1)
    throw Error(Fault::Usage, "batch, prompt, generate, tensor-parallel size and group must be at least 1");
  if (load.arithmetic == Arithmetic::Fp8 && load.weights != WeightFormat::Fp8)
    throw Error(Fault::Usage, "fp8 arithmetic needs --weights fp8");
  if (load.arithmetic == Arithmetic::Int8 && load.weights != WeightFormat::Int8)
    throw Error(Fault::Usage, "int8 arithmetic needs --weights int8");
  for (const Layer& layer : architecture.layers)
    if (layer.attention.heads % load.tensor_parallel != 0)
      throw Error(Fault::Usage, "tensor-parallel size " + std::to_string(load.tensor_parallel) +
                                    " does not divide the " + std::to_string(layer.attention.heads) +
                                    " query heads of " + architecture.name);
}

double bytes_per_weight(const Tensor& weight, const ServingLoad& load) {
  return is_quantised(weight) ? load.weight_bytes() : 2;
}

}  // namespace isoflop::sim
