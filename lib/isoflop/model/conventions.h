// Named ways of counting the FLOP of training, beside the exact count, so that every published MFU can be restated.
// An MFU without its convention is not comparable: on long sequences these differ by more than a factor of two.
#pragma once
#include <optional>
#include <string_view>

#include "isoflop/model/architecture.h"

namespace isoflop {

/// How many (query, key) pairs of a training sequence count.
enum class AttentionCounting { None, Full, Causal };

enum class FlopConvention {  ///< Formulas of training FLOP, by name.
  Exact,          ///< 3 x the matrix products of the forward pass, attention over the pairs it computes
  ExactFull,      ///< the same with attention over all S^2 pairs (llm-foundry, MaxText before July 2025)
  ExactNone,      ///< the same without the attention core
  SixN,           ///< 6 N, N = active parameters with both embeddings (Kaplan et al. 2020)
  SixNMatmul,     ///< 6 N without the input embedding
  Palm,           ///< 6 N + 12 L h e S, N without the input embedding (PaLM, arXiv:2204.02311, appendix B)
  MegatronRecompute,  ///< Narayanan et al. 2021, eq. 3: 96 S L d^2 (1 + S/6d + V/16Ld) per sequence: full recomputation
  MegatronModel,  ///< the same without recomputation: 72 S L d^2 (1 + S/6d + V/12Ld)
};

/// Training FLOP per token at that sequence length. The Megatron formulas hold for its GPT block only: nothing when the
/// architecture differs (MLP other than plain and 4 d wide, grouped heads, experts, varying layers).
std::optional<double> training_flops_per_token(const Architecture& architecture, std::int64_t length,
                                               FlopConvention convention);

/// Forward FLOP of the matrix products per token, mean over a causal pass of `length` tokens, logits at all of them.
double forward_flops_per_token(const Architecture& architecture, std::int64_t length, AttentionCounting counting);

std::string_view name_of(FlopConvention convention);  ///< "palm", as on the command line.
std::string_view formula_of(FlopConvention convention);  ///< The formula as text.
/// By name ("exact", "6nd", "palm", ...); nothing for other words.
std::optional<FlopConvention> flop_convention_named(std::string_view word);

/// Model FLOP utilisation: what a device does usefully over what its data sheet allows.
double model_flop_utilisation(double tokens_per_s_per_device, double flops_per_token, double peak_flop_per_s);

}  // namespace isoflop
