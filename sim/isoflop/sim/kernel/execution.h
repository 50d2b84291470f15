// Executes the simulator's own op list on this CPU: forward and, for training programs, backward.
//
// One Execution is one thread's work: it owns the activations of its sequences and shares the weights. Supported:
// grouped-query attention with rotary or learned positions or ALiBi, windows, sink tokens, chunks and learned sinks;
// latent attention, expanded for prompts and training, absorbed for decoding; all norms, wirings and MLPs; mixtures of
// experts with shared experts and the dense hybrid. Query experts, xIELU and prediction layers are priced by the
// simulator but not executed; asking for them is an Error.
#pragma once
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "isoflop/model/program.h"
#include "isoflop/sim/kernel/attention.h"
#include "isoflop/sim/kernel/experts.h"
#include "isoflop/sim/kernel/crew.h"
#include "isoflop/sim/kernel/streamed_weights.h"
#include "isoflop/sim/kernel/weights.h"

namespace isoflop::sim {

/// Throws Error (BadInput) naming the operation that the kernel does not execute.
void check_executable(const Architecture& architecture);

/// Names of the weights whose gradient is that of one matrix product and of nothing else: most of a model, but for
/// tied embeddings, experts, norms and biases.
std::set<std::string> weights_of_one_product(const Program& program);

/// Where the time of passes went, in seconds of the executing thread, added up per op of the program.
struct OpSeconds {
  std::vector<double> forward, backward;
  std::vector<double> weight_gradient;  ///< the part of `backward` spent on gradients of matrices
};

class Execution {
 public:
  /// `layout` must outlive the execution. Throws Error (BadInput) as check_executable does.
  Execution(Program program, const WeightLayout& layout, Precision precision);
  ~Execution();
  Execution(Execution&&) noexcept;

  /// Mean cross-entropy in nats per token for a training program, else 0. ids: the step's new tokens, sequence by
  /// sequence; targets likewise (training only).
  double forward(const float* weights, const PackedWeights& packed, const std::int32_t* ids,
                 const std::int32_t* targets);

  /// Adds loss_factor x gradient of the mean loss to `gradients`, laid out as the weights. After forward(). With
  /// `first`, weights_of_one_product() are overwritten, not added to: their gradients need not be cleared before.
  void backward(const float* weights, const PackedWeights& packed, float loss_factor, float* gradients,
                bool first = false);

  /// Inference: matrices come from `streamed`, split over the crew. Both must outlive the execution.
  void read_streamed(const StreamedWeights& streamed, Crew& crew);
  /// Inference: rows of products and of element work, and heads of attention, are split over the crew, which must
  /// outlive the execution. Every output is computed as by one thread: the bits stay the same.
  void share(Crew& crew);
  /// Inference programs made for `capacity` cached tokens: how many there are before this step's new ones.
  void set_context(std::size_t tokens);
  /// Copies the caches that `other` filled for its sequences of `tokens` tokens into this one's.
  void take_caches(const Execution& other, std::size_t tokens);

  /// Later passes add their times here; null: no more. Costs two readings of the clock per op.
  void record_times(OpSeconds* seconds);

  /// Logits of the last forward pass: one row per wanted position.
  View logits() const;
  const Program& program() const;
  std::size_t activation_bytes() const;

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace isoflop::sim
