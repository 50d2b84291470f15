#include "isoflop/sim/footprint/energy.h"

using namespace isoflop;
using namespace isoflop::sim;

FacilityEnergy bill(ItEnergy measured, Pue pue_of_site) {
  const FacilityEnergy once = facility_energy(measured, pue_of_site);
#ifdef WRONG
  return facility_energy(once, pue_of_site);
#else
  return once;
#endif
}
