#include "isoflop/sim/footprint/sci.h"

using namespace isoflop;
using namespace isoflop::sim;

double score(FacilityEnergy energy, GridIntensity factor, Co2e embodied) {
#ifdef WRONG
  return sci_g_per_unit(market_carbon(energy, factor), embodied, 1);
#else
  return sci_g_per_unit(location_carbon(energy, factor), embodied, 1);
#endif
}
