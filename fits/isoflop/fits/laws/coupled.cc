// L = E + (A/N^alpha + B/D^beta)^k: one exponent more than Chinchilla, which it contains at k = 1.
// Form: "Skaling" 2026, arXiv:2608.07222; also gamma in Busbridge et al. 2025, arXiv:2502.08606, and in the xLSTM code.
#include "isoflop/fits/chinchilla_law.h"
#include "isoflop/fits/laws/autodiff_law.h"
#include "isoflop/fits/laws/laws.h"

namespace isoflop::fits {
namespace {

struct Formula {
  static constexpr std::size_t parameters = 6;
  template <typename T>
  static T value(const double* x, const T* p) {
    using std::exp;
    using std::log;
    const T reducible = p[1] * falling_power(x[0], p[3]) + p[2] * falling_power(x[1], p[4]);
    return p[0] + exp(p[5] * log(reducible));
  }
};

SelfTest check(const LossLaw& law) {
  const auto p = constants_of(law, "coupled-chinchilla");
  return {
      "the exponent of N* on the Chinchilla runs is 0.5036 in the coupled form (reference fit, Huber 1e-3, 240 runs)",
      p[4] / (p[3] + p[4]),
      0.50355,
      0.50365,
      Evidence::Verified,
      ""};
}

LawFacts facts() {
  LawFacts f;
  f.id = "coupled";
  f.title = "Coupled power laws: Chinchilla with an exponent around the sum";
  f.formula = "L = E + (A/N^alpha + B/D^beta)^k";
  f.output = "loss";
  f.output_unit = "nats/token";
  f.citation = "arXiv:2608.07222 (form, from a transcription); Busbridge et al. 2025, arXiv:2502.08606";
  f.counts = "N all parameters, D training tokens seen once, C = 6ND";
  f.note = "k = 1 is Chinchilla. A and B are in nats^(1/k).";
  f.inputs = chinchilla().facts().inputs;
  f.parameters = {{"E", "nats/token", "loss of an infinite model on infinite data", 1e-2, 10, true, Entry::Linear},
                  {"A", "nats^(1/k)", "size of the parameter term", 1, 1e8, true, Entry::Nonlinear},
                  {"B", "nats^(1/k)", "size of the token term", 1, 1e8, true, Entry::Nonlinear},
                  {"alpha", "", "exponent of parameters inside the sum", 0.05, 1.2, false, Entry::Nonlinear},
                  {"beta", "", "exponent of tokens inside the sum", 0.05, 1.2, false, Entry::Nonlinear},
                  {"k", "", "exponent around the sum", 0.2, 3, true, Entry::Nonlinear}};
  f.published = {{"coupled-chinchilla",
                  {1.7571364302, 2305.0292183, 9957.2754041, 0.42435921693, 0.43052717359, 0.77414377776},
                  Evidence::Verified,
                  "fitted to the Chinchilla runs (240 of 245, Huber 1e-3 on log loss)",
                  "",
                  {},
                  chinchilla().facts().published.front().range}};
  return f;
}

}  // namespace

const LossLaw& coupled() {
  static const AutodiffLaw<Formula> law(facts(), check);
  return law;
}

}  // namespace isoflop::fits
