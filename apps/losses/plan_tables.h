// What `plan` is asked, and the tables that follow its answer: against the compute-optimal choice, under other
// published constants, and from input to answer.
#pragma once
#include <optional>
#include <string>

#include "apps/command.h"
#include "apps/losses/law_source.h"

namespace isoflop::app {

/// What turns FLOP into device-hours and money.
struct Machine {
  std::string id;
  double peak_flop_per_s = 0, mfu = 0;
  std::optional<double> usd_per_hour;

  double flop_per_hour() const { return peak_flop_per_s * mfu * 3600; }
};

struct PlanQuestion {  ///< One of the budgets, a loss or a size, with what goes along.
  std::optional<double> compute, usd, device_hours, loss, params, tokens;
  fits::Serving serving;

  /// The plan under one law; a NaN loss where the law cannot reach what is asked.
  fits::Allocation allocate(const fits::LossSurface& surface) const;
  /// The chosen budget is a given of the question, not a result: it has no interval.
  bool compute_is_given() const { return compute.has_value() || (params && tokens); }
};

/// Against the compute-optimal model: only where size or serving pull the plan away from it.
void add_departure(const PlanQuestion& question, const LawSource& law, const fits::Allocation& plan,
                   const Settings& settings, Report& report);

/// The same question under other published constants: how much the answer hangs on whom one believes.
void add_other_laws(const PlanQuestion& question, const LawSource& law, bool constants_given, Report& report);

/// The chain from budget to size, tokens and loss, and the fitted floor beside measured losses.
void add_explanation(const PlanQuestion& question, const LawSource& law, const fits::Allocation& plan,
                     const std::optional<Machine>& machine, Report& report);

}  // namespace isoflop::app
