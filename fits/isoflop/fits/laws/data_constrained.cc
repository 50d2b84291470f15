// Repeated data and excess parameters lose value exponentially. Muennighoff et al. 2023, arXiv:2305.16264, section 3:
//   L = E + A/N'^alpha + B/D'^beta,  D' = U + U R_D* (1 - exp(-R_D/R_D*)),  R_D = max(D/U - 1, 0), U unique tokens,
//   N' likewise with U_N = min(N, optimal N for U) and R_N = N/U_N - 1.
#include "isoflop/fits/chinchilla_law.h"
#include "isoflop/fits/laws/autodiff_law.h"
#include "isoflop/fits/laws/laws.h"

namespace isoflop::fits {
namespace {

struct Formula {
  static constexpr std::size_t parameters = 7;
  template <typename T>
  static T worth(const T& unique, const T& repeats, const T& half_life) {
    using std::exp;
    return unique + unique * half_life * (T(1.0) - exp(-repeats / half_life));
  }
  template <typename T>
  static T value(const double* x, const T* p) {
    using std::exp;
    using std::log;
    const T &E = p[0], &A = p[1], &B = p[2], &alpha = p[3], &beta = p[4], &data_life = p[5], &parameter_life = p[6];
    const double params = x[0], tokens = x[1], unique = std::min(x[2], tokens);
    // Least loss for U tokens: N = G (D G)^(beta/alpha), where G = (alpha A / (beta B))^(1/(alpha + beta)).
    const T log_G = log(alpha * A / (beta * B)) / (alpha + beta);
    const T optimal = exp(log_G + beta / alpha * (std::log(unique) + log_G));
    const T base = optimal < T(params) ? optimal : T(params);
    const T repeated_params = T(params) / base - T(1.0);
    const T effective_params = worth(base, repeated_params, parameter_life);
    const T effective_tokens = worth(T(unique), T(tokens / unique - 1), data_life);
    return E + A * exp(-alpha * log(effective_params)) + B * exp(-beta * log(effective_tokens));
  }
};

SelfTest check(const LossLaw& law) {
  const auto p = constants_of(law, "muennighoff");
  const ChinchillaLaw form{p[0], p[1], p[2], p[3], p[4]};
  const auto optimum = form.optimum(1e21);
  return {"Muennighoff et al. 2023: with unlimited data about 20 tokens per parameter are optimal at every budget",
          optimum.tokens / optimum.params, 19.5, 20.5, Evidence::Verified, ""};
}

LawFacts facts() {
  LawFacts f;
  f.id = "data-constrained";
  f.title = "Data-constrained: repeated tokens and excess parameters decay in value";
  f.formula = "L = E + A/N'^alpha + B/D'^beta; D' = U (1 + R_D* (1 - exp(-(D/U - 1)/R_D*))); N' likewise";
  f.output = "loss";
  f.output_unit = "nats/token";
  f.citation = "Muennighoff et al. 2023, arXiv:2305.16264; constants: huggingface/datablations README";
  f.counts = "N all parameters, D training tokens counting every repetition, U unique tokens, C = 6ND";
  f.note = "Fitted on C4; the loss saturates but never rises with repetition.";
  f.inputs = {{"N", "params", "parameters", "all parameters", 7e6, 9e9, true},
              {"D", "tokens", "tokens", "training tokens, repetitions counted", 1e8, 1e12, true},
              {"U", "unique_tokens", "tokens", "distinct training tokens", 1e8, 2e11, true}};
  f.parameters = {
      {"E", "nats/token", "loss of an infinite model on infinite data", 1e-2, 10, true, Entry::Linear},
      {"A", "nats/token", "size of the parameter term", 1, 1e7, true, Entry::Linear},
      {"B", "nats/token", "size of the token term", 1, 1e7, true, Entry::Linear},
      {"alpha", "", "exponent of parameters", 0.1, 1, true, Entry::Nonlinear},
      {"beta", "", "exponent of tokens", 0.1, 1, true, Entry::Nonlinear},
      {"R_D", "repetitions", "repetitions after which a repeated token is worth 1/e", 1, 100, true, Entry::Nonlinear},
      {"R_N", "", "excess after which a further parameter is worth 1/e", 1, 100, true, Entry::Nonlinear}};
  f.published = {
      {"muennighoff",
       {std::exp(0.6254804), std::exp(6.255414), std::exp(7.3049974), 0.3526596, 0.3526596, 15.387756, 5.309743},
       Evidence::Verified,
       "huggingface/datablations README; Muennighoff et al. 2023, appendix A",
       "alpha = beta was imposed.",
       {},
       {}}};
  return f;
}

}  // namespace

const LossLaw& data_constrained() {
  static const AutodiffLaw<Formula> law(facts(), check);
  return law;
}

}  // namespace isoflop::fits
