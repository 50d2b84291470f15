#include "apps/footprint/footprint_modes.h"

#include <fmt/format.h>

#include <algorithm>

#include "apps/catalogue/catalogue_report.h"
#include "apps/footprint/footprint_report.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/footprint/cohort.h"

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

std::string basis_words(const std::string& basis) {
  if (basis == "tdp_x_hours") return "TDP x hours";
  if (basis == "measured_gpu_power") return "measured GPU power";
  std::string words = basis;
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
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
    circular += row.energy_basis == "tdp_x_hours";
    metered += row.energy_basis == "measured_system_power" || row.energy_basis == "measured_gpu_power";
    inconsistent += a.verdict == Verdict::Inconsistent;
    t.rows.push_back({row.label(), cell(row.accelerator_hours), row.energy_basis, cell(row.energy_mwh),
                      cell(a.energy_mwh), cell(row.operational_tco2e), cell(a.operational_tco2e),
                      cell(a.implied_kg_per_it_kwh), cell(a.implied_mfu), std::string(name_of(a.verdict)),
                      reasons(a, Verdict::Doubtful)});
    list.push_back(audit_value(row, a));
  }
  t.note = "kg/IT kWh = printed tonnes over IT energy: PUE x grid as the owner must have used it";
  report.result["n"] = table.all().size();
  report.result["circular"] = circular;
  report.result["metered"] = metered;
  report.result["inconsistent"] = inconsistent;
  report.headline = fmt::format(
      "{} published rows: {} are TDP x hours, so that reproducing them tests arithmetic; {} rest on metered power; {} "
      "contradicts itself.",
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
    report.headline += fmt::format(
        " The owner prints {} t operational ({}), {} the interval of {}.", format_number(*row.operational_tco2e),
        basis_words(row.energy_basis), where,
        with_interval(estimate.operational_kg, carbon_unit(estimate.operational_kg.central)));
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
      "Gemini median text prompt: 0.24 Wh with host, idle and PUE, against 0.10 Wh for the active accelerator alone "
      "(2.4 times "
      "less); location-based on the US grid that is {}, where the owner prints 0.03 g market-based.",
      with_interval(estimate.operational_kg, carbon_unit(estimate.operational_kg.central)));
  describe_footprint(report, estimate, "Gemini median text prompt, location-based on the US grid");
  put_equivalences(report, estimate.total_kg, load_equivalences(data));
  report.warnings.push_back(
      "the owner publishes no interval and no embodied figure per prompt: neither is in these numbers");
  return report;
}

Report cohort_report(const Settings& settings, const std::string& claims_file, std::size_t draws) {
  const auto devices = AcceleratorCatalogue::load(settings.data);
  const auto grids = GridCatalogue::load(settings.data);
  const auto table = PublishedTable::load(settings.data);
  const auto models = ModelCatalogue::load(settings.data);
  Report report;
  report.command = "footprint";
  std::vector<Claim> claims = known_claims();
  if (!claims_file.empty()) {
    const CsvTable given = CsvTable::read(claims_file);
    claims = read_claims(given);
    report.inputs.push_back({given.name(), given.sha256(), given.rows(), 0});
  }
  const CohortTable c = cohort(models, table, devices, grids, claims, {draws, settings.seed, settings.threads});
  ReportTable t;
  t.title = "Published against recomputed";
  t.columns = {{"model", "model", Align::Left},
               {"FLOP (6ND)", "training_flop", Align::Right, 3},
               {"device", "device", Align::Left},
               {"hours published", "hours_published", Align::Right, 4},
               {"from 6ND", "hours_from_6nd", Align::Right, 3},
               {"low", "hours_low", Align::Right, 3},
               {"high", "hours_high", Align::Right, 3},
               {"t published", "operational_published_t", Align::Right, 4},
               {"t operational", "operational_t", Align::Right, 3},
               {"low", "operational_low_t", Align::Right, 3},
               {"high", "operational_high_t", Align::Right, 3},
               {"t embodied", "embodied_t", Align::Right, 2}};
  ReportTable why;
  why.title = "What disagrees, and why";
  why.columns = {{"model", "model", Align::Left}, {"what disagrees", "disagreement", Align::Left}};
  Value& list = report.result["models"] = Value::array();
  std::size_t outside = 0, published_t = 0;
  for (const auto& line : c.lines) {
    std::vector<TableCell> row{line.model, cell(line.training_flop), line.device, cell(line.hours_published)};
    const auto hours = line.hours_from_6nd;
    for (const auto& x :
         {hours ? std::optional(hours->central) : std::nullopt, hours ? std::optional(hours->low) : std::nullopt,
          hours ? std::optional(hours->high) : std::nullopt, line.operational_published_t})
      row.push_back(cell(x));
    Value entry = Value::object({{"model", line.model},
                                 {"organisation", line.organisation},
                                 {"release_date", line.release_date},
                                 {"training_flop", line.training_flop},
                                 {"accelerator_hours_published", line.hours_published},
                                 {"accelerator_hours_from_6nd", hours ? Value(*hours) : Value()},
                                 {"operational_published_tco2e", line.operational_published_t},
                                 {"disagreements", line.disagreements}});
    if (line.footprint) {
      const auto& f = *line.footprint;
      for (double kg : {f.operational_kg.central, f.operational_kg.low, f.operational_kg.high, f.embodied_kg.central})
        row.emplace_back(kg / 1e3);
      entry["operational_kg"] = f.operational_kg;
      entry["embodied_kg"] = f.embodied_kg;
      entry["energy_facility_kwh"] = f.facility_kwh;
      entry["water_l"] = f.water_l;
      if (line.operational_published_t) {
        ++published_t;
        outside += *line.operational_published_t * 1e3 < f.operational_kg.low;
      }
    } else {
      row.resize(t.columns.size());
    }
    t.rows.push_back(std::move(row));
    for (const auto& d : line.disagreements) why.rows.push_back({line.model, d});
    list.push_back(std::move(entry));
  }
  for (const auto& remark : c.remarks) why.rows.push_back({std::string("the whole table"), remark});
  t.note =
      "\"from 6ND\": learnt from other families' runs; tonnes in the common convention: measured power share, host, "
      "PUE, "
      "location-based; - = not disclosed";
  for (const std::string& model : c.not_compared)
    report.warnings.push_back("\"" + model + "\" is in neither the catalogue nor the published rows: not compared " +
                              "(`isoflop check " + claims_file + "` checks its arithmetic)");
  report.result["remarks"] = c.remarks;
  report.headline = fmt::format(
      "Of {} models {} publish tonnes; {} of these lie below the interval of the common convention, because TDP x "
      "hours leaves out host and idle. {} figures of the checked table disagree with the owners' own.",
      c.lines.size(), published_t, outside, why.rows.size() - c.remarks.size());
  report.tables.push_back(std::move(t));
  report.tables.push_back(std::move(why));
  report.seed = settings.seed;
  for (const auto& origin : {table.origin(), models.origin(), devices.origin(), grids.origin()})
    report.inputs.push_back(input_of(origin, origin.rows));
  if (claims_file.empty())
    report.assumptions.push_back({"checked table", "7 of its figures", "", known_claims().front().source});
  report.assumptions.push_back(
      {"power, host, PUE, grid, embodied", "priors of `isoflop footprint MODEL --explain`", "", "see there"});
  return report;
}

}  // namespace isoflop::app
