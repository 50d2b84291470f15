#include "apps/catalogue/architecture_report.h"

#include <fmt/format.h>

#include <array>

#include "isoflop/model/conventions.h"
#include "isoflop/model/op_cost.h"
#include "isoflop/model/parameters.h"

namespace isoflop::app {
namespace {

constexpr std::array<Part, 12> all_parts = {Part::Embedding, Part::Position, Part::Attention,  Part::Mlp,
                                            Part::Expert,    Part::SharedExpert, Part::Router, Part::Norm,
                                            Part::Head,      Part::Prediction, Part::Residual, Part::Loss};

constexpr std::array<FlopConvention, 8> conventions = {
    FlopConvention::Exact, FlopConvention::ExactFull, FlopConvention::ExactNone, FlopConvention::SixN,
    FlopConvention::SixNMatmul, FlopConvention::Palm, FlopConvention::MegatronRecompute, FlopConvention::MegatronModel};

struct Shape {
  std::string operator()(const MatMul& o) const { return fmt::format("m {} n {} k {}", o.rows, o.columns, o.inner); }
  std::string operator()(const GroupedMatMul& o) const {
    return fmt::format("m {} n {} k {}, {} experts", o.rows, o.columns, o.inner, o.experts);
  }
  std::string operator()(const HeadMatMul& o) const {
    return fmt::format("{} x m {} n {} k {}", o.heads, o.rows, o.columns, o.inner);
  }
  std::string operator()(const AttentionCore& o) const {
    return fmt::format("{}/{} heads x {}/{}, {:.0f} pairs", o.heads, o.kv_heads, o.key_dim, o.value_dim, o.pairs());
  }
  std::string operator()(const Normalise& o) const { return fmt::format("{} x {}", o.rows * o.groups, o.width); }
  std::string operator()(const Activate& o) const { return fmt::format("{} x {}", o.rows, o.width); }
  std::string operator()(const Add& o) const { return fmt::format("{} x {} of {}", o.rows, o.width, o.operands); }
  std::string operator()(const Lookup& o) const {
    return fmt::format("{} of {} rows x {}", o.rows, o.table_rows, o.width);
  }
  std::string operator()(const Route& o) const {
    return fmt::format("{} of {} for {}", o.per_token, o.experts, o.rows);
  }
  std::string operator()(const CrossEntropy& o) const { return fmt::format("{} x {}", o.rows, o.vocabulary); }
  std::string operator()(const Rotate& o) const {
    return fmt::format("{} x {} heads x {}", o.rows, o.heads, o.rotated);
  }
  template <typename Other>
  std::string operator()(const Other& o) const { return fmt::format("{} x {}", o.rows, o.width); }
};

std::string shape_text(const Op& op) { return std::visit(Shape{}, op.detail); }

ReportTable parts_table(const ParameterCount& count, const std::array<double, 12>& flops) {
  ReportTable table{"By part", {{"part", "part", Align::Left}, {"parameters", "params_total", Align::Right, 15},
                                {"active per token", "params_active", Align::Right, 15},
                                {"forward FLOP per token", "flops_per_token_forward", Align::Right, 6}}, {}, ""};
  for (const Part part : all_parts) {
    const PartCount& p = count.of(part);
    const double f = flops[static_cast<std::size_t>(part)];
    if (p.total == 0 && f == 0) continue;
    table.rows.push_back({std::string(name_of(part)), p.total, p.active, f});
  }
  table.note =
      "parameters are sums over the tensors of the program, FLOP over its operations (matrix products, attention core "
      "over the pairs it computes; norms, activations and softmax not included)";
  return table;
}

ReportTable ops_table(const Program& program, double tokens) {
  ReportTable table{"Operations of one token's forward pass (mean over the pass; identical layers once)",
                    {{"operation", "operation", Align::Left}, {"kind", "kind", Align::Left}, {"layers", "layers"},
                     {"shape of the whole pass", "shape", Align::Left}, {"matmul FLOP", "matmul_flops"},
                     {"other FLOP", "vector_flops"}, {"elements moved", "elements"}},
                    {}, ""};
  for (const Op& op : program.ops) {
    const PassCost c = (1 / tokens) * cost(op, Pass::Forward);
    table.rows.push_back({op.name, std::string(kind_name(op)), op.times, shape_text(op), c.matmul_flops, c.vector_flops,
                          c.traffic.sum()});
  }
  return table;
}

}  // namespace

void add_architecture(Report& report, const Architecture& a, std::int64_t length) {
  const Program program = forward(a, Step::train(1, length), LayerListing::Distinct);
  const ParameterCount count = count_parameters(program);
  std::array<double, 12> flops_by_part{};
  double flops = 0;
  for (const Op& op : program.ops) {
    const double each =
        static_cast<double>(op.times) * cost(op, Pass::Forward).matmul_flops / static_cast<double>(length);
    flops_by_part[static_cast<std::size_t>(op.part)] += each;
    flops += each;
  }
  const std::int64_t kv = kv_elements_per_token(a);

  Value& result = report.result;
  result["params_total"] = count.total;
  result["params_active"] = count.active;
  result["params_active_without_embedding"] = count.active_without_embeddings;
  result["params_active_without_input_embedding"] = count.active_without_input_embedding;
  result["params_active_nonembedding"] = count.active_without_embeddings;
  result["kv_bytes_per_token"] = 2 * kv;
  result["kv_elements_per_token"] = kv;
  result["flops_per_token_forward"] = flops;
  result["flops_context_tokens"] = length;
  Value parts = Value::object(), part_flops = Value::object();
  for (const Part part : all_parts) {
    const auto i = static_cast<std::size_t>(part);
    const std::string key(name_of(part));
    if (count.by_part[i].total > 0)
      parts[key] = Value::object({{"total", count.by_part[i].total}, {"active", count.by_part[i].active}});
    if (flops_by_part[i] > 0) part_flops[key] = flops_by_part[i];
  }
  result["params_by_part"] = parts;
  result["flops_per_token_forward_by_part"] = part_flops;
  Value training = Value::object();
  for (const FlopConvention c : conventions) training[std::string(name_of(c))] = training_flops_per_token(a, length, c);
  result["training_flops_per_token"] = training;

  ReportTable table{"Size and cost",
                    {{"quantity", "quantity", Align::Left},
                     {"value", "value", Align::Right, 15},
                     {"unit", "unit", Align::Left},
                     {"convention", "convention", Align::Left}},
                    {},
                    ""};
  table.rows.push_back({std::string("parameters, total"), count.total, std::string(), std::string("every tensor")});
  table.rows.push_back({std::string("parameters, active per token"), count.active, std::string(),
                        std::string("both embeddings counted")});
  table.rows.push_back({std::string("active without input embedding"), count.active_without_input_embedding,
                        std::string(),
                        std::string(a.tied_embeddings ? "tied: the matrix stays, as the head" : "head counted")});
  table.rows.push_back({std::string("active without embeddings"), count.active_without_embeddings, std::string(),
                        std::string("neither input embedding nor head")});
  table.rows.push_back(
      {std::string("KV cache per token"), 2 * kv, std::string("byte"), std::string("bf16, windows not yet full")});
  table.rows.push_back({std::string("KV cache of one full sequence"), 2 * kv_elements(a, length), std::string("byte"),
                        fmt::format("bf16, {} tokens", length)});
  table.rows.push_back({std::string("forward FLOP per token"), flops, std::string("FLOP"),
                        fmt::format("mean over a causal pass of {} tokens", length)});
  report.tables.push_back(std::move(table));

  report.explanation.push_back(parts_table(count, flops_by_part));
  ReportTable named{"Training FLOP per token by convention",
                    {{"convention", "convention", Align::Left},
                     {"FLOP per token", "flops_per_token", Align::Right, 6},
                     {"formula", "formula", Align::Left}},
                    {},
                    ""};
  for (const FlopConvention c : conventions) {
    const auto value = training_flops_per_token(a, length, c);
    named.rows.push_back(
        {std::string(name_of(c)), value ? TableCell(*value) : TableCell(), std::string(formula_of(c))});
  }
  report.explanation.push_back(std::move(named));
  report.explanation.push_back(ops_table(program, static_cast<double>(length)));
  for (const std::string& note : a.notes) report.warnings.push_back(note);
}

}  // namespace isoflop::app
