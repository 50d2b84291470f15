// Mixture of experts: which expert each token goes to, the order that puts an expert's rows together, and the way back.
#pragma once
#include <cstdint>
#include <vector>

#include "isoflop/model/program.h"
#include "isoflop/sim/kernel/view.h"

namespace isoflop::sim {

/// k experts of E per row. `choice` (rows x k) gets expert numbers, highest score first; `weights` their shares.
void route(View logits, const Route& op, const float* selection_bias, View weights, std::int64_t* choice);

/// dlogits += through the shares only: which experts are chosen has no gradient.
void route_backward(View logits, const Route& op, View weights, const std::int64_t* choice, View dweights,
                    View dlogits);

/// Rows sorted by expert, ties in token order: sorted row r holds pair order[r] = token * k + slot.
struct ExpertOrder {
  std::vector<std::size_t> pair;     ///< per sorted row
  std::vector<std::size_t> first;    ///< first sorted row of each expert, and one past the last
};
ExpertOrder expert_order(const std::int64_t* choice, std::size_t pairs, std::size_t experts);

/// sorted[r] = x[token of r].
void dispatch_copy(View x, const ExpertOrder& order, std::size_t per_token, View sorted);
void dispatch_copy_backward(View dsorted, const ExpertOrder& order, std::size_t per_token, View dx);

/// y[token] = sum over its slots of weight * sorted row, + bias.
void combine(View sorted, const ExpertOrder& order, View weights, const float* bias, View y);
void combine_backward(View sorted, const ExpertOrder& order, View weights, View dy, View dsorted, View dweights,
                      float* dbias);

}  // namespace isoflop::sim
