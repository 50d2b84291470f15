// The two passes over an op list, in execution order and in reverse. Private to the kernel.
#pragma once
#include "isoflop/sim/kernel/execution_state.h"
#include "isoflop/sim/kernel/thread_clock.h"

namespace isoflop::sim {

void run_forward(Execution::State& state);
void run_backward(Execution::State& state, float loss_factor, bool first);

/// Calls `work` and adds its time to `seconds[op]` of `part` where times are recorded.
template <typename Work>
void timed(const Execution::State& state, std::vector<double> OpSeconds::*part, std::size_t op, const Work& work) {
  if (!state.seconds) return work();
  const double start = thread_seconds();
  work();
  (state.seconds->*part)[op] += thread_seconds() - start;
}

/// What both passes know of a row of new tokens: its sequence and its position.
struct SequenceRows {
  std::size_t first_row, rows;      ///< new tokens in the activations
  std::size_t first_cached, context;
};
std::vector<SequenceRows> sequences_of(const Execution::State& state);
std::vector<std::size_t> positions_of(const Execution::State& state);
std::vector<std::size_t> wanted_rows(const Step& step);

/// The weight indices of an op with an optional scale and an optional bias: -1 when absent.
struct ScaleAndBias {
  int scale, bias;
};
ScaleAndBias scale_and_bias(const Normalise& op);

Visibility visibility_of(const AttentionCore& op);
ScoreRule score_rule_of(const AttentionCore& op, std::size_t head);

/// Keys and values that a query head sees of a sequence; keys with a part shared by all heads are put together in the
/// scratch memory.
struct HeadKeys {
  View keys, values;
};
HeadKeys keys_of_head(Execution::State& state, const Op& op, const AttentionCore& core, const SequenceRows& sequence,
                      std::size_t head, AttentionScratch& scratch);

}  // namespace isoflop::sim
