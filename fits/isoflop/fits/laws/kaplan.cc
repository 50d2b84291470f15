// L = ((N_c/N)^(alpha_N/alpha_D) + D_c/D)^alpha_D. Kaplan et al. 2020, arXiv:2001.08361, equation 1.5.
#include "isoflop/fits/laws/autodiff_law.h"
#include "isoflop/fits/laws/laws.h"

namespace isoflop::fits {
namespace {

struct Formula {
  static constexpr std::size_t parameters = 4;
  template <typename T>
  static T value(const double* x, const T* p) {
    using std::exp;
    using std::log;
    const T by_size = exp(p[0] / p[1] * (log(p[2]) - std::log(x[0])));
    return exp(p[1] * log(by_size + p[3] / x[1]));
  }
};

SelfTest check(const LossLaw& law) {
  const auto p = constants_of(law, "kaplan");
  const double params = 1e9;
  const double tokens = 5e3 * std::pow(params, 0.74);
  const double limited[] = {params, tokens}, unlimited[] = {params, 1e300};
  return {
      "Kaplan et al. 2020, section 4: D = 5e3 N^0.74 tokens keep the loss within about 0.02 (2 %) of its infinite-data "
      "value",
      law.value(limited, p) / law.value(unlimited, p) - 1,
      0.015,
      0.025,
      Evidence::Transcription,
      ""};
}

LawFacts facts() {
  LawFacts f;
  f.id = "kaplan";
  f.title = "Kaplan: one power of a sum, without a floor";
  f.formula = "L = ((N_c/N)^(alpha_N/alpha_D) + D_c/D)^alpha_D";
  f.output = "loss";
  f.output_unit = "nats/token";
  f.citation = "Kaplan et al. 2020, arXiv:2001.08361, equation 1.5 and table 2";
  f.counts = "N without embeddings, D training tokens, C = 6ND";
  f.note =
      "No irreducible loss, so it must fail at large scale. Fitted to runs with one learning-rate schedule and early "
      "stopping; its optimal allocation (N ~ C^0.73) was superseded by Hoffmann et al. 2022.";
  f.inputs = {{"N", "params", "parameters", "parameters without embeddings", 1e3, 1e10, true},
              {"D", "tokens", "tokens", "training tokens", 2e7, 3e10, true}};
  f.parameters = {{"alpha_N", "", "exponent of parameters", 0.02, 0.6, true, Entry::Nonlinear},
                  {"alpha_D", "", "exponent of tokens", 0.02, 0.6, true, Entry::Nonlinear},
                  {"N_c", "parameters", "scale of parameters", 1e8, 1e16, true, Entry::Nonlinear},
                  {"D_c", "tokens", "scale of tokens", 1e8, 1e16, true, Entry::Nonlinear}};
  f.published = {{"kaplan", {0.076, 0.103, 6.4e13, 1.8e13}, Evidence::Transcription,
                  "Kaplan et al. 2020, table 2 (joint fit)", "Rounded as printed.", {}, {}},
                 {"kaplan-separate", {0.076, 0.095, 8.8e13, 5.4e13}, Evidence::Transcription,
                  "Kaplan et al. 2020, equations 1.1 and 1.2 (one variable at a time)",
                  "Two separate fits put into the joint form.", {}, {}}};
  return f;
}

}  // namespace

const LossLaw& kaplan() {
  static const AutodiffLaw<Formula> law(facts(), check);
  return law;
}

}  // namespace isoflop::fits
