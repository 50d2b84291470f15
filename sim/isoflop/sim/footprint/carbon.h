// Operational carbon of facility energy under the three accountings, which are different types: only location-based
// figures (grid average or marginal) enter a total or an SCI score; purchases never reduce either.
#pragma once
#include <optional>

#include "isoflop/units.h"

namespace isoflop::sim {

/// No grid emits more in an hour: old lignite and oil-shale plants reach about 1.2 kg/kWh. A figure above it is grams.
inline constexpr double implausible_grid_kg_per_kwh = 1.6;
/// Below one gram per kWh, which no average over days reaches: kilograms where grams were expected.
inline constexpr double implausibly_clean_kg_per_kwh = 1e-3;

/// kg CO2e per facility kWh.
constexpr GridIntensity kilograms_per_kilowatt_hour(double kg) { return kg * kilogram_co2e / facility_kilowatt_hour; }

/// Physical emissions of the grid the load sits in.
struct LocationCarbon {
  Co2e co2e;
};
/// After contracts (certificates, power purchase agreements), as the buyer reports it.
struct MarketCarbon {
  Co2e co2e;
};

/// Average or marginal, by the factor given.
constexpr LocationCarbon location_carbon(FacilityEnergy energy, GridIntensity grid) { return {energy * grid}; }
/// By a market's residual factor; never enters a total.
constexpr MarketCarbon market_carbon(FacilityEnergy energy, GridIntensity residual) { return {energy * residual}; }

/// Grid factors of one zone and year. Average and marginal differ by a median 1.4x and up to 32x: never mix them.
struct GridFactors {
  GridIntensity average;
  std::optional<GridIntensity> marginal;
  std::optional<GridIntensity> market;
};

struct OperationalCarbon {  ///< One energy under the accountings whose factors are known.
  LocationCarbon average;
  std::optional<LocationCarbon> marginal;
  std::optional<MarketCarbon> market;
};

/// Marginal and market-based figures only where the grid has such factors.
constexpr OperationalCarbon operational_carbon(FacilityEnergy energy, const GridFactors& grid) {
  OperationalCarbon result{location_carbon(energy, grid.average), {}, {}};
  if (grid.marginal) result.marginal = location_carbon(energy, *grid.marginal);
  if (grid.market) result.market = market_carbon(energy, *grid.market);
  return result;
}

}  // namespace isoflop::sim
