// 1/(L - E) = 1/x + 1/(ln V - E), x = A/N^alpha + B/D^beta: Chinchilla's terms below, uniform guessing over the V
// tokens above. A power law of few tokens promises losses beyond ln V, which no model that is being trained shows; this
// form bends there, and costs no parameter more.
#include <cmath>

#include "isoflop/fits/laws/autodiff_law.h"
#include "isoflop/fits/laws/laws.h"

namespace isoflop::fits {
namespace {

struct Formula {
  static constexpr std::size_t parameters = 5;
  template <typename T>
  static T value(const double* x, const T* p) {
    const T reducible = p[1] * falling_power(x[0] / 1e5, p[3]) + p[2] * falling_power(x[1] / 1e6, p[4]);
    const T room = std::log(x[2]) - p[0];
    return p[0] + reducible * room / (reducible + room);
  }
};

SelfTest check(const LossLaw& law) {
  const double point[] = {1e3, 1, 128};
  return {"a model that has seen one token guesses uniformly: ln 128 = 4.852 nats (a limit of the form)",
          law.value(point, constants_of(law, "isoflop-sweep")),
          4.8515,
          4.8525,
          Evidence::Verified,
          ""};
}

LawFacts facts() {
  LawFacts f;
  f.id = "saturating";
  f.title = "Saturating: additive power laws that end at uniform guessing";
  f.formula = "L = E + 1/(1/x + 1/(ln V - E)), x = A/(N/1e5)^alpha + B/(D/1e6)^beta";
  f.output = "loss";
  f.output_unit = "nats/token";
  f.citation = "this project, docs/sweep.md: found on its own sweep of small models";
  f.counts = "N all parameters, D training tokens seen once, V tokens in the vocabulary, C = 6ND";
  f.note = "For small models on few tokens. Where L is far below ln V it is the additive law.";
  f.inputs = {{"N", "params", "parameters", "all parameters, embeddings included", 3e3, 5e5, true},
              {"D", "tokens", "tokens", "training tokens, each seen once", 2e5, 4e7, true},
              {"V", "vocabulary", "tokens", "size of the vocabulary", 64, 512, true}};
  f.parameters = {{"E", "nats/token", "loss of an infinite model on infinite data", 1e-2, 4, true, Entry::Nonlinear},
                  {"A", "nats/token", "parameter term at 1e5 parameters", 1e-3, 10, true, Entry::Nonlinear},
                  {"B", "nats/token", "token term at 1e6 tokens", 1e-3, 10, true, Entry::Nonlinear},
                  {"alpha", "", "exponent of parameters", 0.05, 1.5, false, Entry::Nonlinear},
                  {"beta", "", "exponent of tokens", 0.05, 2, false, Entry::Nonlinear}};
  f.published = {{"isoflop-sweep",
                  {2.652, 0.251, 0.5, 0.515, 1.185},
                  Evidence::Verified,
                  "fitted to the runs of data/sweep_runs.csv, Huber 1e-3 on log loss",
                  "One source of text, models of 5 to 470 thousand parameters.",
                  {},
                  {}}};
  f.no_planning = "the constants belong to a synthetic source of 128 tokens";
  return f;
}

}  // namespace

const LossLaw& saturating() {
  static const AutodiffLaw<Formula> law(facts(), check);
  return law;
}

}  // namespace isoflop::fits
