// What is asked of a serving deployment: how many sequences, how long, in which number formats, over how many devices.
// Weight format, cache format and arithmetic are three separate choices: 4-bit weights shrink what is read, not what is
// computed, and leave the cache as it is.
//
// Bytes per quantised weight: fp8 and int8 1; int4 0.5 + 4/G (fp16 scale and zero point per group of G, as gpt-fast);
// nvfp4 0.5625 (an 8-bit scale per 16), mxfp4 0.53125 (an 8-bit scale per 32, OCP Microscaling Formats 1.0).
// Quantised are the matrices of attention, MLP, experts and an untied head; input embedding, a tied head, routers,
// norms and biases stay in 16 bits.
//
// Devices: `pipeline_parallel` stages of `stage_devices` each. In a stage attention and everything that is no routed
// expert is split over `tensor_parallel` devices, and the experts are dealt to `expert_parallel` groups:
//   --attention tp  the tensor-parallel devices share the experts: tp / ep devices split each expert; tokens are on
//                   every device already, an all-reduce sums what the experts of each gave
//   --attention dp  ep devices; ep / tp replicas of the attention each take their part of the sequences, every expert
//                   is on one device; two all-to-alls a layer carry tokens to experts and back
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "isoflop/model/program.h"
#include "isoflop/sim/op/shapes.h"

namespace isoflop::sim {

enum class WeightFormat { Bf16, Fp16, Fp8, Int8, Int4, Nvfp4, Mxfp4 };  ///< How weights are stored.
enum class CacheFormat { Bf16, Fp8, Int8 };  ///< How the cache is stored.
enum class Arithmetic { Bf16, Fp8, Int8, Fp4 };  ///< What matrix products are computed in.
/// How the devices of a stage share the attention when experts are spread over them.
enum class AttentionSplit { Tensor, Data };

inline const std::vector<std::string> weight_format_names = {"bf16", "fp16",  "fp8",  "int8",
                                                            "int4", "nvfp4", "mxfp4"};
inline const std::vector<std::string> cache_format_names = {"bf16", "fp8", "int8"};
inline const std::vector<std::string> arithmetic_names = {"bf16", "fp8", "int8", "fp4"};
inline const std::vector<std::string> attention_split_names = {"tp", "dp"};

/// Throw Error (Usage) for an unknown word.
WeightFormat weight_format_named(const std::string& word);
CacheFormat cache_format_named(const std::string& word);
Arithmetic arithmetic_named(const std::string& word);
AttentionSplit attention_split_named(const std::string& word);

struct ServingLoad {
  std::int64_t batch = 1;       ///< sequences decoded together
  std::int64_t prompt = 2048;   ///< tokens
  std::int64_t generate = 256;  ///< tokens, the first of which comes with the prompt's pass
  WeightFormat weights = WeightFormat::Bf16;
  std::int64_t group = 128;     ///< weights that share a scale; int4 only
  CacheFormat kv = CacheFormat::Bf16;
  Arithmetic arithmetic = Arithmetic::Bf16;
  std::int64_t tensor_parallel = 1;
  std::int64_t pipeline_parallel = 1;  ///< stages that hold consecutive layers
  std::int64_t expert_parallel = 1;    ///< groups of devices that the experts are dealt to
  AttentionSplit attention = AttentionSplit::Tensor;
  double routing_skew = 0;             ///< experts' popularity falls as rank^-skew
  std::int64_t devices_per_node = 8;

  std::int64_t replicas() const;       ///< of the attention, in a stage
  std::int64_t stage_devices() const { return tensor_parallel * replicas(); }
  std::int64_t devices() const { return stage_devices() * pipeline_parallel; }
  std::int64_t devices_per_expert() const { return stage_devices() / expert_parallel; }
  /// Sequences of the busiest replica when `sequences` are in flight.
  std::int64_t sequences_per_replica(std::int64_t sequences) const {
    return (sequences + replicas() - 1) / replicas();
  }

  double weight_bytes() const;  ///< per quantised weight
  double kv_bytes() const;
  bool weight_only() const;     ///< stored smaller than it is computed in
  KernelFormat kernel_format() const;
  std::int64_t last_context() const { return prompt + generate; }
};

/// Throws Error (Usage): counts below 1, a tensor-parallel size that does not divide the heads, more stages than
/// layers, experts that cannot be dealt out so, fp8 arithmetic on weights that are not fp8.
void check(const ServingLoad& load, const Architecture& architecture);

/// Bytes of one element of this weight.
double bytes_per_weight(const Tensor& weight, const ServingLoad& load);

}  // namespace isoflop::sim
