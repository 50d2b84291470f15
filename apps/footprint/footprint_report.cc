#include "apps/footprint/footprint_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoflop/number_text.h"
#include "isoflop/sim/footprint/ledger.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

std::vector<TableCell> estimate_row(const std::string& name, const Estimate& e, const ReadableUnit& unit) {
  return {name, e.low * unit.scale, e.central * unit.scale, e.high * unit.scale, unit.unit};
}

std::vector<TableColumn> estimate_columns(const std::string& first) {
  return {{first, "quantity", Align::Left},
          {"low", "low", Align::Right, 3},
          {"central", "central", Align::Right, 3},
          {"high", "high", Align::Right, 3},
          {"unit", "unit", Align::Left}};
}

Value share_list(const std::vector<VarianceShare>& shares) {
  Value list = Value::array();
  for (const auto& s : shares)
    list.push_back(Value::object({{"input", s.input}, {"first_order", s.first_order}, {"total", s.total}}));
  return list;
}

Value ledger_list(const std::vector<LedgerStep>& ledger, const std::string& unit) {
  Value list = Value::array();
  for (const auto& step : ledger)
    list.push_back(
        Value::object({{"step", step.name}, {"added_" + unit, step.added}, {"cumulative_" + unit, step.cumulative}}));
  return list;
}

ReportTable ledger_table(const FootprintEstimate& f) {
  const ReadableUnit energy = energy_unit(f.facility_kwh.central), carbon = carbon_unit(f.total_kg.central);
  ReportTable t;
  t.title = "Boundary ledger: what each widening adds";
  t.columns = {{"boundary", "boundary", Align::Left},
               {energy.unit, "cumulative_energy", Align::Right, 3},
               {carbon.unit + " added", "added_carbon", Align::Right, 3},
               {carbon.unit + " in all", "cumulative_carbon", Align::Right, 3},
               {"low", "cumulative_carbon_low", Align::Right, 3},
               {"high", "cumulative_carbon_high", Align::Right, 3}};
  for (const auto& step : f.carbon_ledger_kg) {
    TableCell used;
    for (const auto& e : f.energy_ledger_kwh)
      if (e.name == step.name) used = e.cumulative.central * energy.scale;
    t.rows.push_back({(t.rows.empty() ? "" : "+ ") + step.name, used, step.added * carbon.scale,
                      step.cumulative.central * carbon.scale, step.cumulative.low * carbon.scale,
                      step.cumulative.high * carbon.scale});
  }
  t.note = "steps are differences of medians; the host prior already holds ordinary idling of a training cluster";
  return t;
}

ReportTable share_table(const FootprintEstimate& f) {
  ReportTable t;
  t.title = "What the interval of the total is made of";
  t.columns = {{"input", "input", Align::Left},
               {"share of variance %", "first_order_percent", Align::Right, 2},
               {"with interactions %", "total_percent", Align::Right, 2}};
  for (const auto& s : f.total_kg_shares)
    if (s.total > 0.005) t.rows.push_back({s.input, 100 * s.first_order, 100 * s.total});
  t.note = "Sobol indices of total CO2e, first order and total (Jansen 1999)";
  return t;
}

ReportTable input_table(const FootprintEstimate& f) {
  ReportTable t;
  t.title = "Inputs";
  t.columns = {{"input", "input", Align::Left},
               {"value", "value", Align::Left},
               {"unit", "unit", Align::Left},
               {"source", "source", Align::Left}};
  for (const auto& in : f.inputs) t.rows.push_back({in.name, in.distribution.text(), in.unit, in.source});
  return t;
}

ReportTable chain_table(const FootprintEstimate& f) {
  const auto median = [&](const std::string& name) {
    for (const auto& in : f.inputs)
      if (in.name == name) return in.distribution.median();
    return 0.0;
  };
  const auto n = [](double x) { return format_number(x, 4); };
  const double hours = median("device-hours"), tdp = median("device power at full load"),
               fraction = median("mean power as a share of it"), host = median("host overhead"),
               idle = median("idle time") * median("idle power"), pue_ratio = median("PUE"),
               grid = median("grid intensity"), development = median("development"), device = median("embodied device"),
               server = median("embodied server share"), life = median("lifetime"),
               used = median("lifetime utilisation");
  const double accelerator = hours * tdp * fraction / 1e3, it = accelerator * host * (1 + idle) * (1 + development);
  ReportTable t;
  t.title = "Chain of central values (a product of medians; the results are medians of the product)";
  t.columns = {{"step", "step", Align::Left},
               {"formula", "formula", Align::Left},
               {"value", "value", Align::Right, 4},
               {"unit", "unit", Align::Left}};
  t.rows = {
      {"accelerator energy", n(hours) + " h x " + n(tdp) + " W x " + n(fraction), accelerator, "kWh"},
      {"IT energy", "x " + n(host) + " host x (1 + " + n(idle) + " idle) x (1 + " + n(development) + " development)",
       it, "kWh"},
      {"facility energy", "x PUE " + n(pue_ratio) + ", once", it * pue_ratio, "kWh"},
      {"operational carbon", "x " + n(grid) + " kg/kWh, location-based", it * pue_ratio * grid, "kg CO2e"},
      {"embodied carbon",
       n(hours) + " h x (" + n(device) + " + " + n(server) + ") kg / (" + n(life) + " years x 8760 h x " + n(used) +
           ")",
       hours * (device + server) / (life * 8760 * used) * (1 + median("idle time")) * (1 + development), "kg CO2e"},
      {"water on-site", "IT energy x " + n(median("on-site water")) + " L/kWh", it * median("on-site water"), "L"},
      {"water off-site", "facility energy x " + n(median("off-site water")) + " L/kWh",
       it * pue_ratio * median("off-site water"), "L"},
      {"heat", "facility energy x 3.6 MJ/kWh", it * pue_ratio * 3.6e6, "J"}};
  return t;
}

}  // namespace

ReadableUnit carbon_unit(double kg) {
  if (kg >= 1e7) return {1e-6, "kt CO2e"};
  if (kg >= 1e3) return {1e-3, "t CO2e"};
  return kg >= 1 ? ReadableUnit{1, "kg CO2e"} : ReadableUnit{1e3, "g CO2e"};
}
ReadableUnit energy_unit(double kwh) {
  if (kwh >= 1e7) return {1e-6, "GWh"};
  if (kwh >= 1e4) return {1e-3, "MWh"};
  return kwh >= 1 ? ReadableUnit{1, "kWh"} : ReadableUnit{1e3, "Wh"};
}
ReadableUnit water_unit(double litres) {
  if (litres >= 1e4) return {1e-3, "m3"};
  return litres >= 1 ? ReadableUnit{1, "L"} : ReadableUnit{1e3, "mL"};
}

std::string with_interval(const Estimate& e, const ReadableUnit& unit) {
  const auto text = [&](double value) { return format_number(value * unit.scale, 3); };
  if (e.low == e.high) return text(e.central) + " " + unit.unit;
  return text(e.central) + " " + unit.unit + " (" + text(e.low) + " to " + text(e.high) + ")";
}

std::string widest_input(const FootprintEstimate& f) {
  if (f.total_kg_shares.empty()) return "";
  const auto& s = *std::max_element(f.total_kg_shares.begin(), f.total_kg_shares.end(),
                                    [](const auto& a, const auto& b) { return a.first_order < b.first_order; });
  return fmt::format("{:.0f} % of the variance of the total is {}", 100 * s.first_order, s.input);
}

void put_footprint(Value& result, const FootprintEstimate& f) {
  result["energy_it_kwh"] = f.it_kwh;
  result["energy_facility_kwh"] = f.facility_kwh;
  Value& carbon = result["co2e_kg"] = Value::object();
  carbon["operational"] = f.operational_kg;
  carbon["embodied"] = f.embodied_kg;
  carbon["total"] = f.total_kg;
  carbon["operational_location_marginal"] = f.marginal_kg ? Value(*f.marginal_kg) : Value();
  carbon["operational_market"] = f.market_kg ? Value(*f.market_kg) : Value();
  Value& water = result["water_l"] = Value::object();
  water["onsite"] = f.onsite_l;
  water["offsite"] = f.offsite_l;
  water["total"] = f.water_l;
  result["heat_j"] = f.heat_j;
  result["interval"] = 0.9;
  result["meter_tier"] = std::string(name_of(f.tier));
  result["ledger"] = Value::object(
      {{"energy", ledger_list(f.energy_ledger_kwh, "kwh")}, {"carbon", ledger_list(f.carbon_ledger_kg, "kg")}});
  result["variance_shares"] = Value::object({{"method", "Sobol first-order and total indices, Jansen 1999"},
                                             {"co2e_total", share_list(f.total_kg_shares)},
                                             {"energy_facility", share_list(f.facility_kwh_shares)},
                                             {"water_total", share_list(f.water_shares)}});
  Value& inputs = result["inputs"] = Value::array();
  for (const auto& in : f.inputs)
    inputs.push_back(Value::object({{"name", in.name},
                                    {"unit", in.unit},
                                    {"distribution", in.distribution.text()},
                                    {"median", in.distribution.median()},
                                    {"source", in.source}}));
}

void put_equivalences(Report& report, const Estimate& co2e_kg, const std::vector<Equivalence>& table) {
  ReportTable t;
  t.title = "The total is as much as";
  t.columns = {{"amount", "amount", Align::Right, 3},
               {"low", "low", Align::Right, 3},
               {"high", "high", Align::Right, 3},
               {"of", "unit", Align::Left},
               {"kg each", "kgco2e_per_unit", Align::Right, 4},
               {"year", "year"},
               {"source", "source", Align::Left}};
  Value& list = report.result["equivalents"] = Value::array();
  for (const auto& e : equivalents(co2e_kg, table)) {
    list.push_back(Value::object({{"id", e.of.id},
                                  {"unit", e.of.unit},
                                  {"amount", e.amount},
                                  {"kgco2e_per_unit", e.of.kg_per_unit},
                                  {"year", e.of.year},
                                  {"scope", e.of.scope},
                                  {"source", e.of.source},
                                  {"confidence", e.of.confidence}}));
    if (e.of.id.ends_with("-fossil") || e.of.id == "car-km-eu" || e.of.id == "car-km-us") continue;
    t.rows.push_back({e.amount.central, e.amount.low, e.amount.high, e.of.unit, e.of.kg_per_unit,
                      static_cast<std::int64_t>(e.of.year), e.of.source});
  }
  t.note = "ranges combine the interval of the total with that of the factor; --json has more";
  report.tables.push_back(std::move(t));
}

void describe_footprint(Report& report, const FootprintEstimate& f, const std::string& subject) {
  ReportTable t;
  t.title = subject;
  t.columns = estimate_columns("");
  const auto energy = energy_unit(f.facility_kwh.central);
  const auto carbon = carbon_unit(f.total_kg.central);
  const auto water = water_unit(f.water_l.central);
  t.rows = {estimate_row("energy, IT", f.it_kwh, energy), estimate_row("energy, facility", f.facility_kwh, energy),
            estimate_row("CO2e operational, location-based average", f.operational_kg, carbon)};
  if (f.marginal_kg)
    t.rows.push_back(estimate_row("CO2e operational, location-based marginal (not in total)", *f.marginal_kg, carbon));
  if (f.market_kg)
    t.rows.push_back(estimate_row("CO2e operational, market-based (not in total)", *f.market_kg, carbon));
  t.rows.push_back(estimate_row("CO2e embodied", f.embodied_kg, carbon));
  t.rows.push_back(estimate_row("CO2e total", f.total_kg, carbon));
  t.rows.push_back(estimate_row("water on-site", f.onsite_l, water));
  t.rows.push_back(estimate_row("water off-site (power generation)", f.offsite_l, water));
  t.rows.push_back(estimate_row("water total", f.water_l, water));
  const double tj = f.heat_j.central >= 1e13 ? 1e-12 : f.heat_j.central >= 1e9 ? 1e-9 : 1e-6;
  t.rows.push_back(estimate_row("heat", f.heat_j, {tj, tj == 1e-12 ? "TJ" : tj == 1e-9 ? "GJ" : "MJ"}));
  t.note = f.draws > 0 ? fmt::format("90 % intervals, {} draws; meter tier: {}", f.draws, name_of(f.tier))
                       : fmt::format("no input is uncertain; meter tier: {}", name_of(f.tier));
  report.tables.push_back(std::move(t));
  report.tables.push_back(ledger_table(f));
  if (!f.total_kg_shares.empty()) report.tables.push_back(share_table(f));
  report.explanation.push_back(chain_table(f));
  report.explanation.push_back(input_table(f));
  report.plots.push_back(waterfall(f.carbon_ledger_kg, subject, carbon.unit, carbon.scale,
                                   "isoflop footprint; steps are differences of medians"));
  for (const auto& in : f.inputs)
    if (!in.source.empty()) report.assumptions.push_back({in.name, in.distribution.text(), in.unit, in.source});
}

void mark_printed(Report& report, double printed_kg, const FootprintEstimate& f) {
  for (PlotSpec& plot : report.plots)
    if (plot.name == "footprint-ledger")
      plot.rules.push_back({"printed by the owner, operational", printed_kg * carbon_unit(f.total_kg.central).scale, {},
                            Dash::Dashed});
}

void describe_replay(Report& report, const Replay& r) {
  ReportTable t;
  t.title = "By the rules of \"" + r.convention + "\": " + r.rule;
  t.columns = {{"step", "step", Align::Left},
               {"value", "value", Align::Right, 5},
               {"unit", "unit", Align::Left},
               {"how", "how", Align::Left}};
  Value steps = Value::array();
  for (const auto& s : r.steps) {
    t.rows.push_back({s.name, s.value, s.unit, s.how});
    steps.push_back(Value::object({{"step", s.name}, {"value", s.value}, {"unit", s.unit}, {"how", s.how}}));
  }
  if (r.printed) t.rows.push_back({"printed by the owner (" + r.figure + ")", *r.printed, r.unit, ""});
  t.note = "source of the rule: " + r.source + (r.remark.empty() ? "" : "; " + r.remark);
  report.tables.push_back(std::move(t));
  report.result["replay"] = Value::object({{"convention", r.convention},
                                           {"rule", r.rule},
                                           {"source", r.source},
                                           {"figure", r.figure},
                                           {"unit", r.unit},
                                           {"computed", r.computed},
                                           {"printed", r.printed},
                                           {"borrowed_constants", r.borrowed},
                                           {"remark", r.remark},
                                           {"steps", std::move(steps)}});
}

}  // namespace isoflop::app
