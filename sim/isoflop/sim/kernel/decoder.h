// Inference on this CPU: a prompt in one pass, then token after token from the cache, batch by batch.
#pragma once
#include <memory>
#include <vector>

#include "isoflop/model/architecture.h"
#include "isoflop/sim/kernel/execution.h"

namespace isoflop::sim {

struct DecoderSettings {  ///< Batch, lengths and formats of a decoder.
  std::size_t batch = 1, prompt = 16, capacity = 64;  ///< tokens per sequence: of the prompt, and in all
  WeightFormat format = WeightFormat::Fp32;           ///< of the matrices that decode steps read
  Precision prefill_precision = Precision::Fp32;
  int threads = 0;
};

class Decoder {
 public:
  /// `weights` as laid out for the architecture's programs; rounded to the format once. The prompt uses the same
  /// rounded weights. Throws Error for what the kernel does not execute.
  Decoder(const Architecture& architecture, std::vector<float> weights, const DecoderSettings& settings);
  ~Decoder();

  /// Logits (batch, vocabulary) after the prompts; ids: batch x prompt.
  View prefill(const std::vector<std::int32_t>& ids);
  /// Logits after one more token per sequence.
  View decode(const std::vector<std::int32_t>& ids);

  /// How many threads later steps use; the weights stay as they are.
  void set_threads(int threads);

  std::size_t tokens() const;  ///< cached per sequence
  /// Bytes that a decode step must read: matrices as stored (the up-projection of latent attention in fp32,
  /// whatever the format), plus keys and values or latents of the visible context (fp32).
  double step_bytes() const;
  double prefill_flop() const;  ///< matrix products of one prefill
  double decode_flop() const;   ///< matrix products of one decode step at this context
  std::size_t memory_bytes() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Layout of the weights of an architecture, the same for training and inference.
WeightLayout weight_layout(const Architecture& architecture);

}  // namespace isoflop::sim
