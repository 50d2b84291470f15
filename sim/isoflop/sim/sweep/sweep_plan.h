// A sweep before it runs: which sizes on how many tokens at which learning rate, and what that costs. A plan is a
// function of its settings alone, so that a folder, a shard and a resumed run all mean the same runs.
// C is counted training FLOP (3 x the matrix products of the forward pass), N all parameters, D = steps x batch tokens.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "isoflop/report/value.h"
#include "isoflop/sim/sweep/size_ladder.h"
#include "isoflop/sim/kernel/training_run.h"

namespace isoflop::sim {

enum class SweepGrid {  ///< How sizes and tokens are chosen.
  Isoflop,  ///< at each of some log-spaced budgets, the sizes of the ladder nearest to the expected optimum
  Random,   ///< budgets log-uniform between lowest and highest, one such size each, both drawn
};

/// Constants assumed, from trials on the Zipf-Markov source: at 3e6 tokens the best rates were near 1.2e-2, 6.5e-3 and
/// 4.5e-3 for 9, 31 and 111 thousand parameters, at 1.2e7 tokens near 3e-3 for 31 thousand (batches of 1024 tokens).
/// Peak learning rate = base x (N / 1e5)^params_exponent x (D / 1e6)^tokens_exponent, at most `cap`.
struct LearningRateRule {
  double base = 7.5e-3, params_exponent = -0.35, tokens_exponent = -0.45, cap = 1.5e-2;
  double rate(double params, double tokens) const;  ///< Peak learning rate, at most `cap`.
};

struct SweepSettings {  ///< Everything a plan is a function of.
  SweepGrid grid = SweepGrid::Isoflop;
  double lowest_flop = 3.16e10, highest_flop = 1e13;
  std::int64_t budgets = 6;           ///< Isoflop: log-spaced, both ends included
  std::int64_t sizes = 6;             ///< Isoflop: per budget
  std::int64_t runs = 36;             ///< Random
  double tokens_per_param = 60;       ///< where the optimum is expected; sizes are chosen around it
  std::vector<LadderRung> ladder = default_ladder();
  std::int64_t replicates = 1;        ///< seeds per grid point: other initial weights and other training text
  std::string source = "zipf-markov";
  std::int64_t vocabulary = 128;
  std::int64_t sequences = 16, length = 64;
  std::string precision = "bf16";     ///< or "fp32": arithmetic of the matrix products
  LearningRateRule rule;
  std::vector<double> tune_factors;   ///< not empty: per size, the best of these times the rule's rate
  std::int64_t held_out_batches = 64;
  std::int64_t curve_points = 12;     ///< held-out losses along each run, log-spaced over the last factor of 30
  std::uint64_t seed = 42;            ///< of the source and of all runs
};

struct PlannedRun {  ///< One run of the plan.
  std::string name;
  SizedModel model;
  double budget_flop = 0;
  std::int64_t steps = 0;
  double tokens = 0, flop = 0;
  double learning_rate = 0;           ///< by the rule; tuning multiplies it
  std::int64_t replicate = 0;
  std::vector<std::string> tuned_by;  ///< names of the tuning runs of this size
};

class SweepPlan {
 public:
  /// Throws Error (Usage) for settings that give no run.
  explicit SweepPlan(const SweepSettings& settings);

  const SweepSettings& settings() const { return settings_; }
  const std::vector<PlannedRun>& runs() const { return runs_; }      ///< cheapest first
  const std::vector<PlannedRun>& tuning() const { return tuning_; }
  double flop() const;                                               ///< of all of them
  /// What measuring held-out losses adds to a run; a forward pass costs a third of a step.
  double evaluation_flop(const PlannedRun& run) const;
  /// What kernel and source need for one of them.
  TrainingRunSettings training(const PlannedRun& run, double learning_rate) const;

  std::string json() const;    ///< settings and runs: the plan file
  std::string sha256() const;  ///< of json(): the identity of the plan
  /// Throws Error (BadInput) when the text is no plan, or this program would plan other runs from its settings.
  static SweepPlan from_json(const std::string& text, const std::string& name);

 private:
  void add_run(const SizedModel& model, double budget_flop);
  void add_tuning();
  SweepSettings settings_;
  std::vector<PlannedRun> runs_, tuning_;
};

/// What `cost` says of a plan must rise with its budgets; the answer has the highest budget whose plan costs at most
/// `limit` (the lowest budget stays). `unit`: of cost and limit, for messages. Throws Error (Usage) when not even two
/// budgets a factor of 2 apart fit.
SweepSettings fitted_to(SweepSettings settings, double limit, const std::string& unit,
                        const std::function<double(const SweepPlan&)>& cost);

}  // namespace isoflop::sim
