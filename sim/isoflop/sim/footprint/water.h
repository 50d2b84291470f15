// Water consumed: W = E_IT x WUE + E_facility x EWIF. WUE counts cooling per IT energy, EWIF the generation of
// electricity per facility energy; the types keep each factor with its energy, so that PUE enters the second only.
// Evaporation absorbs 2.45 MJ/kg: rejecting all heat that way takes 3.6/2.45 = 1.47 L/kWh before blowdown.
#pragma once
#include "isoflop/units.h"

namespace isoflop::sim {

using OnsiteWaterIntensity = decltype(Litre() / ItEnergy());
using OffsiteWaterIntensity = decltype(Litre() / FacilityEnergy());

constexpr OnsiteWaterIntensity onsite_litres_per_kilowatt_hour(double litres) {  ///< WUE, per kWh of IT energy.
  return Litre(litres) / it_kilowatt_hour;
}
/// EWIF, per kWh of facility energy.
constexpr OffsiteWaterIntensity offsite_litres_per_kilowatt_hour(double litres) {
  return Litre(litres) / facility_kilowatt_hour;
}

struct Water {
  Litre onsite, offsite;
  constexpr Litre total() const { return onsite + offsite; }
};

constexpr Water water(ItEnergy it, FacilityEnergy facility, OnsiteWaterIntensity wue, OffsiteWaterIntensity ewif) {
  return {it * wue, facility * ewif};
}

/// Litres per kWh that evaporating water needs to carry all IT heat away; latent heat 2.45 MJ/kg at 20 C.
inline constexpr double evaporative_need_l_per_kwh = 3.6 / 2.45;
/// On-site figures above this deserve a warning: evaporation with heavy blowdown, or a wrong unit.
inline constexpr double implausible_wue_l_per_kwh = 2.5;
/// Ten times the need of evaporation on-site, and several times the thirstiest national reservoirs (18.6 L/kWh, Brazil)
/// off-site: millilitres, not litres.
inline constexpr double impossible_wue_l_per_kwh = 15, impossible_ewif_l_per_kwh = 200;

}  // namespace isoflop::sim
