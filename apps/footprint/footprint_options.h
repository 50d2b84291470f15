// Options that change what a footprint is computed from, and how they override priors and published facts. Every
// number may be a distribution: "1.4", "1.1:1.3", "1.2:1.4:1.82", "0.383+-4%".
#pragma once
#include <optional>
#include <string>

#include "apps/command.h"
#include "isoflop/sim/footprint/run_inputs.h"
#include "isoflop/sim/footprint/sites.h"

namespace isoflop::app {

/// What the user typed for `option`, not beyond [low, high]. The far tails of a normal are cut there; when more than
/// one draw in a thousand would have to be, throws Error (Usage) that ends in `hint`.
sim::Distribution distribution_within(const std::string& text, const std::string& option, double low,
                                      double high = 1e300, const std::string& hint = "");

struct FootprintOptions {
  std::string device, hours, mfu, tdp, metered_kwh, meter, power;
  std::optional<double> params, tokens, count, days, busy;
  std::optional<double> idle_w, full_w, load;
  std::string grid, pue, site, place = "hyperscale", wue, ewif;
  std::optional<long> year;
  std::optional<double> marginal, market;
  std::string host, idle, development, device_kg, server_kg, lifetime, utilisation;

  void declare_run(OptionSet& options);
  void declare_site(OptionSet& options);
  void declare_overheads(OptionSet& options);

  /// True when an option says what ran, so that no subject is needed.
  bool names_a_run() const;
  /// Why the watts of the inputs cannot be such a device's (kilowatts, or ten times its TDP); empty when they can.
  static std::string why_implausible_power(const sim::ActivityInputs& inputs, const Accelerator& machine);
  /// Device-hours, power and fleet; `params`, `tokens` of a model fill what the options leave open.
  void apply_run(sim::ActivityInputs& inputs, const Accelerator& machine, std::optional<double> model_params,
                 std::optional<double> model_tokens, const std::string& release_date,
                 const sim::MfuPrior& prior) const;
  /// Site, grid, overheads, embodied.
  void apply_rest(sim::ActivityInputs& inputs, const GridCatalogue& grids, const DataFolder& data) const;
};

}  // namespace isoflop::app
