#include "apps/footprint_modes.h"

#include <fmt/format.h>

#include "apps/catalogue_report.h"
#include "apps/footprint_report.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

TableCell cell(const std::optional<double>& value) { return value ? TableCell(*value) : TableCell(); }

Value finding_list(const Audit& a) {
  Value list = Value::array();
  for (const auto& finding : a.findings)
    list.push_back(Value::object({{"verdict", name_of(finding.verdict)}, {"reason", finding.reason}}));
  return list;
}

std::string reasons(const Audit& a, Verdict at_least) {
  std::string text;
  for (const auto& finding : a.findings)
    if (finding.verdict >= at_least) text += (text.empty() ? "" : "; ") + finding.reason;
  return text;
}

Value audit_value(const PublishedFootprint& row, const Audit& a) {
  return Value::object({{"model", row.model},
                        {"scope", row.scope},
                        {"accelerator_hours", row.accelerator_hours},
                        {"energy_mwh", row.energy_mwh},
                        {"energy_includes_pue", row.energy_includes_pue},
                        {"energy_mwh_recomputed", a.energy_mwh},
                        {"operational_tco2e", row.operational_tco2e},
                        {"operational_tco2e_recomputed", a.operational_tco2e},
                        {"implied_kg_per_it_kwh", a.implied_kg_per_it_kwh},
                        {"implied_mfu", a.implied_mfu},
                        {"embodied_tco2e", row.embodied_tco2e},
                        {"water_m3", row.water_m3},
                        {"energy_basis", row.energy_basis},
                        {"accounting", row.accounting},
                        {"verdict", name_of(a.verdict)},
                        {"findings", finding_list(a)},
                        {"source", row.source},
                        {"confidence", row.confidence}});
}

}  // namespace

Report published_report(const DataFolder& data) {
  const auto devices = AcceleratorCatalogue::load(data);
  const auto table = PublishedTable::load(data);
  Report report;
  report.command = "footprint";
  ReportTable t;
  t.title = "Published training footprints, recomputed from their own columns";
  t.columns = {{"run", "run", Align::Left},
               {"device-hours", "accelerator_hours", Align::Right, 4},
               {"rests on", "energy_basis", Align::Left},
               {"MWh", "energy_mwh", Align::Right, 4},
               {"recomputed", "energy_mwh_recomputed", Align::Right, 4},
               {"t CO2e", "operational_tco2e", Align::Right, 4},
               {"recomputed", "operational_tco2e_recomputed", Align::Right, 4},
               {"kg/IT kWh", "implied_kg_per_it_kwh", Align::Right, 3},
               {"MFU", "implied_mfu", Align::Right, 2},
               {"verdict", "verdict", Align::Left},
               {"why", "why", Align::Left}};
  std::size_t circular = 0, metered = 0, inconsistent = 0;
  Value& list = report.result["rows"] = Value::array();
  for (const auto& row : table.all()) {
    const Audit a = audit(row, devices, table.all());
    circular += row.tier() == MeterTier::TdpTimesHours;
    metered += row.is_measured();
    inconsistent += a.verdict == Verdict::Inconsistent;
    t.rows.push_back({row.label(), cell(row.accelerator_hours), row.energy_basis, cell(row.energy_mwh), cell(a.energy_mwh),
                      cell(row.operational_tco2e), cell(a.operational_tco2e), cell(a.implied_kg_per_it_kwh), cell(a.implied_mfu),
                      std::string(name_of(a.verdict)), reasons(a, Verdict::Doubtful)});
    list.push_back(audit_value(row, a));
  }
  t.note = "kg/IT kWh = printed tonnes over IT energy: PUE x grid as the owner must have used it";
  report.result["n"] = table.all().size();
  report.result["circular"] = circular;
  report.result["metered"] = metered;
  report.result["inconsistent"] = inconsistent;
  report.headline = fmt::format(
      "{} published rows: {} are TDP x hours, so that reproducing them tests arithmetic; {} rest on metered power; {} contradicts itself.",
      table.all().size(), circular, metered, inconsistent);
  report.tables.push_back(std::move(t));
  report.inputs.push_back(input_of(table.origin(), table.all().size()));
  report.inputs.push_back(input_of(devices.origin(), devices.all().size()));
  return report;
}

void put_published(Report& report, const PublishedFootprint& row, const AcceleratorCatalogue& devices,
                   const std::vector<PublishedFootprint>& all, const FootprintEstimate& estimate) {
  const Audit a = audit(row, devices, all);
  report.result["published"] = audit_value(row, a);
  if (row.operational_tco2e) {
    const double printed_kg = *row.operational_tco2e * 1e3;
    const char* where = printed_kg < estimate.operational_kg.low    ? "below"
                        : printed_kg > estimate.operational_kg.high ? "above"
                                                                     : "inside";
    report.headline += fmt::format(" The owner prints {} t operational ({}), {} the interval of {}.",
                                   format_number(*row.operational_tco2e), row.energy_basis == "tdp_x_hours" ? "TDP x hours" : row.energy_basis,
                                   where, with_interval(estimate.operational_kg, carbon_unit(estimate.operational_kg.central)));
  }
  for (const auto& finding : a.findings) {
    if (finding.verdict == Verdict::Inconsistent)
      report.distrust = row.label() + ": " + finding.reason;
    else
      report.warnings.push_back(row.label() + ": " + finding.reason);
  }
  if (!row.note.empty()) report.warnings.push_back("note on the row: " + row.note);
}

Report gemini_report(const DataFolder& data, std::uint64_t seed, int threads) {
  Report report;
  report.command = "footprint";
  const Replay r = replay_gemini_prompt();
  describe_replay(report, r);
  ActivityInputs in;
  in.device_hours.distribution = Distribution::fixed(1);
  in.tdp_w.distribution = Distribution::fixed(0.14);
  in.host_factor.distribution = Distribution::fixed(0.20 / 0.14);
  in.idle_time.distribution = Distribution::fixed(0.02 / 0.20);
  in.idle_power.distribution = Distribution::fixed(1);
  in.pue.distribution = Distribution::fixed(0.24 / 0.22);
  in.wue_l_per_kwh.distribution = Distribution::fixed(1.15);
  for (auto* input : {&in.tdp_w, &in.host_factor, &in.idle_time, &in.idle_power, &in.pue, &in.wue_l_per_kwh})
    input->source = "owner's breakdown, " + r.source;
  set_grid(in, GridCatalogue::load(data).require("USA"));
  in.market_kg_per_kwh = 0.125;
  in.tier = MeterTier::EnergyCounter;
  const FootprintEstimate estimate = assess(in, {16384, seed, threads});
  report.seed = seed;
  put_footprint(report.result, estimate);
  report.result["subject"] = "Gemini median text prompt";
  report.headline = fmt::format(
      "Gemini median text prompt: 0.24 Wh with host, idle and PUE, against 0.10 Wh for the active accelerator alone (2.4 times "
      "less); location-based on the US grid that is {}, where the owner prints 0.03 g market-based.",
      with_interval(estimate.operational_kg, carbon_unit(estimate.operational_kg.central)));
  describe_footprint(report, estimate, "Gemini median text prompt, location-based on the US grid");
  put_equivalences(report, estimate.total_kg, load_equivalences(data));
  report.warnings.push_back("the owner publishes no interval and no embodied figure per prompt: neither is in these numbers");
  return report;
}

}  // namespace isoflop::app
