// Training in few bits costs effective parameters. Kumar et al. 2024, arXiv:2411.04330, equations 3 and 4:
//   L = E + A/N_eff^alpha + B/D^beta,  N_eff = N (1 - e^(-P_w/g_w)) (1 - e^(-P_a/g_a)) (1 - e^(-P_kv/g_kv)).
#include "isoflop/fits/laws/autodiff_law.h"
#include "isoflop/fits/laws/laws.h"

namespace isoflop::fits {
namespace {

struct Formula {
  static constexpr std::size_t parameters = 8;
  template <typename T>
  static T value(const double* x, const T* p) {
    using std::exp;
    using std::log;
    T log_share(0.0);
    for (int i = 0; i < 3; ++i) log_share += log(T(1.0) - exp(T(-x[2 + i]) / p[5 + i]));
    return p[0] + p[1] * exp(-p[3] * (log_share + std::log(x[0]))) + p[2] * falling_power(x[1], p[4]);
  }
};

// With cost proportional to N D P and alpha = beta, the best precision maximises (share of parameters kept) / P.
double best_bits(std::span<const double> p) {
  double best = 0, most = 0;
  for (int i = 100; i <= 1600; ++i) {
    const double bits = i / 100.0;
    double kept = 1;
    for (std::size_t j = 5; j < 8; ++j) kept *= 1 - std::exp(-bits / p[j]);
    if (kept / bits > most) most = kept / bits, best = bits;
  }
  return best;
}

SelfTest check(const LossLaw& law) {
  return {"Kumar et al. 2024: with cost proportional to N D P the optimal training precision is 7 to 8 bits",
          best_bits(constants_of(law, "kumar")),
          6.5,
          8.5,
          Evidence::Transcription,
          "These constants give about 3.5 bits: they cannot be the ones behind the paper's statement. Use them for the "
          "shape "
          "of the law only."};
}

LawFacts facts() {
  LawFacts f;
  f.id = "precision";
  f.title = "Precision: bits of weights, activations and cache as effective parameters";
  f.formula = "L = E + A/N_eff^alpha + B/D^beta, N_eff = N (1-e^(-P_w/g_w)) (1-e^(-P_a/g_a)) (1-e^(-P_kv/g_kv))";
  f.output = "loss";
  f.output_unit = "nats/token";
  f.citation = "Kumar et al. 2024, arXiv:2411.04330, equations 3 and 4";
  f.counts =
      "N all parameters, D tokens, P bits of each number while training; quantisation after training is not modelled";
  f.note =
      "The constants come from two sets of course notes and fail the paper's own prediction; fitting your own is safe.";
  f.inputs = {{"N", "params", "parameters", "all parameters", 3e7, 1.7e9, true},
              {"D", "tokens", "tokens", "training tokens", 1.5e9, 2.6e10, true},
              {"P_w", "weight_bits", "bit", "bits of a weight", 3, 16, false},
              {"P_a", "activation_bits", "bit", "bits of an activation", 3, 16, false},
              {"P_kv", "cache_bits", "bit", "bits of a key or value", 3, 16, false}};
  f.parameters = {
      {"E", "nats/token", "irreducible loss", 1e-2, 10, true, Entry::Linear},
      {"A", "nats/token", "size of the parameter term", 1, 1e8, true, Entry::Linear},
      {"B", "nats/token", "size of the token term", 1, 1e8, true, Entry::Linear},
      {"alpha", "", "exponent of effective parameters", 0.05, 1.2, false, Entry::Nonlinear},
      {"beta", "", "exponent of tokens", 0.05, 1.2, false, Entry::Nonlinear},
      {"g_w", "bit", "bits of a weight that keep 1 - 1/e of the parameters", 0.3, 10, true, Entry::Nonlinear},
      {"g_a", "bit", "the same for activations", 0.3, 10, true, Entry::Nonlinear},
      {"g_kv", "bit", "the same for keys and values", 0.3, 10, true, Entry::Nonlinear}};
  f.published = {{"kumar", {2.7648, 4299, 1.806e4, 0.4965, 0.4965, 2.6745, 2.2102, 0.9578}, Evidence::Unverified,
                  "Kumar et al. 2024, by way of course notes; B and E from no checkable source",
                  "alpha = beta was imposed. Fails its self-test.", {}, {}}};
  return f;
}

}  // namespace

const LossLaw& precision() {
  static const AutodiffLaw<Formula> law(facts(), check);
  return law;
}

}  // namespace isoflop::fits
