// L = E + A/N^alpha + B/D^beta. Hoffmann et al. 2022, arXiv:2203.15556, approach 3; refitted by Besiroglu et al. 2024.
#include "isoflop/fits/chinchilla_law.h"
#include "isoflop/fits/laws/autodiff_law.h"
#include "isoflop/fits/laws/laws.h"

namespace isoflop::fits {
namespace {

struct Formula {
  static constexpr std::size_t parameters = 5;
  template <typename T>
  static T value(const double* x, const T* p) {
    return p[0] + p[1] * falling_power(x[0], p[3]) + p[2] * falling_power(x[1], p[4]);
  }
};

SelfTest check(const LossLaw& law) {
  const auto p = constants_of(law, "hoffmann");
  const ChinchillaLaw form{p[0], p[1], p[2], p[3], p[4]};
  return {"Hoffmann et al. 2022 print the exponent of N* as 0.46 (rounded constants give 0.452)",
          form.exponent_a(),
          0.455,
          0.465,
          Evidence::Verified,
          ""};
}

// The runs behind figure 4 of the paper, as read off by Epoch.
const FittedRange figure_runs = {1.4e18, 1.3e22, 5.7e7, 1.62e10, 2.4e8, 3.2e11};

LawFacts facts() {
  LawFacts f;
  f.id = "chinchilla";
  f.title = "Chinchilla: additive power laws in parameters and tokens";
  f.formula = "L = E + A/N^alpha + B/D^beta";
  f.output = "loss";
  f.output_unit = "nats/token";
  f.citation = "Hoffmann et al. 2022, arXiv:2203.15556; refit: Besiroglu et al. 2024, arXiv:2404.10102";
  f.counts = "N all parameters including embeddings, D training tokens seen once, C = 6ND";
  f.note =
      "A one-parameter extension (coupled) fits the same runs better; the exponent a drifts with the compute range.";
  f.inputs = {{"N", "params", "parameters", "all parameters, embeddings included", 4e7, 2e10, true},
              {"D", "tokens", "tokens", "training tokens, each seen once", 1e8, 2e12, true}};
  f.parameters = {{"E", "nats/token", "loss of an infinite model on infinite data", 1e-2, 10, true, Entry::Linear},
                  {"A", "nats/token", "size of the term that more parameters remove", 1, 1e7, true, Entry::Linear},
                  {"B", "nats/token", "size of the term that more tokens remove", 1, 1e7, true, Entry::Linear},
                  {"alpha", "", "exponent of parameters", 0.02, 1.2, false, Entry::Nonlinear},
                  {"beta", "", "exponent of tokens", 0.02, 1.2, false, Entry::Nonlinear}};
  f.published = {
      {"hoffmann",
       {std::exp(0.5267228), std::exp(6.0073404), std::exp(6.0179186), 0.33917084, 0.2849083},
       Evidence::Verified,
       "Hoffmann et al. 2022, TeX source, as used in Epoch's notebook (epoch-research/analyzing-chinchilla)",
       "The search stopped early: Besiroglu et al. 2024 find another optimum on the same runs.",
       {},
       figure_runs},
      {"besiroglu",
       {1.8172, 482.01, 2085.43, 0.3478, 0.3658},
       Evidence::Verified,
       "Besiroglu et al. 2024, arXiv:2404.10102, table 1 (constants reproduced by re-running their notebook)",
       "The point is in effect a least-absolute-deviation fit, the standard errors belong to the Huber 1e-3 fit.",
       {0.03, 124.58, 1293.23, 0.02, 0.02},
       figure_runs},
      {"hoffmann-rounded",
       {1.69, 406.4, 410.7, 0.34, 0.28},
       Evidence::Verified,
       "Hoffmann et al. 2022, as printed",
       "Rounding alone moves tokens per parameter at 5.76e23 FLOP from 58.9 to 92.7: use hoffmann.",
       {},
       figure_runs},
      {"besiroglu-with-outliers",
       {1.89, 463.3, 12530, 0.345, 0.452},
       Evidence::Transcription,
       "Besiroglu et al. 2024, all 245 runs",
       "Five runs decide between beta 0.37 and 0.45.",
       {},
       figure_runs},
      {"sardana-100",
       {0.17, 7.199, 25.97, 0.08, 0.13},
       Evidence::Transcription,
       "Sardana et al. 2023, arXiv:2401.00448, table 1: runs of at most 100 tokens per parameter",
       "",
       {},
       {}},
      {"sardana-250",
       {0.98, 14.23, 39.54, 0.13, 0.16},
       Evidence::Transcription,
       "Sardana et al. 2023, table 1: at most 250 tokens per parameter",
       "",
       {},
       {}},
      {"sardana-500",
       {0.95, 17.07, 35.80, 0.13, 0.16},
       Evidence::Transcription,
       "Sardana et al. 2023, table 1: at most 500 tokens per parameter",
       "",
       {},
       {}},
      {"sardana-all",
       {1.45, 33.66, 138.9, 0.18, 0.24},
       Evidence::Transcription,
       "Sardana et al. 2023, table 1: all runs",
       "",
       {},
       {}},
  };
  return f;
}

}  // namespace

const LossLaw& chinchilla() {
  static const AutodiffLaw<Formula> law(facts(), check);
  return law;
}

}  // namespace isoflop::fits
