// y = a + b x^-c0 (1 + (x/d1)^(1/f1))^(-c1 f1): a power law whose slope changes once, smoothly, around x = d1.
// Caballero et al. 2022, arXiv:2210.14891 (BNSL), one break.
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
    const double log_x = std::log(x[0]);
    const T &c0 = p[2], &c1 = p[3], &d1 = p[4], &f1 = p[5];
    const T s = (log_x - log(d1)) / f1;
    // log(1 + e^s) without overflow.
    const T soft = s > T(0.0) ? s + log(T(1.0) + exp(-s)) : log(T(1.0) + exp(s));
    return p[0] + p[1] * exp(-c0 * log_x - c1 * f1 * soft);
  }
};

SelfTest check(const LossLaw& law) {
  // Far above the break only a is left: in their noiseless simulation of figure 4 (right) 0.41388 at x = 4095.
  const double far[] = {4095};
  return {
      "Caballero et al. 2022, figure 4 (right), authors' noiseless simulation: the curve has reached its floor 0.41388 "
      "at 4095 examples",
      law.value(far, constants_of(law, "bnsl-addition")),
      0.41388,
      0.41393,
      Evidence::Verified,
      ""};
}

LawFacts facts() {
  LawFacts f;
  f.id = "broken-power-law";
  f.title = "Broken neural scaling law with one break";
  f.formula = "y = a + b x^-c0 (1 + (x/d1)^(1/f1))^(-c1 f1)";
  f.output = "y";
  f.output_unit = "the unit of the fitted metric";
  f.citation = "Caballero et al. 2022, arXiv:2210.14891";
  f.counts = "x is whatever was scaled: tokens, parameters, compute, steps";
  f.note = "One fit per task; nothing says where the next break lies.";
  f.inputs = {{"x", "x", "", "what was scaled", 1, 4096, true}};
  f.parameters = {{"a", "", "limit", 1e-3, 10, true, Entry::Linear},
                  {"b", "", "size", 1e-2, 100, true, Entry::Linear},
                  {"c0", "", "slope before the break", 0.005, 1, true, Entry::Nonlinear},
                  {"c1", "", "change of slope at the break", 0.05, 10, true, Entry::Nonlinear},
                  {"d1", "", "place of the break", 3, 3000, true, Entry::Nonlinear},
                  {"f1", "", "width of the break", 0.02, 2, true, Entry::Nonlinear}};
  f.published = {{"bnsl-addition",
                  {0.41388453071629455, 2.2772722897737556, 0.055077348404973955, 5.662903816010331, 612.5836172918001,
                   0.059193036393742314},
                  Evidence::Verified,
                  "ethancaballero/broken_neural_scaling_laws@6226c34: 4-digit addition, noiseless simulation",
                  "x counts training examples.",
                  {},
                  {}}};
  return f;
}

}  // namespace

const LossLaw& broken_power_law() {
  static const AutodiffLaw<Formula> law(facts(), check);
  return law;
}

}  // namespace isoflop::fits
