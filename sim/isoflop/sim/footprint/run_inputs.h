// From what is known of a run to the distributions that `assess` needs, each with its source. What is not known gets a
// prior, and the prior says so.
#pragma once
#include <optional>
#include <string>

#include "isoflop/catalogue/grids.h"
#include "isoflop/hardware/accelerator.h"
#include "isoflop/sim/footprint/footprint.h"
#include "isoflop/sim/footprint/mfu_prior.h"
#include "isoflop/sim/footprint/published.h"

namespace isoflop::sim {

enum class Use { Training, Serving };  ///< What the devices do: it decides the power share.

/// Power, host, embodied, site and grid priors for a device; device_hours stay zero.
ActivityInputs default_inputs(const Accelerator& device, Use use);

/// The zone's average factor of `year`, else of the newest year; never a marginal one. Throws Error (Usage) when the
/// zone is unknown, has no such year, or has marginal or market-based factors only.
const GridFactor& average_factor(const GridCatalogue& grids, const std::string& zone, std::optional<long> year = {});
/// Average factor of the zone with a standard deviation of 4 % (year-to-year change has a median of 4 %). Off-site
/// water triangular 0.4, 1, 1.45 times the zone's: places within a country differ that much (Texas 1.29, Iowa 3.10,
/// US 3.13).
void set_grid(ActivityInputs& inputs, const GridFactor& factor);
/// kg CO2e per kWh of Norway, the United States and India, 2024 (data/grids.csv).
inline constexpr double anywhere_kg_per_kwh[] = {0.031, 0.384, 0.708};
/// A data centre somewhere: triangular from Norway over the US to India.
void set_unknown_grid(ActivityInputs& inputs);

/// Off-site water of a zone without a figure: triangular 1.3, 3.1, 4.5 L/kWh.
void set_unknown_offsite_water(ActivityInputs& inputs);

/// Device-hours from 6ND and the observed utilisation of whole runs.
void set_hours_from_6nd(ActivityInputs& inputs, const Accelerator& device, double params_active, double tokens,
                        const MfuEstimate& mfu);

/// Energy of the accelerators as metered, in place of power x hours; hours (for embodied) stay as they are. Without
/// hours they follow from energy / (TDP x 0.9).
void set_metered_device_energy(ActivityInputs& inputs, double it_kwh, MeterTier tier, const std::string& source);

/// Mean power of a device while busy, as reported or from a two-point load curve.
void set_device_power(ActivityInputs& inputs, double power_w, MeterTier tier, const std::string& source);

/// A fleet that works only `busy` of its time, in (0, 1]: idle time (1 - busy) / busy at 0.15, 0.3, 0.5 of busy power
/// (assumed: an idle H100 draws 0.1-0.15 of TDP, its host about half).
void set_busy_share(ActivityInputs& inputs, double busy);

/// Tokens at a known accelerator energy each; device-hours follow from the device's power while serving.
void set_served_tokens(ActivityInputs& inputs, double tokens, const Distribution& joules_per_token,
                       const std::string& source);

/// Simulated serving: accelerator energy in all as the energy model has it, device time as the simulator has it. The
/// mean power is their quotient; only the energy is uncertain, the time sets the embodied share.
void set_simulated_serving(ActivityInputs& inputs, double device_hours, const Distribution& accelerator_joules,
                           const std::string& source);

/// What `train` and `serve` report of a simulated run: priors for all but the device-hours, and for the mean power of a
/// busy device where the simulator knows it. `grid` may be null: then the interval spans the world's grids. `pue` may
/// be empty: then it is the prior of a hyperscale site.
FootprintEstimate footprint_of(const Accelerator& device, Use use, const Distribution& device_hours,
                               const std::optional<Distribution>& busy_power_w, const GridFactor* grid,
                               std::optional<double> pue = {}, const PropagationOptions& options = {});

/// All that a published row states, and priors for the rest: the common convention in which rows are compared.
/// Throws Error (CannotRun) when neither device-hours nor N, D and device are known.
ActivityInputs inputs_of(const PublishedFootprint& row, const Accelerator& device, const GridCatalogue& grids,
                         const MfuPrior& mfu);

}  // namespace isoflop::sim
