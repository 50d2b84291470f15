#include "apps/footprint/footprint_elsewhere.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/catalogue/catalogue_report.h"
#include "apps/footprint/footprint_report.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/footprint/codecarbon.h"

namespace isoflop::app {

using namespace isoflop::sim;

namespace {

/// The average of the year in which the row was written, else the newest.
const GridFactor& factor_of_year(const GridCatalogue& grids, const std::string& zone, const std::string& timestamp) {
  const auto year = parse_number(timestamp.substr(0, 4));
  for (const GridFactor* row : grids.find(zone))
    if (year && row->year && static_cast<double>(*row->year) == *year && row->kind == "average") return *row;
  return average_factor(grids, zone);
}

}  // namespace

Report codecarbon_report(const Settings& settings, const std::string& file, const ActivityInputs& site,
                         bool grid_given) {
  const CsvTable table = CsvTable::read(file);
  const auto rows = read_emissions(table);
  const auto grids = GridCatalogue::load(settings.data);
  Report report;
  report.command = "footprint";
  ReportTable t;
  t.title = "Rows of " + table.name();
  t.columns = {{"project", "project", Align::Left},
               {"hours", "hours", Align::Right, 3},
               {"kWh", "energy_facility_kwh", Align::Right, 4},
               {"kg CO2e", "emissions_kg", Align::Right, 4},
               {"kg/kWh used", "kg_per_kwh", Align::Right, 3},
               {"our factor", "our_kg_per_kwh", Align::Right, 3},
               {"PUE", "pue", Align::Right, 3},
               {"doubts", "doubts", Align::Left}};
  double it_kwh = 0, facility = 0, kg = 0, our_kg = 0, hours = 0, elsewhere_kwh = 0;
  std::size_t doubted = 0, broken = 0, superseded = 0;
  Value& list = report.result["rows"] = Value::array();
  for (const auto& row : rows) {
    std::string doubts;
    for (const auto& d : row.doubts) doubts += (doubts.empty() ? "" : "; ") + d;
    std::optional<double> factor;
    if (grid_given)
      factor = site.grid_kg_per_kwh.distribution.median();
    else if (!row.country_iso.empty() && !grids.find(row.country_iso).empty())
      factor = factor_of_year(grids, row.country_iso, row.timestamp).kgco2e_per_kwh;
    superseded += row.is_superseded;
    if (!row.is_superseded) {
      doubted += !row.doubts.empty();
      broken += row.is_broken;
      it_kwh += row.it_kwh();
      facility += row.facility_kwh;
      kg += row.emissions_kg;
      our_kg += row.facility_kwh * factor.value_or(0);
      elsewhere_kwh += factor ? 0 : row.facility_kwh;
      hours += row.duration_s / 3600 * std::max(1.0, row.gpu_count.value_or(1));
    }
    t.rows.push_back({row.project, row.duration_s / 3600, row.facility_kwh, row.emissions_kg,
                      row.facility_kwh > 0 ? TableCell(row.emissions_kg / row.facility_kwh) : TableCell(),
                      factor ? TableCell(*factor) : TableCell(), row.pue_ratio, doubts});
    list.push_back(Value::object({{"project", row.project},
                                  {"run_id", row.run_id},
                                  {"energy_facility_kwh", row.facility_kwh},
                                  {"energy_it_kwh", row.it_kwh()},
                                  {"emissions_kg", row.emissions_kg},
                                  {"grid_kgco2e_per_kwh", factor},
                                  {"is_counted", !row.is_superseded},
                                  {"doubts", row.doubts}}));
  }
  t.note = "energy_consumed holds the file's own PUE; its emissions are energy x its own factor";
  report.inputs.push_back({table.name(), table.sha256(), rows.size() - superseded, superseded});
  if (!(it_kwh > 0)) {
    report.headline = "The file holds no energy: nothing can be said.";
    report.distrust = "no row of the file has energy";
    report.tables.push_back(std::move(t));
    return report;
  }
  ActivityInputs in = site;
  in.device_hours = {"device-hours", "h", Distribution::fixed(hours > 0 ? hours : 1), file + ": duration x gpu_count"};
  in.tdp_w.distribution = Distribution::fixed(it_kwh * 1e3 / (hours > 0 ? hours : 1));
  in.tdp_w.source = file + ": energy over time";
  in.power_fraction.distribution = tier_spread(doubted > 0 ? MeterTier::FractionOfTdp : MeterTier::EnergyCounter);
  in.power_fraction.source = doubted > 0 ? "some rows are modelled or doubtful" : "counters";
  in.tier = doubted > 0 ? MeterTier::FractionOfTdp : MeterTier::EnergyCounter;
  in.host_factor.distribution = Distribution::triangular(1.0, 1.1, 1.25);
  in.host_factor.source =
      "assumed: CodeCarbon counts processor, memory and GPU, not power supply, fans, disks and network";
  in.pue.distribution = Distribution::fixed(std::max(1.0, facility / it_kwh));
  in.pue.source = file;
  if (!grid_given && elsewhere_kwh == 0) {
    const double factor = our_kg / facility;
    in.grid_kg_per_kwh.distribution = Distribution::normal(factor, 0.04 * factor);
    in.grid_kg_per_kwh.source = "country and year of each row, data/grids.csv; sd 4 % assumed";
  } else if (!grid_given) {
    // Rows whose country is missing or not in the table may stand anywhere.
    const double known = our_kg / facility, unknown = elsewhere_kwh / facility;
    in.grid_kg_per_kwh.distribution = Distribution::triangular(
        known + unknown * anywhere_kg_per_kwh[0], known + unknown * anywhere_kg_per_kwh[1],
        known + unknown * anywhere_kg_per_kwh[2]);
    in.grid_kg_per_kwh.source = "country of each row, data/grids.csv; from Norway to India where it is not known";
    report.warnings.push_back(
        fmt::format("{} % of the energy is of rows whose country is missing or not in the table: the interval spans "
                    "Norway to India for it; give --grid",
                    format_number(100 * unknown, 2)));
  }
  const FootprintEstimate estimate = assess(in, {16384, settings.seed, settings.threads});
  report.seed = settings.seed;
  put_footprint(report.result, estimate);
  report.result["codecarbon"] = Value::object({{"rows", rows.size()},
                                               {"rows_superseded", superseded},
                                               {"doubted", doubted},
                                               {"energy_facility_kwh", facility},
                                               {"energy_it_kwh", it_kwh},
                                               {"emissions_kg", kg}});
  report.headline = fmt::format(
      "Rows: {}, {}: the file says {}; with embodied hardware and what it does not meter, {} in all (90 % interval).{}",
      rows.size(), with_interval(Estimate::exact(facility), energy_unit(facility)),
      with_interval(Estimate::exact(kg), carbon_unit(kg)),
      with_interval(estimate.total_kg, carbon_unit(estimate.total_kg.central)),
      (superseded > 0
           ? fmt::format(" Not counted, because a later row of the same run holds their totals: {}.", superseded)
           : "") +
          (doubted > 0 ? fmt::format(" Doubtful rows: {}.", doubted) : ""));
  if (broken > 0)
    report.distrust = fmt::format("{} of {} rows have energy or carbon that cannot be right (column doubts)", broken,
                                  rows.size() - superseded);
  report.tables.push_back(std::move(t));
  describe_footprint(report, estimate, "The same runs, in the common convention");
  put_equivalences(report, estimate.total_kg, load_equivalences(settings.data));
  report.warnings.push_back(
      "embodied emissions count gpu_count data-centre GPUs, or one where the file names none; give --device-kg and "
      "--server-kg for your machine");
  return report;
}

namespace {

/// Two bars a plan: what an operator could have saved, and what nobody can save more than.
PlotSpec schedule_plot(const ScheduleResult& r, const FlexibleJob& job, const std::string& series) {
  PlotSpec plot;
  plot.name = "footprint-schedule";
  plot.title = fmt::format("What waiting saves: a job of {} h with {} h of slack", format_number(job.hours),
                           format_number(job.slack_hours));
  plot.subtitle = fmt::format("{} random starts, ratio of totals", r.starts);
  plot.x.title = "% saved against starting at once (negative: costs more)";
  plot.source = "isoflop footprint; " + series;
  BarLayer forecast{"with yesterday as the forecast", {}, {}, {}, {}, 0};
  BarLayer oracle{"with perfect foresight", {}, {}, {}, {}, -1};
  const auto add = [&](const std::string& name, const Savings& s) {
    for (BarLayer* layer : {&forecast, &oracle}) layer->categories.push_back(name);
    forecast.values.push_back(std::round(1000 * s.forecast) / 10);
    oracle.values.push_back(std::round(1000 * s.oracle) / 10);
    plot.description += fmt::format("{}: {} % with a forecast, {} % with foresight. ", name,
                                    format_number(100 * s.forecast, 3), format_number(100 * s.oracle, 3));
  };
  add("shift", r.shift);
  add("pause and resume", r.pause);
  if (r.shift_marginal) add("shift, marginal carbon", *r.shift_marginal);
  if (r.shift_water) add("shift, off-site water", *r.shift_water);
  plot.bars = {forecast, oracle};
  plot.stacked = false;
  plot.height_px = 200 + 90 * static_cast<int>(forecast.values.size());
  return plot;
}

struct Place {
  const GridFactor* grid;
  Estimate kg, litres;
  bool is_beaten = false;
};

/// Carbon against water, so that a ranking by one of them shows what it costs in the other.
PlotSpec zones_plot(const std::vector<Place>& places, const ReadableUnit& carbon, const ReadableUnit& water) {
  PlotSpec plot;
  plot.name = "footprint-zones";
  plot.title = "The same run elsewhere: carbon and water";
  plot.subtitle = "error bars: 90 % interval of the water";
  plot.x.title = carbon.unit + ", operational and embodied";
  plot.y.title = water.unit + " of water, on-site and off-site";
  plot.x.low = plot.y.low = 0;
  plot.source = "isoflop footprint; grid factors and water of data/grids.csv";
  PointLayer unbeaten, beaten;
  unbeaten.legend = "no listed zone is lower in both";
  beaten.legend = "another zone is lower in both";
  beaten.colour = -1;
  beaten.marker = Marker::CircleOpen;
  for (const Place& p : places) {
    PointLayer& layer = p.is_beaten ? beaten : unbeaten;
    layer.x.push_back(p.kg.central * carbon.scale);
    layer.y.push_back(p.litres.central * water.scale);
    layer.y_low.push_back(p.litres.low * water.scale);
    layer.y_high.push_back(p.litres.high * water.scale);
    layer.names.push_back(p.grid->name);
    layer.labelled.push_back(true);
    plot.description +=
        fmt::format("{}: {} {}, {} {} of water. ", p.grid->name, format_number(p.kg.central * carbon.scale, 3),
                    carbon.unit, format_number(p.litres.central * water.scale, 3), water.unit);
  }
  plot.points.push_back(std::move(unbeaten));
  if (!beaten.x.empty()) plot.points.push_back(std::move(beaten));
  return plot;
}

}  // namespace

void put_schedule(Report& report, const CsvTable& table, const FlexibleJob& job, std::uint64_t seed,
                  std::optional<double> kwh) {
  const ScheduleResult r = schedule(read_grid_series(table), job, 3000, seed);
  ReportTable t;
  t.title = fmt::format("A job of {} h that may end {} h later than at once", format_number(job.hours),
                        format_number(job.slack_hours));
  t.columns = {{"plan", "plan", Align::Left},
               {"saves with a forecast %", "forecast_percent", Align::Right, 3},
               {"with perfect foresight %", "oracle_percent", Align::Right, 3}};
  const auto add = [&](const std::string& name, const Savings& s) {
    t.rows.push_back({name, 100 * s.forecast, 100 * s.oracle});
  };
  add("shift in one piece", r.shift);
  add("pause and resume", r.pause);
  if (r.shift_marginal) add("the same shift, marginal carbon", *r.shift_marginal);
  if (r.shift_water) add("the same shift, off-site water", *r.shift_water);
  t.note = fmt::format(
      "{} random starts, ratio of totals; forecast = the last 24 hours repeat; a median day's highest hour is {} times "
      "its lowest",
      r.starts, format_number(r.median_daily_max_over_min, 3));
  const auto savings = [](const Savings& s) { return Value::object({{"forecast", s.forecast}, {"oracle", s.oracle}}); };
  Value& v = report.result["schedule"] = Value::object({{"job_hours", job.hours},
                                                        {"slack_hours", job.slack_hours},
                                                        {"starts", r.starts},
                                                        {"baseline_kgco2e_per_kwh", r.baseline_kg_per_kwh},
                                                        {"shift_saves_share", savings(r.shift)},
                                                        {"pause_saves_share", savings(r.pause)},
                                                        {"median_daily_max_over_min", r.median_daily_max_over_min}});
  v["shift_saves_share_marginal"] = r.shift_marginal ? savings(*r.shift_marginal) : Value();
  v["shift_saves_share_water"] = r.shift_water ? savings(*r.shift_water) : Value();
  // The series is the grid that the job runs on: its own factor prices the energy.
  const double saved_kg = kwh.value_or(0) * r.baseline_kg_per_kwh * r.shift.forecast;
  v["shift_saves_kg"] = kwh ? Value(saved_kg) : Value();
  report.headline += fmt::format(
      "{}Waiting up to {} h saves {} % of the carbon of a {} h job with a realistic forecast ({} % with perfect "
      "foresight){}.",
      report.headline.empty() ? "" : " ", format_number(job.slack_hours), format_number(100 * r.shift.forecast, 2),
      format_number(job.hours), format_number(100 * r.shift.oracle, 2),
      kwh ? ", " + with_interval(Estimate::exact(saved_kg), carbon_unit(std::fabs(saved_kg))) + " of this run's" : "");
  report.tables.push_back(std::move(t));
  report.inputs.push_back({table.name(), table.sha256(), table.rows(), 0});
  for (const auto& [what, s] : {std::pair{"marginal carbon", r.shift_marginal}, {"off-site water", r.shift_water}})
    if (s && s->forecast < 0)
      report.warnings.push_back(fmt::format("the shift that saves average carbon costs {} % more {}",
                                            format_number(-100 * s->forecast, 2), what));
  report.plots.push_back(schedule_plot(r, job, table.name()));
  report.assumptions.push_back({"forecast", "the last 24 known hours repeat", "",
                                "what an operator can have without a service; oracle shown beside"});
}

void put_zones(Report& report, ActivityInputs inputs, const std::vector<std::string>& zones, std::optional<long> year,
               const GridCatalogue& grids, const PropagationOptions& options) {
  std::vector<Place> places;
  for (const auto& zone : zones) {
    const GridFactor& grid = average_factor(grids, zone, year);
    set_grid(inputs, grid);
    if (!grid.offsite_water_l_per_kwh) set_unknown_offsite_water(inputs);
    const auto f = assess(inputs, options);
    places.push_back({&grid, f.total_kg, f.water_l});
  }
  std::stable_sort(places.begin(), places.end(),
                   [](const Place& a, const Place& b) { return a.kg.central < b.kg.central; });
  ReportTable t;
  t.title = "The same run elsewhere: carbon and water";
  const auto carbon = carbon_unit(places.front().kg.central);
  const auto water = water_unit(places.front().litres.central);
  t.columns = {{"zone", "zone", Align::Left},
               {carbon.unit, "co2e_total", Align::Right, 3},
               {"low", "co2e_low", Align::Right, 3},
               {"high", "co2e_high", Align::Right, 3},
               {water.unit + " water", "water_total", Align::Right, 3},
               {"low", "water_low", Align::Right, 3},
               {"high", "water_high", Align::Right, 3},
               {"unbeaten on both", "unbeaten", Align::Left}};
  Value& list = report.result["zones"] = Value::array();
  for (auto& p : places) {
    p.is_beaten = std::any_of(places.begin(), places.end(), [&](const Place& q) {
      return q.kg.central < p.kg.central && q.litres.central < p.litres.central;
    });
    t.rows.push_back({p.grid->name, p.kg.central * carbon.scale, p.kg.low * carbon.scale, p.kg.high * carbon.scale,
                      p.litres.central * water.scale, p.litres.low * water.scale, p.litres.high * water.scale,
                      std::string(p.is_beaten ? "" : "yes")});
    list.push_back(Value::object({{"zone", p.grid->zone},
                                  {"name", p.grid->name},
                                  {"co2e_kg", p.kg},
                                  {"water_l", p.litres},
                                  {"unbeaten_on_both", !p.is_beaten}}));
  }
  report.plots.push_back(zones_plot(places, carbon, water));
  t.note = "unbeaten: no listed zone is lower in both; a ranking by carbon alone hides thirsty generation";
  report.tables.push_back(std::move(t));
}

}  // namespace isoflop::app
