// How a training program holds its numbers: what decides its memory besides the model and the layout, and what whoever
// starts it can know. The defaults are those of large pre-training runs (Megatron, DeepSpeed, FSDP with mixed
// precision); fine-tuning scripts in plain PyTorch differ in nearly every line.
#pragma once
#include <optional>
#include <string_view>

namespace isoflop::sim {

/// Bytes per parameter of the weights that products read, of a master copy, and of both moments of Adam.
/// Mixed 2 + 4 + 8 (arXiv:1910.02054); SixteenBit 2 + 0 + 4, everything in the format of the weights; Autocast
/// 4 + 0 + 8, 16-bit copies are made while the model runs; EightBit 2 + 0 + 2 (arXiv:2110.02861).
enum class StateFormat { Mixed, SixteenBit, Autocast, EightBit };

/// What logits and loss keep at once, bytes per token and vocabulary row. Fp32 10: 16-bit logits, their log-softmax and
/// its gradient in 32 bits. Fp32InPlace 6: softmax and gradient overwrite the 32-bit copy (Megatron's
/// vocabulary-parallel loss). Fp32Shifted 16: logits in 32 bits and a shifted copy of them besides (Hugging Face's
/// models). SixteenBit 6 and SixteenBitShifted 8: in 16 bits. Chunked: 16-bit logits, the rest an eighth at a time
/// (assumed). InPlace 2: the gradient overwrites the logits.
enum class LossKind { Fp32, Fp32InPlace, Fp32Shifted, SixteenBit, SixteenBitShifted, Chunked, InPlace };

/// Which bytes a figure counts. Needed: what must fit, with context, communicators and unavoidable fragmentation.
/// Allocated: tensors (PyTorch's max_memory_allocated). Reserved: and what the caching allocator holds besides
/// (max_memory_reserved). Process: and the driver context and communicators (nvidia-smi).
enum class MemoryCount { Needed, Allocated, Reserved, Process };

/// Who hands out the memory: buffers made once; a caching allocator with batches of one length; the same with batches
/// of uneven lengths, whose blocks do not fit the next batch.
enum class AllocatorKind { Static, Caching, CachingUneven };

struct TrainingProgram {
  StateFormat states = StateFormat::Mixed;
  LossKind loss = LossKind::Fp32;
  bool flash_attention = true;     ///< else the scores of a layer are kept, tokens squared times heads
  bool dropout = false;            ///< keeps a mask of a byte per element
  bool fused_elementwise = true;   ///< else norms keep 32-bit copies and gated activations their factor
  bool gradients_kept = true;      ///< buffers stay allocated; else they appear in the backward pass
  bool gradients_applied = false;  ///< the optimiser runs inside the backward pass, a layer's gradient lives briefly
  /// ZeRO-3 as in DeepSpeed: shards in 16 bits beside the master copy, up to 1e9 parameters gathered and as many
  /// updated at a time (its defaults). Else as in FSDP: the master copy is the shard, two layers are gathered.
  bool sixteen_bit_shards = false;
  bool gathers_ahead = false;  ///< FSDP without its rate limiter (PyTorch before 2.0): all layers come to be gathered
  AllocatorKind allocator = AllocatorKind::Caching;
  double update_bytes = 0;         ///< temporaries per parameter that a device updates: 0 for a fused optimiser

  double weight_bytes() const { return states == StateFormat::Autocast ? 4 : 2; }
  double master_bytes() const { return states == StateFormat::Mixed ? 4 : 0; }
  double moment_bytes() const {
    return states == StateFormat::SixteenBit ? 4 : states == StateFormat::EightBit ? 2 : 8;
  }
  /// 16-bit copies of the weights while the model runs.
  double cast_bytes() const { return states == StateFormat::Autocast ? 2 : 0; }
};

/// "mixed", "16bit", "autocast", "8bit"; nothing for other words.
std::optional<StateFormat> state_format_named(std::string_view word);
/// "fp32", "fp32-in-place", "fp32-shifted", "16bit", "16bit-shifted", "chunked", "in-place"; nothing for other words.
std::optional<LossKind> loss_kind_named(std::string_view word);
/// "needed", "allocated", "reserved", "process"; nothing for other words.
std::optional<MemoryCount> memory_count_named(std::string_view word);
std::string_view name_of(StateFormat states);
std::string_view name_of(LossKind loss);
std::string_view name_of(MemoryCount count);

}  // namespace isoflop::sim
