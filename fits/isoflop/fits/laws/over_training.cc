// L = E + (a M^eta + b M^-eta) C^-eta with M = D/N, C = 6ND. Gadre et al. 2024, arXiv:2403.08540: Chinchilla with
// alpha = beta = 2 eta, written so that training longer at fixed M moves along a line in log C.
#include "isoflop/fits/laws/autodiff_law.h"
#include "isoflop/fits/laws/laws.h"

namespace isoflop::fits {
namespace {

struct Formula {
  static constexpr std::size_t parameters = 4;
  template <typename T>
  static T value(const double* x, const T* p) {
    using std::exp;
    const double log_m = std::log(x[1] / x[0]), log_c = std::log(6 * x[0] * x[1]);
    return p[0] + p[1] * exp(p[3] * (log_m - log_c)) + p[2] * exp(p[3] * (-log_m - log_c));
  }
};

SelfTest check(const LossLaw& law) {
  // The run: mlfoundations/scaling, exp_data/models/rpj-open_lm_1b-32.0.json: 1439795200 parameters, 921468928000
  // tokens, loss 2.50205 on C4 validation.
  const double run[] = {1439795200, 921468928000};
  return {"Gadre et al. 2024, figure 1: the 1.4B model trained on 900B RedPajama tokens is predicted with 0.7 % error",
          law.value(run, constants_of(law, "gadre-redpajama")) / 2.502053562117363 - 1,
          0.0065,
          0.0075,
          Evidence::Verified,
          ""};
}

LawFacts facts() {
  LawFacts f;
  f.id = "over-training";
  f.title = "Over-training: loss by compute and tokens per parameter";
  f.formula = "L = E + (a M^eta + b M^-eta) C^-eta, M = D/N, C = 6ND";
  f.output = "loss";
  f.output_unit = "nats/token";
  f.citation = "Gadre et al. 2024, arXiv:2403.08540; constants by re-running mlfoundations/scaling";
  f.counts = "N all parameters, D training tokens seen once, loss on C4 validation";
  f.note = "Five runs for four parameters: one degree of freedom.";
  f.inputs = {{"N", "params", "parameters", "all parameters", 1e7, 7e9, true},
              {"D", "tokens", "tokens", "training tokens", 1e8, 1e12, true}};
  f.parameters = {{"E", "nats/token", "loss of an infinite model on infinite data", 1e-2, 10, true, Entry::Linear},
                  {"a", "nats/token FLOP^eta", "size of the parameter term", 1, 1e7, true, Entry::Linear},
                  {"b", "nats/token FLOP^eta", "size of the token term", 1, 1e7, true, Entry::Linear},
                  {"eta", "", "exponent of compute", 0.01, 0.6, false, Entry::Nonlinear}};
  const std::string source = "Gadre et al. 2024, re-run of mlfoundations/scaling";
  f.published = {
      {"gadre-refinedweb", {1.7345, 157.12, 246.21, 0.1272}, Evidence::Verified, source + ", RefinedWeb", "", {}, {}},
      {"gadre-c4", {1.5083, 141.28, 189.52, 0.1212}, Evidence::Verified, source + ", C4", "", {}, {}},
      {"gadre-redpajama", {1.8367, 212.24, 366.69, 0.1364}, Evidence::Verified, source + ", RedPajama", "", {}, {}}};
  return f;
}

}  // namespace

const LossLaw& over_training() {
  static const AutodiffLaw<Formula> law(facts(), check);
  return law;
}

}  // namespace isoflop::fits
