// Mixture of experts of forward(): router, dispatch, grouped products, weighted sum, shared experts.
#include "isoflop/model/forward.h"

namespace isoflop::wiring {

Builder::Routed Builder::route(const std::string& name, int x, const MixtureOfExperts& m) {
  const std::int64_t rows = rows_of(x), d = width_of(x);
  const bool selection_bias = m.router_bias && m.score == RouterScore::Sigmoid;
  const int logits = matmul(name, Part::Router, x, m.experts, m.router_bias && !selection_bias, Split::None);
  std::vector<int> weights;
  if (selection_bias) weights.push_back(weight(name + " bias", Part::Router, {m.experts}));
  const int scale = activation(name + " weights", rows, m.per_token);
  const int chosen = tensor(name + " chosen", TensorKind::Selection, Part::Router, {rows, m.per_token});
  op(name + " choice", Part::Router, Route{rows, m.experts, m.per_token, m.score, selection_bias}, {logits},
     std::move(weights), {scale, chosen}, {logits, scale, chosen});
  const int sorted = activation(name + " sorted", rows * m.per_token, d);
  op(name + " dispatch", Part::Router, Dispatch{rows, m.per_token, d, Deal::Copy}, {x, chosen}, {}, {sorted}, {});
  return {scale, chosen, sorted};
}

std::vector<int> Builder::grouped(const std::string& name, int x, int chosen,
                                  const std::vector<std::pair<std::string, std::int64_t>>& outputs,
                                  std::int64_t experts, std::int64_t per_token, bool bias, Split split) {
  const std::int64_t rows = rows_of(x), inner = width_of(x);
  std::int64_t columns = 0;
  for (const auto& output : outputs) columns += output.second;
  std::vector<int> weights = {weight(name + " weight", Part::Expert, {experts, columns, inner}, experts, per_token)};
  if (bias) weights.push_back(weight(name + " bias", Part::Expert, {experts, columns}, experts, per_token));
  std::vector<int> results;
  for (const auto& [output, width] : outputs) results.push_back(activation(output, rows, width));
  const double touched =
      expected_distinct_experts(experts, per_token, static_cast<double>(step.tokens()), step.routing);
  op(name, Part::Expert, GroupedMatMul{rows, columns, inner, experts, per_token, bias, split, touched}, {x, chosen},
     std::move(weights), results, {x});
  return results;
}

int Builder::combine(const std::string& name, Part part, int x, const Routed& routed, std::int64_t per_token,
                     bool bias) {
  const std::int64_t rows = rows_of(x) / per_token, d = width_of(x);
  std::vector<int> weights;
  if (bias) weights.push_back(weight(name + " bias", part, {d}));
  const int y = activation(name, rows, d);
  op(name, part, Combine{rows, per_token, d, bias}, {x, routed.weights, routed.chosen}, std::move(weights), {y}, {x});
  return y;
}

int Builder::mixture(int x, const MixtureOfExperts& m) {
  const std::int64_t rows = rows_of(x), d = architecture.width, f = m.expert.width;
  const Routed routed = route("router", x, m);
  std::vector<std::pair<std::string, std::int64_t>> wide = {{"expert up", f}};
  if (m.expert.gated) wide.insert(wide.begin(), {"expert gate", f});
  const auto up =
      grouped("expert up", routed.rows, routed.chosen, wide, m.experts, m.per_token, m.expert.bias, Split::Columns);
  const int active = activation("expert activation", rows * m.per_token, f);
  op("expert activation", Part::Expert, Activate{rows * m.per_token, f, m.expert.activation, m.expert.gated}, up, {},
     {active}, up);
  const int down = grouped("expert down", active, routed.chosen, {{"expert down", d}}, m.experts, m.per_token,
                           m.expert.bias, Split::Rows)
                       .front();
  const int sum = combine("expert combine", Part::Expert, down, routed, m.per_token, m.output_bias);
  if (m.shared_width <= 0) return sum;
  Mlp shared = m.expert;
  shared.width = m.shared_width;
  shared.bias = false;
  int common = mlp("shared expert", Part::SharedExpert, x, shared);
  if (m.shared_gate) {
    const int gate = matmul("shared expert gate", Part::SharedExpert, x, 1, false, Split::None);
    const int scaled = activation("shared expert scaled", rows, d);
    op("shared expert scale", Part::SharedExpert, GateScale{rows, d}, {common, gate}, {}, {scaled}, {common, gate});
    common = scaled;
  }
  return add("expert sum", {sum, common});
}

}  // namespace isoflop::wiring
