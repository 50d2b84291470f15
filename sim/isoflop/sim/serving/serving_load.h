// What is asked of a serving deployment: how many sequences, how long, in which number formats, over how many devices.
// Weight format, cache format and arithmetic are three separate choices: 4-bit weights shrink what is read, not what is
// computed, and leave the cache as it is.
//
// Bytes per quantised weight: fp8 and int8 1; int4 0.5 + 4/G (fp16 scale and zero point per group of G, as gpt-fast).
// Quantised are the matrices of attention, MLP, experts and an untied head; input embedding, a tied head, routers,
// norms and biases stay in 16 bits.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "isoflop/model/program.h"
#include "isoflop/sim/op/shapes.h"

namespace isoflop::sim {

enum class WeightFormat { Bf16, Fp16, Fp8, Int8, Int4 };
enum class CacheFormat { Bf16, Fp8, Int8 };
enum class Arithmetic { Bf16, Fp8, Int8 };

inline const std::vector<std::string> weight_format_names = {"bf16", "fp16", "fp8", "int8", "int4"};
inline const std::vector<std::string> cache_format_names = {"bf16", "fp8", "int8"};
inline const std::vector<std::string> arithmetic_names = {"bf16", "fp8", "int8"};

/// Throw Error (Usage) for an unknown word.
WeightFormat weight_format_named(const std::string& word);
CacheFormat cache_format_named(const std::string& word);
Arithmetic arithmetic_named(const std::string& word);

struct ServingLoad {
  std::int64_t batch = 1;       ///< sequences decoded together
  std::int64_t prompt = 2048;   ///< tokens
  std::int64_t generate = 256;  ///< tokens, the first of which comes with the prompt's pass
  WeightFormat weights = WeightFormat::Bf16;
  std::int64_t group = 128;     ///< weights that share a scale; int4 only
  CacheFormat kv = CacheFormat::Bf16;
  Arithmetic arithmetic = Arithmetic::Bf16;
  std::int64_t tensor_parallel = 1;
  std::int64_t devices_per_node = 8;

  double weight_bytes() const;  ///< per quantised weight
  double kv_bytes() const;
  bool weight_only() const;     ///< stored smaller than it is computed in
  KernelFormat kernel_format() const;
  std::int64_t last_context() const { return prompt + generate; }
};

/// Throws Error (Usage): counts below 1, a tensor-parallel size that does not divide the heads, fp8 arithmetic on
/// weights that are not fp8.
void check(const ServingLoad& load, const Architecture& architecture);

/// Bytes of one element of this weight.
double bytes_per_weight(const Tensor& weight, const ServingLoad& load);

}  // namespace isoflop::sim
