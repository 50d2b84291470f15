#include "isoflop/sim/serving/pass_program.h"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

#include "isoflop/model/prediction_pass.h"

namespace isoflop::sim {
namespace {

Program listed(const Architecture& architecture, const Step& step, bool prediction) {
  return prediction ? prediction_pass(architecture, step) : forward(architecture, step, LayerListing::Distinct);
}

bool has_latent_attention(const Architecture& architecture) {
  return std::any_of(architecture.layers.begin(), architecture.layers.end(),
                     [](const Layer& layer) { return layer.attention.latent.has_value(); });
}

/// What follows each write to a latent cache up to the output product: [first, last) in the list, in its order.
std::vector<std::pair<std::size_t, std::size_t>> latent_cores(const Program& program) {
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  for (std::size_t at = 0; at < program.ops.size(); ++at) {
    if (!std::holds_alternative<CacheWrite>(program.ops[at].detail)) continue;
    std::size_t end = at + 1;
    const auto leads_out = [](const Op& op) {
      const auto* product = std::get_if<MatMul>(&op.detail);
      return product && product->split == Split::Rows;
    };
    while (end < program.ops.size() && !leads_out(program.ops[end])) ++end;
    // Grouped attention has nothing but its core there, and it counts segments apart already.
    if (end - at > 2) ranges.emplace_back(at + 1, end);
  }
  return ranges;
}

/// Appends operations of another list with the tensors they name.
void append(Program& to, const Program& from, std::pair<std::size_t, std::size_t> range) {
  const int shift = static_cast<int>(to.tensors.size());
  to.tensors.insert(to.tensors.end(), from.tensors.begin(), from.tensors.end());
  for (std::size_t at = range.first; at < range.second; ++at) {
    Op op = from.ops[at];
    for (auto* tensors : {&op.inputs, &op.weights, &op.outputs, &op.saved})
      for (int& tensor : *tensors) tensor += shift;
    to.ops.push_back(std::move(op));
  }
}

}  // namespace

Program pass_program(const Architecture& architecture, const Step& step, bool prediction) {
  Program whole = listed(architecture, step, prediction);
  if (!has_latent_attention(architecture)) return whole;
  Step decoding = step, pieces = step;
  decoding.segments.clear();
  pieces.segments.clear();
  for (const Segment& s : step.segments) (s.new_tokens == 1 ? decoding : pieces).segments.push_back(s);
  if (decoding.segments.empty() || pieces.segments.empty()) return whole;
  const Program absorbed = listed(architecture, decoding, prediction),
                expanded = listed(architecture, pieces, prediction);
  const auto in_whole = latent_cores(whole), in_absorbed = latent_cores(absorbed), in_expanded = latent_cores(expanded);
  Program result;
  result.step = step;
  result.tensors = whole.tensors;
  std::size_t at = 0;
  for (std::size_t i = 0; i < in_whole.size(); ++i) {
    for (; at < in_whole[i].first; ++at) result.ops.push_back(whole.ops[at]);
    append(result, absorbed, in_absorbed[i]);
    append(result, expanded, in_expanded[i]);
    at = in_whole[i].second;
  }
  for (; at < whole.ops.size(); ++at) result.ops.push_back(whole.ops[at]);
  return result;
}

}  // namespace isoflop::sim
