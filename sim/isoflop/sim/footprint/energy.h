// From device time to energy. IT energy and facility energy are different types and PUE is their ratio, so that PUE
// cannot be applied twice: `facility_energy` takes IT energy only, and a facility energy times a PUE is no energy.
//
// E_IT = device time x mean power x (IT energy per accelerator energy); E_facility = PUE x E_IT.
#pragma once
#include "isoflop/units.h"

namespace isoflop::sim {

constexpr Second device_hours(double hours) { return hours * hour; }  ///< From numbers to quantities with units.
constexpr ItPower watts(double power_w) { return ItPower(power_w); }
constexpr ItEnergy it_megawatt_hours(double mwh) { return mwh * 1e3 * it_kilowatt_hour; }
constexpr FacilityEnergy facility_megawatt_hours(double mwh) { return mwh * 1e3 * facility_kilowatt_hour; }

/// Facility energy per IT energy. Throws Error (BadInput) below 1, which no building reaches.
Pue pue(double ratio);

constexpr FacilityEnergy facility_energy(ItEnergy it, Pue pue) { return it * pue; }  ///< E_facility = PUE x E_IT.
/// For figures that are published with PUE inside.
constexpr ItEnergy it_energy(FacilityEnergy facility, Pue pue) { return facility / pue; }

/// All electricity ends as heat: 3.6 GJ per MWh of facility energy.
constexpr double heat_j(FacilityEnergy facility) { return facility.in_base_units(); }

}  // namespace isoflop::sim
