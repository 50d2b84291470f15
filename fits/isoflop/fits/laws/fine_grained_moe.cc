// L = c + (g/G^gamma + a)/N^alpha + b/D^beta, G granularity (how many times finer the experts are cut).
// Krajewski et al. 2024, arXiv:2402.07871, equation 9; expansion rate 64.
#include "isoflop/fits/laws/autodiff_law.h"
#include "isoflop/fits/laws/laws.h"

namespace isoflop::fits {
namespace {

struct Formula {
  static constexpr std::size_t parameters = 7;
  template <typename T>
  static T value(const double* x, const T* p) {
    const T &c = p[0], &g = p[1], &a = p[2], &b = p[3], &gamma = p[4], &alpha = p[5], &beta = p[6];
    return c + (g * falling_power(x[2], gamma) + a) * falling_power(x[0], alpha) + b * falling_power(x[1], beta);
  }
};

// A block of width d holds 4 d^2 parameters of attention and 8 d^2 of feed-forward; the latter are expanded 64 times,
// and a token uses as many as the dense block has.
constexpr double dense_share = 12.0 / (4 + 8 * 64);

SelfTest check(const LossLaw& law) {
  // "64 x 1B": a 1B dense model with its feed-forward part expanded 64 times.
  const double plan[] = {1e9 / dense_share, 28.94e9, 16};
  return {"Krajewski et al. 2024, table 2: 64 x 1B, 28.94B tokens, granularity 16 give 2.491 (printed digits of the "
          "constants allow +-0.03)",
          law.value(plan, constants_of(law, "krajewski-moe")), 2.461, 2.521, Evidence::Unverified, ""};
}

LawFacts facts() {
  LawFacts f;
  f.id = "fine-grained-moe";
  f.title = "Fine-grained mixture of experts";
  f.formula = "L = c + (g/G^gamma + a)/N^alpha + b/D^beta";
  f.output = "loss";
  f.output_unit = "nats/token";
  f.citation = "Krajewski et al. 2024, arXiv:2402.07871, equation 9 and table 1";
  f.counts =
      "N all parameters of the experts and attention without embeddings, at expansion 64; D tokens; G granularity";
  f.note = "Two- and three-digit constants: absolute losses are good to about 0.03.";
  f.inputs = {{"N", "params", "parameters", "total parameters without embeddings, expansion 64", 1.29e8, 3.7e9, true},
              {"D", "tokens", "tokens", "training tokens", 1.6e10, 1.3e11, true},
              {"G", "granularity", "", "feed-forward size over expert size", 1, 16, true}};
  f.parameters = {
      {"c", "nats/token", "irreducible loss", 1e-2, 10, true, Entry::Linear},
      {"g", "nats/token", "what granularity can remove", 1e-3, 1e4, true, Entry::Linear},
      {"a", "nats/token", "size of the parameter term at infinite granularity", 1e-1, 1e6, true, Entry::Linear},
      {"b", "nats/token", "size of the token term", 1e-1, 1e6, true, Entry::Linear},
      {"gamma", "", "exponent of granularity", 0.05, 2, true, Entry::Nonlinear},
      {"alpha", "", "exponent of parameters", 0.02, 1.2, true, Entry::Nonlinear},
      {"beta", "", "exponent of tokens", 0.02, 1.2, true, Entry::Nonlinear}};
  f.published = {{"krajewski-moe", {0.47, 2.1, 18.1, 30.8, 0.58, 0.115, 0.147}, Evidence::Transcription,
                  "Krajewski et al. 2024, table 1, MoE", "", {}, {}}};
  f.active_share = [](std::span<const double>) { return dense_share; };
  return f;
}

}  // namespace

const LossLaw& fine_grained_moe() {
  static const AutodiffLaw<Formula> law(facts(), check);
  return law;
}

}  // namespace isoflop::fits
