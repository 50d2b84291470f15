#include "isoflop/sim/footprint/energy.h"

using namespace isoflop;

FacilityEnergy bill(ItEnergy measured, Pue pue_of_site) {
#ifdef WRONG
  return measured * pue_of_site * pue_of_site;
#else
  return measured * pue_of_site;
#endif
}
