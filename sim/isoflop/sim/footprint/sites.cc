#include "isoflop/sim/footprint/sites.h"

#include <algorithm>

#include "isoflop/catalogue/name_index.h"
#include "isoflop/error.h"

namespace isoflop::sim {

SiteCatalogue SiteCatalogue::load(const DataFolder& folder) { return from(open_data_table("datacentres.csv", folder)); }

SiteCatalogue SiteCatalogue::from(const CsvTable& table) {
  static const std::vector<Field<Site>> fields = {
      field_of<&Site::provider, Site>("provider", 0),
      field_of<&Site::region, Site>("region", 0),
      field_of<&Site::location, Site>("location", 0),
      field_of<&Site::pue, Site>("pue", 0),
      field_of<&Site::pue_year, Site>("pue_year", 0),
      field_of<&Site::onsite_water_l_per_kwh, Site>("onsite_water_l_per_kwh", 0),
      field_of<&Site::onsite_water_year, Site>("onsite_water_year", 0),
      field_of<&Site::offsite_water_l_per_kwh, Site>("offsite_water_l_per_kwh", 0),
      field_of<&Site::source, Site>("source", 0),
      field_of<&Site::licence, Site>("licence", 0),
      field_of<&Site::note, Site>("note", 0),
  };
  SiteCatalogue result;
  result.origin_ = origin_of(table);
  const auto provider = table.column("provider");
  result.records_ = read_records(table, fields);
  for (std::size_t r = 0; r < result.records_.size(); ++r) {
    const Site& site = result.records_[r];
    if (site.provider.empty()) table.reject(r, provider, "every row needs a provider");
    if (site.pue && *site.pue < 1) table.reject(r, table.column("pue"), "a PUE is at least 1");
    if (site.onsite_water_l_per_kwh && *site.onsite_water_l_per_kwh < 0)
      table.reject(r, table.column("onsite_water_l_per_kwh"), "water is not negative");
  }
  return result;
}

const Site& SiteCatalogue::require(std::string_view name) const {
  const std::string wanted = comparable_name(name);
  const Site* best = nullptr;
  std::vector<std::string> names;
  for (const Site& site : records_) {
    names.push_back(site.label());
    for (const std::string& spelling : {site.label(), site.region, site.location})
      if (!spelling.empty() && comparable_name(spelling) == wanted &&
          (!best || site.pue_year.value_or(0) > best->pue_year.value_or(0)))
        best = &site;
  }
  if (!best) throw unknown_name("data centre", name, names);
  return *best;
}

void set_site(ActivityInputs& inputs, const Site& site) {
  if (site.pue) {
    inputs.pue.distribution = Distribution::triangular(std::max(1.0, 0.98 * *site.pue), *site.pue, 1.02 * *site.pue);
    inputs.pue.source = site.label() + (site.pue_year ? ", " + std::to_string(*site.pue_year) : "") + ": " +
                        site.source + "; +-2 % assumed";
  }
  if (const auto wue = site.onsite_water_l_per_kwh) {
    inputs.wue_l_per_kwh.distribution =
        *wue > 0 ? Distribution::triangular(0.8 * *wue, *wue, 1.2 * *wue) : Distribution::fixed(0);
    inputs.wue_l_per_kwh.source = site.label() + ": " + site.source + "; +-20 % assumed";
  }
  if (const auto ewif = site.offsite_water_l_per_kwh) {
    inputs.ewif_l_per_kwh.distribution = Distribution::triangular(0.8 * *ewif, *ewif, 1.2 * *ewif);
    inputs.ewif_l_per_kwh.source = site.label() + ": " + site.source + "; +-20 % assumed";
  }
}

void set_hyperscale_site(ActivityInputs& inputs) {
  inputs.pue.distribution = Distribution::triangular(1.07, 1.09, 1.12);
  inputs.pue.source = "large operators' own regions: Google 1.07-1.16, median 1.09 (data/datacentres.csv); prior";
  inputs.wue_l_per_kwh.distribution = Distribution::triangular(0.05, 0.2, 0.6);
  inputs.wue_l_per_kwh.source = "AWS median 0.18, Microsoft 0.08-0.57 L/kWh (data/datacentres.csv); prior";
}

void set_unknown_site(ActivityInputs& inputs) {
  inputs.pue.distribution = Distribution::triangular(1.07, 1.3, 1.6);
  inputs.pue.source = "from large operators to Uptime's survey mean of 1.58; assumed for an unnamed site";
  inputs.wue_l_per_kwh.distribution = Distribution::triangular(0, 0.3, 1.8);
  inputs.wue_l_per_kwh.source = "assumed for an unnamed site: none to mostly evaporative";
}

}  // namespace isoflop::sim
