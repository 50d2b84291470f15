// The footprint of device time: a pure function from point values to energy, carbon, water, heat, and its ledger.
// `train` and `serve` call `assess` with their device-hours; `footprint` calls it for runs, fleets and loads.
//
//   accelerator   E_acc = device time x mean power
//   + host        busy  = E_acc x host factor
//   + idle        E_IT  = busy x (1 + idle time x idle power)     (capacity held but not working)
//   + PUE         E_fac = E_IT x PUE
//   carbon        E_fac x grid factor; embodied = device time x (1 + idle time) x kg per device-hour
//   + development (operational + embodied) x development fraction  (runs that led to this one)
//   water         E_IT x WUE + E_fac x EWIF
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/sim/footprint/carbon.h"
#include "isoflop/sim/footprint/embodied.h"
#include "isoflop/sim/footprint/energy.h"
#include "isoflop/sim/footprint/power.h"
#include "isoflop/sim/footprint/uncertainty.h"
#include "isoflop/sim/footprint/water.h"

namespace isoflop::sim {

/// Point values, one world.
struct Activity {
  Second device_time;      ///< busy
  ItPower device_power;    ///< mean while busy
  double host_factor = 1;  ///< IT energy per accelerator energy
  double idle_time = 0;    ///< idle device time held per busy device time
  double idle_power = 0;   ///< IT power while idle as a share of IT power while busy
  Pue pue{1};
  GridFactors grid;
  OnsiteWaterIntensity wue;
  OffsiteWaterIntensity ewif;
  EmbodiedDevice device;
  double development_fraction = 0;  ///< further runs, as a share of this one
};

struct Footprint {
  ItEnergy accelerator, host, idle;  ///< this run
  ItEnergy it;                       ///< with development
  FacilityEnergy facility;           ///< with development
  OperationalCarbon operational;     ///< with development
  Co2e embodied;                     ///< with development
  Water water;                       ///< with development
  Co2e total() const { return operational.average.co2e + embodied; }
};

Footprint assess(const Activity& activity);  ///< Point values in, point values out.

/// What `assess` needs, each as a distribution with its source.
struct ActivityInputs {
  UncertainInput device_hours{"device-hours", "h", Distribution::fixed(0), ""};
  UncertainInput tdp_w{"device power at full load", "W", Distribution::fixed(0), ""};
  UncertainInput power_fraction{"mean power as a share of it", "1", Distribution::fixed(1), ""};
  UncertainInput host_factor{"host overhead", "IT energy per accelerator energy", Distribution::fixed(1), ""};
  UncertainInput idle_time{"idle time", "idle per busy device-hour", Distribution::fixed(0), ""};
  UncertainInput idle_power{"idle power", "share of busy IT power", Distribution::fixed(0), ""};
  UncertainInput pue{"PUE", "facility energy per IT energy", Distribution::fixed(1), ""};
  UncertainInput grid_kg_per_kwh{"grid intensity", "kg CO2e/kWh", Distribution::fixed(0), ""};
  UncertainInput wue_l_per_kwh{"on-site water", "L per IT kWh", Distribution::fixed(0), ""};
  UncertainInput ewif_l_per_kwh{"off-site water", "L per facility kWh", Distribution::fixed(0), ""};
  UncertainInput device_kg{"embodied device", "kg CO2e", Distribution::fixed(0), ""};
  UncertainInput server_share_kg{"embodied server share", "kg CO2e", Distribution::fixed(0), ""};
  UncertainInput lifetime_years{"lifetime", "years", Distribution::fixed(4), ""};
  UncertainInput utilisation{"lifetime utilisation", "1", Distribution::fixed(1), ""};
  UncertainInput development_fraction{"development", "share of the final run", Distribution::fixed(0), ""};
  std::optional<double> marginal_kg_per_kwh, market_kg_per_kwh;
  MeterTier tier = MeterTier::FractionOfTdp;
};

struct LedgerStep {  ///< One widening of the boundary.
  std::string name;
  Estimate cumulative;  ///< everything up to and including this step
  double added = 0;     ///< difference of the central values, so that the steps sum to the last cumulative value
};

struct FootprintEstimate {  ///< A footprint with 90 % intervals, its ledgers and what the intervals are made of.
  Estimate it_kwh, facility_kwh;
  Estimate operational_kg, embodied_kg, total_kg;
  std::optional<Estimate> marginal_kg, market_kg;
  Estimate onsite_l, offsite_l, water_l, heat_j;
  std::vector<LedgerStep> energy_ledger_kwh, carbon_ledger_kg;
  std::vector<VarianceShare> total_kg_shares, facility_kwh_shares, water_shares;
  std::vector<UncertainInput> inputs;
  MeterTier tier = MeterTier::FractionOfTdp;
  std::size_t draws = 0;
};

/// Central values are medians; a sum of medians need not be the median of the sum.
FootprintEstimate assess(const ActivityInputs& inputs, const PropagationOptions& options = {});

}  // namespace isoflop::sim
