// The plan of a sweep from options.
#pragma once
#include <map>

#include "apps/command.h"
#include "isoflop/sim/sweep/sweep_execution.h"

namespace isoflop::app {

/// Seconds one run takes on one thread of this machine, its held-out evaluations included, from a probe of its size.
class SweepClock {
 public:
  double seconds(const sim::SweepPlan& plan, const sim::PlannedRun& run);
  double seconds(const sim::SweepPlan& plan);

 private:
  std::map<std::string, double> flop_per_s_;
};

class SweepOptionSet {
 public:
  void declare(OptionSet& options);
  /// Throws Error (Usage). A --time budget probes the machine, so that plan is not the same everywhere.
  sim::SweepPlan plan(const Settings& settings, SweepClock& clock) const;

 private:
  std::string grid_ = "isoflop", source_ = "zipf-markov", precision_ = "bf16";
  sim::SweepSettings defaults_;
  double lowest_ = 3.16e10, highest_ = 1e13, tokens_per_param_ = 60;
  std::optional<double> total_flop_, total_s_;
  long budgets_ = 6, sizes_ = 6, runs_ = 36, replicates_ = 1, vocabulary_ = 128, batch_ = 16, length_ = 64,
       held_out_ = 64, curve_points_ = 12;
  std::vector<std::string> ladder_, tune_;
  double rate_ = defaults_.rule.base, rate_params_ = defaults_.rule.params_exponent,
         rate_tokens_ = defaults_.rule.tokens_exponent, rate_cap_ = defaults_.rule.cap;
};

}  // namespace isoflop::app
