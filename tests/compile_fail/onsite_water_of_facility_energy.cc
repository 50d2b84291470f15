#include "isoflop/sim/footprint/water.h"

using namespace isoflop;
using namespace isoflop::sim;

Litre cooling(ItEnergy it, FacilityEnergy facility, OnsiteWaterIntensity wue) {
#ifdef WRONG
  return facility * wue;
#else
  static_cast<void>(facility);
  return it * wue;
#endif
}
