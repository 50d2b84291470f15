// L_u = -E + A1/N_nv^a1 + A2/N_v^a2 + B/D^b: loss relative to a unigram model, which does not depend on the tokenizer.
// Tao et al. 2024, arXiv:2407.13623; constants and units from sail-sg/scaling-with-vocab, optimal_Nv_predict.py.
#include "isoflop/fits/laws/autodiff_law.h"
#include "isoflop/fits/laws/laws.h"

namespace isoflop::fits {
namespace {

struct Formula {
  static constexpr std::size_t parameters = 7;
  template <typename T>
  static T value(const double* x, const T* p) {
    return -p[0] + p[1] * falling_power(x[0] / 1e6, p[4]) + p[2] * falling_power(x[1] / 1e6, p[5]) +
           p[3] * falling_power(x[2] / 1e9, p[6]);
  }
};

SelfTest check(const LossLaw& law) {
  // Their script: N_nv = 7e9, width 4096, budget (N_nv / e^-2.48465)^2 FLOP, least loss over the vocabulary size.
  const auto p = constants_of(law, "tao");
  const double params = 7e9, width = 4096;
  const double compute = std::pow(params / std::exp(-2.4846510161625193), 2);
  double best = 0, least = 1e300;
  for (double size = 1000; size < 300000; size += 10) {
    const double embedding = size * width;
    const double point[] = {params, embedding, compute / (6 * (params + embedding))};
    const double loss = law.value(point, p);
    if (loss < least) least = loss, best = size;
  }
  return {"Tao et al. 2024, table 1, approach 3: a 7B model (width 4096) wants a vocabulary of 60K", best, 59500, 60500,
          Evidence::Unverified, ""};
}

LawFacts facts() {
  LawFacts f;
  f.id = "vocabulary";
  f.title = "Vocabulary: embedding parameters as an input of their own";
  f.formula = "L_u = -E + A1/(N_nv/1e6)^alpha1 + A2/(N_v/1e6)^alpha2 + B/(D/1e9)^beta";
  f.output = "unigram-normalised loss";
  f.output_unit = "nats/token below a unigram model (negative is better)";
  f.citation = "Tao et al. 2024, arXiv:2407.13623; sail-sg/scaling-with-vocab@8a59af1";
  f.counts = "N_nv parameters outside the embedding, N_v vocabulary times width, D training data, C = 6(N_nv + N_v)D";
  f.note =
      "Not comparable with losses in nats per token. The authors' script puts C/6N in place of characters; so do we.";
  f.inputs = {{"N_nv", "params_without_vocabulary", "parameters", "parameters outside the embedding", 3.3e7, 3e9, true},
              {"N_v", "vocabulary_params", "parameters", "vocabulary size times width", 2e6, 3e8, true},
              {"D", "tokens", "tokens", "training data", 5e8, 5e11, true}};
  f.parameters = {{"E", "nats/token", "gain over the unigram model at infinite scale", 1e-1, 100, true, Entry::Linear},
                  {"A1", "nats/token", "size of the parameter term, N in millions", 1e-2, 100, true, Entry::Linear},
                  {"A2", "nats/token", "size of the embedding term, N_v in millions", 1e-3, 100, true, Entry::Linear},
                  {"B", "nats/token", "size of the data term, D in billions", 1e-2, 100, true, Entry::Linear},
                  {"alpha1", "", "exponent of parameters", 0.05, 1.5, false, Entry::Nonlinear},
                  {"alpha2", "", "exponent of embedding parameters", 0.05, 1.5, false, Entry::Nonlinear},
                  {"beta", "", "exponent of data", 0.05, 1.5, false, Entry::Nonlinear}};
  f.published = {{"tao",
                  {5.5327846803337435, 1.8313851559554126, 0.19584238398665638, 2.1241123120064955, 0.44660634152009615,
                   0.6707374679896795, 0.44660634152009615},
                  Evidence::Verified,
                  "sail-sg/scaling-with-vocab@8a59af1:optimal_Nv_predict.py",
                  "alpha1 = beta was imposed.",
                  {},
                  {}}};
  f.positive_output = false;
  return f;
}

}  // namespace

const LossLaw& vocabulary() {
  static const AutodiffLaw<Formula> law(facts(), check);
  return law;
}

}  // namespace isoflop::fits
