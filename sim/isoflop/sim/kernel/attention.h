// Attention of one sequence and one query head, in blocks of queries, scores never kept (Dao et al. 2022,
// arXiv:2205.14135): causal, sliding window with sink tokens, chunks, learned sinks, ALiBi.
#pragma once
#include <cstdint>
#include <vector>

#include "isoflop/sim/kernel/matrix_product.h"
#include "isoflop/sim/kernel/view.h"

namespace isoflop::sim {

/// What a query at `position` sees: keys [first, last] and the sink tokens before them.
struct Visibility {
  bool causal = true;
  std::size_t window = 0, sink_tokens = 0, chunk = 0;

  std::size_t first(std::size_t position) const;  ///< Keys [first, last] that a query sees, sink tokens besides.
  std::size_t last(std::size_t position, std::size_t keys) const;
};

/// score = scale x q.k + alibi_slope x (key position - query position) (ALiBi: Press et al. 2021, arXiv:2108.12409).
struct ScoreRule {
  float scale, alibi_slope = 0;
};

struct AttentionScratch {  ///< Memory that one thread reuses.
  std::vector<float> scores, shares, ramp;
  std::vector<float> keys, dkeys;  ///< of one head, put together from its own and a shared part
  PackBuffers buffers;
};

/// q (n, e) at positions context .. context + n - 1; k (keys, e), v (keys, value width); out (n, value width).
/// lse: log-sum-exp per query, at lse[i * lse_stride]. `sink` is the learned logit of the head, or null.
void attention_head(View q, View k, View v, std::size_t context, const Visibility& visible, const ScoreRule& rule,
                    const float* sink, View out, float* lse, std::size_t lse_stride, Precision precision,
                    AttentionScratch& scratch);

/// Accumulates into dq, dk, dv (and *dsink); computes the scores again from q, k and lse.
void attention_head_backward(View q, View k, View v, View out, const float* lse, std::size_t lse_stride, View dout,
                             std::size_t context, const Visibility& visible, const ScoreRule& rule, const float* sink,
                             View dq, View dk, View dv, float* dsink, Precision precision, AttentionScratch& scratch);

}  // namespace isoflop::sim
