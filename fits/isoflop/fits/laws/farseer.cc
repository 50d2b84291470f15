// L = e^(a3 N^gamma + b3) + e^(a2 N^beta + b2) D^(-e^(a1 N^alpha + b1)): the exponent of tokens depends on the size.
// Li et al. 2025 ("Predictable Scale: Part II, Farseer"), arXiv:2506.10972, equation 3.
#include "isoflop/fits/laws/autodiff_law.h"
#include "isoflop/fits/laws/laws.h"

namespace isoflop::fits {
namespace {

struct Formula {
  static constexpr std::size_t parameters = 9;
  template <typename T>
  static T value(const double* x, const T* p) {
    using std::exp;
    const double log_n = std::log(x[0]);
    const T exponent = exp(p[0] * exp(p[6] * log_n) + p[3]);
    return exp(p[2] * exp(p[8] * log_n) + p[5]) + exp(p[1] * exp(p[7] * log_n) + p[4] - exponent * std::log(x[1]));
  }
};

// Tokens per parameter of least loss among sizes between 1e7 and 1e12.
double best_ratio(const LossLaw& law, std::span<const double> p, double compute_flop) {
  double best = 0, least = 1e300;
  for (double log_n = std::log(1e7); log_n < std::log(3e10); log_n += 1e-3) {
    const double point[] = {std::exp(log_n), compute_flop / 6 / std::exp(log_n)};
    const double loss = law.value(point, p);
    if (loss < least) least = loss, best = point[1] / point[0];
  }
  return best;
}

SelfTest check(const LossLaw& law) {
  const auto p = constants_of(law, "farseer-illustration");
  return {"Li et al. 2025: the optimal tokens per parameter rise with compute (here from 1e21 to 1e23 FLOP, factor)",
          best_ratio(law, p, 1e23) / best_ratio(law, p, 1e21), 1.0, 100, Evidence::Transcription,
          ""};
}

LawFacts facts() {
  LawFacts f;
  f.id = "farseer";
  f.title = "Farseer: an exponent of tokens that depends on the size";
  f.formula = "L = e^(a3 N^gamma + b3) + e^(a2 N^beta + b2) D^(-e^(a1 N^alpha + b1))";
  f.output = "loss";
  f.output_unit = "the unit of the fitted losses (the paper uses bits per character)";
  f.citation = "Li et al. 2025, arXiv:2506.10972, equation 3 (form from a transcription)";
  f.counts = "N parameters without embeddings, D training tokens, C = 6ND";
  f.note = "No fitted constants could be found; the ones here illustrate the shape. plan and predict refuse them.";
  f.inputs = {{"N", "params", "parameters", "parameters without embeddings", 2e8, 6e9, true},
              {"D", "tokens", "tokens", "training tokens", 1e9, 5e11, true}};
  f.parameters = {{"a1", "", "size dependence of the exponent", -2, -0.01, false, Entry::Nonlinear},
                  {"a2", "", "size dependence of the token term", 10, 300, true, Entry::Nonlinear},
                  {"a3", "", "size dependence of the floor", -0.5, -0.002, false, Entry::Nonlinear},
                  {"b1", "", "offset of the exponent", -1, 2, false, Entry::Nonlinear},
                  {"b2", "", "offset of the token term", -15, 0, false, Entry::Nonlinear},
                  {"b3", "", "offset of the floor", -1, 1, false, Entry::Nonlinear},
                  {"alpha", "", "power of N in the exponent", 0.03, 0.3, true, Entry::Nonlinear},
                  {"beta", "", "power of N in the token term", -0.3, -0.03, false, Entry::Nonlinear},
                  {"gamma", "", "power of N in the floor", 0.05, 0.4, true, Entry::Nonlinear}};
  f.published = {{"farseer-illustration",
                  {-0.124, 88.01, -0.021, 0.424, -5.8287, 0.091, 0.123, -0.1, 0.169},
                  Evidence::Unverified,
                  "assumed: values of plausible size, not the paper's",
                  "Not for decisions.",
                  {},
                  {}}};
  f.no_planning = "the constants are an illustration: the fitted ones of the paper were not found";
  return f;
}

}  // namespace

const LossLaw& farseer() {
  static const AutodiffLaw<Formula> law(facts(), check);
  return law;
}

}  // namespace isoflop::fits
