// log10 L = a log10 N + b log10 E' + c log10 N log10 E' + d, 1/E' = 1/(E - 1 + (1/E_start - 1/E_max)^-1) + 1/E_max.
// Clark et al. 2022, arXiv:2202.01169, equation 1: routed models at one fixed number of training tokens (130B).
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
    const T shift = T(1.0) / (T(1.0) / p[4] - T(1.0) / p[5]);
    const T effective_experts = T(1.0) / (T(1.0) / (T(x[1] - 1) + shift) + T(1.0) / p[5]);
    const double log10_n = std::log10(x[0]);
    const T log10_e = log(effective_experts) / std::log(10.0);
    return exp(std::log(10.0) * (p[0] * log10_n + p[1] * log10_e + p[2] * log10_n * log10_e + p[3]));
  }
};

// Size of the dense model with the loss of the routed one.
double effective_params(const LossLaw& law, std::span<const double> p, double params, double experts) {
  const double routed[] = {params, experts};
  const double target = law.value(routed, p);
  double low = std::log(params), high = low + 20;
  for (int i = 0; i < 100; ++i) {
    const double middle = (low + high) / 2;
    const double dense[] = {std::exp(middle), 1};
    (law.value(dense, p) > target ? low : high) = middle;
  }
  return std::exp(low);
}

SelfTest check(const LossLaw& law) {
  return {
      "Clark et al. 2022: 5M parameters with 128 experts equal about 55M dense ones (three-digit constants give 52M)",
      effective_params(law, constants_of(law, "clark-sbase"), 5e6, 128),
      50e6,
      60e6,
      Evidence::Transcription,
      ""};
}

LawFacts facts() {
  LawFacts f;
  f.id = "moe-routed";
  f.title = "Routed mixture of experts at 130B training tokens";
  f.formula = "log10 L = a log10 N + b log10 E' + c log10 N log10 E' + d; E' saturates between E_start and E_max";
  f.output = "loss";
  f.output_unit = "nats/token";
  f.citation = "Clark et al. 2022, arXiv:2202.01169, equation 1 and table 3";
  f.counts = "N parameters used per token (the dense model's), E experts per routed layer; all runs saw 130B tokens";
  f.note = "The number of training tokens does not enter, so no budget can be split with it.";
  f.inputs = {{"N", "params", "parameters", "parameters of the dense model, used by every token", 1.5e7, 1.3e9, true},
              {"experts", "experts", "experts", "experts per routed layer; 1 = dense", 1, 512, true}};
  f.parameters = {{"a", "", "slope in log10 N", -0.3, 0, false, Entry::LinearInLogOutput},
                  {"b", "", "slope in log10 experts", -0.5, 0, false, Entry::LinearInLogOutput},
                  {"c", "", "interaction: routing helps large models less", 0, 0.1, false, Entry::LinearInLogOutput},
                  {"d", "", "offset", 0, 3, false, Entry::LinearInLogOutput},
                  {"E_start", "experts", "effective experts of a dense model", 1, 10, true, Entry::Nonlinear},
                  {"E_max", "experts", "most experts that help", 50, 5000, true, Entry::Nonlinear}};
  const std::string source = "Clark et al. 2022, table 3";
  f.published = {{"clark-sbase",
                  {-0.082, -0.108, 0.009, 1.104, 1.847, 314.478},
                  Evidence::Transcription,
                  source + ", S-BASE",
                  "Published cut-off of routing 937B parameters; c has one digit, so it cannot be recomputed.",
                  {},
                  {}},
                 {"clark-rlr",
                  {-0.083, -0.126, 0.012, 1.111, 1.880, 469.982},
                  Evidence::Transcription,
                  source + ", RL-R",
                  "",
                  {},
                  {}},
                 {"clark-hash",
                  {-0.087, -0.136, 0.012, 1.157, 4.175, 477.741},
                  Evidence::Transcription,
                  source + ", HASH",
                  "",
                  {},
                  {}}};
  return f;
}

}  // namespace

const LossLaw& moe_routed() {
  static const AutodiffLaw<Formula> law(facts(), check);
  return law;
}

}  // namespace isoflop::fits
