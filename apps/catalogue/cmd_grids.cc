#include <algorithm>

#include "apps/catalogue/catalogue_report.h"
#include "apps/commands.h"
#include "isoflop/catalogue/grids.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

ReportTable grid_table(const std::vector<const GridFactor*>& rows, bool with_source) {
  ReportTable table;
  table.columns = {{"zone", "zone", Align::Left},
                   {"name", "name", Align::Left},
                   {"kg CO2e/kWh", "kgco2e_per_kwh"},
                   {"year", "year"},
                   {"kind", "kind", Align::Left},
                   {"accounting", "accounting", Align::Left},
                   {"water L/kWh", "offsite_water_l_per_kwh"},
                   {"carbon-free share", "hourly_cfe_share"}};
  if (with_source) {
    table.columns.push_back({"source", "source", Align::Left});
    table.columns.push_back({"licence", "licence", Align::Left});
    table.columns.push_back({"note", "note", Align::Left});
  }
  for (const auto* g : rows) {
    table.rows.push_back({g->zone, g->name, g->kgco2e_per_kwh, g->year ? TableCell(*g->year) : TableCell(), g->kind,
                          g->accounting,
                          g->offsite_water_l_per_kwh ? TableCell(*g->offsite_water_l_per_kwh) : TableCell(),
                          g->hourly_cfe_share ? TableCell(*g->hourly_cfe_share) : TableCell()});
    if (with_source)
      for (const auto& text : {g->source, g->licence, g->note}) table.rows.back().emplace_back(text);
  }
  return table;
}

Value grid_values(const std::vector<const GridFactor*>& rows) {
  Value values = Value::array();
  for (const auto* g : rows)
    values.push_back(Value::object({{"zone", g->zone},
                                    {"name", g->name},
                                    {"kgco2e_per_kwh", g->kgco2e_per_kwh},
                                    {"year", g->year},
                                    {"kind", g->kind},
                                    {"accounting", g->accounting},
                                    {"offsite_water_l_per_kwh", g->offsite_water_l_per_kwh},
                                    {"hourly_cfe_share", g->hourly_cfe_share},
                                    {"source", g->source},
                                    {"licence", g->licence},
                                    {"note", g->note}}));
  return values;
}

class GridsList : public Command {
 public:
  std::string name() const override { return "grids list"; }
  std::string summary() const override { return "List carbon and water factors of electricity by zone and year."; }
  std::string examples() const override {
    return "isoflop grids list --sort carbon\nisoflop grids list --kind lifecycle\nisoflop grids list --year 2024 "
           "--csv";
  }
  void declare(OptionSet& options) override {
    options.choice("--kind", kind_, {"all", "average", "lifecycle"},
                   "grid averages, or life-cycle factors of technologies");
    options.whole("--year", year_, "only this year", 1990, 2100);
    options.choice("--sort", sort_, {"catalogue", "name", "carbon", "water"},
                   "carbon, water: lowest first, unknown last");
  }

  Report run(const Settings& settings) override {
    const auto grids = GridCatalogue::load(settings.data);
    std::vector<const GridFactor*> listed;
    for (const auto& row : grids.all())
      if ((kind_ == "all" || row.kind == kind_) && (!year_ || row.year == *year_)) listed.push_back(&row);
    std::stable_sort(listed.begin(), listed.end(), [this](const GridFactor* a, const GridFactor* b) {
      if (sort_ == "name") return a->name < b->name;
      if (sort_ == "carbon") return a->kgco2e_per_kwh < b->kgco2e_per_kwh;
      if (sort_ == "water") return a->offsite_water_l_per_kwh.value_or(1e9) < b->offsite_water_l_per_kwh.value_or(1e9);
      return false;
    });
    Report report;
    report.headline =
        std::to_string(listed.size()) + " factors. Averages, not marginal; low carbon can mean high water.";
    report.tables.push_back(grid_table(listed, false));
    report.result["n"] = listed.size();
    report.result["grids"] = grid_values(listed);
    report.inputs.push_back(input_of(grids.origin(), grids.all().size()));
    return report;
  }

 private:
  std::string kind_ = "all", sort_ = "catalogue";
  std::optional<long> year_;
};

class GridsShow : public Command {
 public:
  std::string name() const override { return "grids show"; }
  std::string summary() const override { return "Show every factor of one zone with source and licence."; }
  std::string examples() const override {
    return "isoflop grids show SWE\nisoflop grids show us-central1\nisoflop grids show Germany --json";
  }
  void declare(OptionSet& options) override {
    options.positional("zone", wanted_, "country code or name, cloud region, or named case");
  }

  Report run(const Settings& settings) override {
    const auto grids = GridCatalogue::load(settings.data);
    const auto rows = grids.require_all(wanted_);
    Report report;
    const auto* newest = rows.front();
    report.headline = newest->name + ": " + format_number(newest->kgco2e_per_kwh) + " kg CO2e/kWh (" + newest->kind +
                      (newest->year ? ", " + std::to_string(*newest->year) : "") + ").";
    report.tables.push_back(grid_table(rows, true));
    report.result["zone"] = newest->zone;
    report.result["factors"] = grid_values(rows);
    report.inputs.push_back(input_of(grids.origin(), rows.size()));
    return report;
  }

 private:
  std::string wanted_;
};

}  // namespace

std::unique_ptr<Command> make_grids_list() { return std::make_unique<GridsList>(); }
std::unique_ptr<Command> make_grids_show() { return std::make_unique<GridsShow>(); }

}  // namespace isoflop::app
