// Optimal hyper-parameters as power laws: peak learning rate c N^p D^q and batch size c D^q in tokens.
// Li et al. 2025 ("Predictable Scale: Part I, Step Law"), arXiv:2503.04715.
#include "isoflop/fits/laws/autodiff_law.h"
#include "isoflop/fits/laws/laws.h"

namespace isoflop::fits {
namespace {

struct RateFormula {
  static constexpr std::size_t parameters = 3;
  template <typename T>
  static T value(const double* x, const T* p) {
    using std::exp;
    return exp(p[0] + p[1] * std::log(x[0]) + p[2] * std::log(x[1]));
  }
};

struct BatchFormula {
  static constexpr std::size_t parameters = 2;
  template <typename T>
  static T value(const double* x, const T* p) {
    using std::exp;
    return exp(p[0] + p[1] * std::log(x[0]));
  }
};

// The mean of the authors' 1000 bootstrap fits, against the printed constants, at 1B parameters and 100B tokens.
SelfTest check_rate(const LossLaw& law) {
  const double point[] = {1e9, 1e11};
  const double shipped_mean = 1.797 * std::pow(1e9, -0.7129) * std::pow(1e11, 0.3075);
  return {
      "Step Law, 1B parameters on 100B tokens: printed constants against the mean of the authors' 1000 shipped "
      "bootstrap "
      "fits (ratio)",
      law.value(point, constants_of(law, "step-law-rate")) / shipped_mean,
      0.97,
      1.03,
      Evidence::Verified,
      ""};
}

SelfTest check_batch(const LossLaw& law) {
  const double point[] = {1e11};
  const double shipped_mean = 0.5807 * std::pow(1e11, 0.5709);
  return {
      "Step Law, 100B tokens: printed constants against the mean of the authors' 1000 shipped bootstrap fits (ratio)",
      law.value(point, constants_of(law, "step-law-batch")) / shipped_mean,
      0.99,
      1.01,
      Evidence::Verified,
      ""};
}

LawFacts common(std::string id, std::string title) {
  LawFacts f;
  f.id = std::move(id);
  f.title = std::move(title);
  f.citation = "Li et al. 2025, arXiv:2503.04715; constants: step-law/steplaw";
  f.counts = "N parameters without embeddings, D training tokens";
  f.note = "For AdamW with a cosine-like decay to a fixed final rate; other recipes shift the optimum.";
  return f;
}

const LawInput params_input = {"N", "params", "parameters", "parameters without embeddings", 6e7, 1.1e9, true};
const LawInput tokens_input = {"D", "tokens", "tokens", "training tokens", 2e9, 1e11, true};

LawFacts rate_facts() {
  LawFacts f = common("step-learning-rate", "Step law: optimal peak learning rate");
  f.formula = "rate = exp(c) N^p D^q";
  f.output = "learning rate";
  f.output_unit = "(pure number)";
  f.inputs = {params_input, tokens_input};
  f.parameters = {{"c", "", "logarithm of the factor", -5, 5, false, Entry::LinearInLogOutput},
                  {"p", "", "exponent of parameters", -2, 1, false, Entry::LinearInLogOutput},
                  {"q", "", "exponent of tokens", -1, 2, false, Entry::LinearInLogOutput}};
  f.published = {{"step-law-rate",
                  {std::log(1.79), -0.713, 0.307},
                  Evidence::Verified,
                  "Li et al. 2025; step-law/steplaw",
                  "",
                  {},
                  {}}};
  return f;
}

LawFacts batch_facts() {
  LawFacts f = common("step-batch", "Step law: optimal batch size");
  f.formula = "batch = exp(c) D^q";
  f.output = "batch size";
  f.output_unit = "tokens";
  f.inputs = {tokens_input};
  f.parameters = {{"c", "", "logarithm of the factor", -5, 5, false, Entry::LinearInLogOutput},
                  {"q", "", "exponent of tokens", -1, 2, false, Entry::LinearInLogOutput}};
  f.published = {
      {"step-law-batch", {std::log(0.58), 0.571}, Evidence::Verified, "Li et al. 2025; step-law/steplaw", "", {}, {}}};
  return f;
}

}  // namespace

const LossLaw& step_learning_rate() {
  static const AutodiffLaw<RateFormula> law(rate_facts(), check_rate);
  return law;
}

const LossLaw& step_batch() {
  static const AutodiffLaw<BatchFormula> law(batch_facts(), check_batch);
  return law;
}

}  // namespace isoflop::fits
