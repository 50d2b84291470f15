#include "isoflop/model/conventions.h"

#include <array>

#include "isoflop/model/op_cost.h"
#include "isoflop/model/parameters.h"

namespace isoflop {
namespace {

struct Named {
  FlopConvention convention;
  std::string_view name, formula;
};
constexpr std::array<Named, 8> all_conventions = {{
    {FlopConvention::Exact, "exact", "3 x forward matrix products, causal pairs"},
    {FlopConvention::ExactFull, "exact-full", "3 x forward matrix products, all S^2 pairs"},
    {FlopConvention::ExactNone, "exact-none", "3 x forward matrix products, no attention core"},
    {FlopConvention::SixN, "6nd", "6 N, both embeddings counted"},
    {FlopConvention::SixNMatmul, "6nd-matmul", "6 N without the input embedding"},
    {FlopConvention::Palm, "palm", "6 N + 12 L h e S"},
    {FlopConvention::MegatronRecompute, "megatron", "96 L d^2 (1 + S/6d + V/16Ld), full recomputation"},
    {FlopConvention::MegatronModel, "megatron-model", "72 L d^2 (1 + S/6d + V/12Ld)"},
}};

// The block that Narayanan et al. write their formula for; V is what it is stored as.
bool is_megatron_gpt(const Architecture& a) {
  for (const Layer& layer : a.layers) {
    const Attention& at = layer.attention;
    if (at.latent || at.query_experts || at.heads != at.kv_heads || at.heads * at.head_dim != a.width) return false;
    if (!layer.mlp || layer.experts || layer.mlp->gated || layer.mlp->width != 4 * a.width) return false;
  }
  return a.prediction_layers.empty() && a.embedding_width == 0;
}

}  // namespace

double forward_flops_per_token(const Architecture& architecture, std::int64_t length, AttentionCounting counting) {
  Step step = Step::train(1, length);
  step.causal = counting != AttentionCounting::Full;
  const Program program = forward(architecture, step, LayerListing::Distinct);
  double flops = 0;
  for (const Op& op : program.ops) {
    if (counting == AttentionCounting::None && std::holds_alternative<AttentionCore>(op.detail)) continue;
    flops += static_cast<double>(op.times) * cost(op, Pass::Forward).matmul_flops;
  }
  return flops / static_cast<double>(length);
}

std::optional<double> training_flops_per_token(const Architecture& a, std::int64_t length, FlopConvention convention) {
  const auto d = static_cast<double>(a.width), v = static_cast<double>(a.vocabulary), s = static_cast<double>(length);
  const auto layers = static_cast<double>(a.layers.size());
  switch (convention) {
    case FlopConvention::Exact: return 3 * forward_flops_per_token(a, length, AttentionCounting::Causal);
    case FlopConvention::ExactFull: return 3 * forward_flops_per_token(a, length, AttentionCounting::Full);
    case FlopConvention::ExactNone: return 3 * forward_flops_per_token(a, length, AttentionCounting::None);
    case FlopConvention::SixN: return 6 * static_cast<double>(count_parameters(a).active);
    case FlopConvention::SixNMatmul: return 6 * static_cast<double>(count_parameters(a).active_without_input_embedding);
    case FlopConvention::Palm: {
      double attention = 0;
      for (const Layer& layer : a.layers) {
        const Attention& at = layer.attention;
        const std::int64_t width =
            at.latent ? at.latent->nope_dim + at.latent->rope_dim + at.latent->value_dim : 2 * at.head_dim;
        attention += 6 * static_cast<double>(at.heads * width) * s;
      }
      return 6 * static_cast<double>(count_parameters(a).active_without_input_embedding) + attention;
    }
    case FlopConvention::MegatronRecompute:
      if (!is_megatron_gpt(a)) return std::nullopt;
      return 96 * layers * d * d * (1 + s / (6 * d) + v / (16 * layers * d));
    case FlopConvention::MegatronModel:
      if (!is_megatron_gpt(a)) return std::nullopt;
      return 72 * layers * d * d * (1 + s / (6 * d) + v / (12 * layers * d));
  }
  return std::nullopt;
}

std::string_view name_of(FlopConvention convention) {
  for (const Named& n : all_conventions)
    if (n.convention == convention) return n.name;
  return "";
}

std::string_view formula_of(FlopConvention convention) {
  for (const Named& n : all_conventions)
    if (n.convention == convention) return n.formula;
  return "";
}

std::optional<FlopConvention> flop_convention_named(std::string_view word) {
  for (const Named& n : all_conventions)
    if (n.name == word) return n.convention;
  return std::nullopt;
}

double model_flop_utilisation(double tokens_per_s_per_device, double flops_per_token, double peak_flop_per_s) {
  return tokens_per_s_per_device * flops_per_token / peak_flop_per_s;
}

}  // namespace isoflop
