#include "isoflop/sim/footprint/footprint.h"

#include <algorithm>
#include <array>

namespace isoflop::sim {
namespace {

enum Output { It, Facility, Operational, Embodied, Total, Onsite, Offsite, WaterTotal, LedgerStart };
constexpr std::array energy_steps = {"accelerators", "host", "idle", "building (PUE)", "development"};
constexpr std::array carbon_steps = {"accelerators", "host", "idle", "building (PUE)", "embodied", "development"};
constexpr std::size_t output_count = LedgerStart + energy_steps.size() + carbon_steps.size();
constexpr double joules_per_kwh = 3.6e6;
constexpr std::size_t grid_input = 7;  // position in listed()

Activity activity_of(const ActivityInputs& in, std::span<const double> x) {
  Activity a;
  a.device_time = device_hours(x[0]);
  a.device_power = watts(x[1] * x[2]);
  a.host_factor = x[3];
  a.idle_time = x[4];
  a.idle_power = x[5];
  a.pue = pue(std::max(1.0, x[6]));
  a.grid.average = kilograms_per_kilowatt_hour(x[grid_input]);
  if (in.marginal_kg_per_kwh) a.grid.marginal = kilograms_per_kilowatt_hour(*in.marginal_kg_per_kwh);
  if (in.market_kg_per_kwh) a.grid.market = kilograms_per_kilowatt_hour(*in.market_kg_per_kwh);
  a.wue = onsite_litres_per_kilowatt_hour(x[8]);
  a.ewif = offsite_litres_per_kilowatt_hour(x[9]);
  a.device = {x[10], x[11], x[12], x[13]};
  a.development_fraction = x[14];
  return a;
}

std::vector<UncertainInput> listed(const ActivityInputs& in) {
  return {in.device_hours,
          in.tdp_w,
          in.power_fraction,
          in.host_factor,
          in.idle_time,
          in.idle_power,
          in.pue,
          in.grid_kg_per_kwh,
          in.wue_l_per_kwh,
          in.ewif_l_per_kwh,
          in.device_kg,
          in.server_share_kg,
          in.lifetime_years,
          in.utilisation,
          in.development_fraction};
}

Estimate scaled(Estimate e, double factor) {
  return {e.low * factor, e.central * factor, e.high * factor, std::move(e.origin)};
}

}  // namespace

Footprint assess(const Activity& a) {
  Footprint f;
  f.accelerator = a.device_power * a.device_time;
  const ItEnergy busy = f.accelerator * a.host_factor;
  f.host = busy - f.accelerator;
  f.idle = busy * (a.idle_time * a.idle_power);
  const double runs = 1 + a.development_fraction;
  f.it = (busy + f.idle) * runs;
  f.facility = facility_energy(f.it, a.pue);
  f.operational = operational_carbon(f.facility, a.grid);
  f.embodied = embodied_carbon(a.device_time * (1 + a.idle_time), a.device) * runs;
  f.water = water(f.it, f.facility, a.wue, a.ewif);
  return f;
}

FootprintEstimate assess(const ActivityInputs& in, const PropagationOptions& options) {
  FootprintEstimate result;
  result.inputs = listed(in);
  result.tier = in.tier;
  const auto function = [&](std::span<const double> x, std::span<double> y) {
    const Activity a = activity_of(in, x);
    const Footprint f = assess(a);
    y[It] = f.it.in(it_kilowatt_hour);
    y[Facility] = f.facility.in(facility_kilowatt_hour);
    y[Operational] = f.operational.average.co2e.in(kilogram_co2e);
    y[Embodied] = f.embodied.in(kilogram_co2e);
    y[Total] = y[Operational] + y[Embodied];
    y[Onsite] = f.water.onsite.in_base_units();
    y[Offsite] = f.water.offsite.in_base_units();
    y[WaterTotal] = y[Onsite] + y[Offsite];
    const double runs = 1 + a.development_fraction, pue_ratio = a.pue.in_base_units();
    double* step = &y[LedgerStart];
    const double acc = f.accelerator.in(it_kilowatt_hour);
    const double with_host = acc + f.host.in(it_kilowatt_hour), with_idle = with_host + f.idle.in(it_kilowatt_hour);
    for (double e : {acc, with_host, with_idle, with_idle * pue_ratio, with_idle * pue_ratio * runs}) *step++ = e;
    for (double e : {acc, with_host, with_idle, with_idle * pue_ratio}) *step++ = e * x[grid_input];
    *step++ = (y[Total]) / runs;
    *step++ = y[Total];
  };
  const Propagated p = propagate(result.inputs, output_count, function, options);
  result.draws = p.draws;
  result.it_kwh = p.outputs[It];
  result.facility_kwh = p.outputs[Facility];
  result.operational_kg = p.outputs[Operational];
  result.embodied_kg = p.outputs[Embodied];
  result.total_kg = p.outputs[Total];
  result.onsite_l = p.outputs[Onsite];
  result.offsite_l = p.outputs[Offsite];
  result.water_l = p.outputs[WaterTotal];
  result.heat_j = scaled(p.outputs[Facility], joules_per_kwh);
  if (in.marginal_kg_per_kwh) result.marginal_kg = scaled(p.outputs[Facility], *in.marginal_kg_per_kwh);
  if (in.market_kg_per_kwh) result.market_kg = scaled(p.outputs[Facility], *in.market_kg_per_kwh);
  std::size_t at = LedgerStart;
  const auto ledger = [&](const auto& names) {
    std::vector<LedgerStep> steps;
    double before = 0;
    for (const char* name : names) {
      const Estimate& cumulative = p.outputs[at++];
      steps.push_back({name, cumulative, cumulative.central - before});
      before = cumulative.central;
    }
    return steps;
  };
  result.energy_ledger_kwh = ledger(energy_steps);
  result.carbon_ledger_kg = ledger(carbon_steps);
  result.total_kg_shares = p.shares[Total];
  result.facility_kwh_shares = p.shares[Facility];
  result.water_shares = p.shares[WaterTotal];
  return result;
}

}  // namespace isoflop::sim
