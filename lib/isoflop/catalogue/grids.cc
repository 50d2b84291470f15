#include "isoflop/catalogue/grids.h"

#include <algorithm>
#include <map>

#include "isoflop/catalogue/name_index.h"
#include "isoflop/error.h"

namespace isoflop {
namespace {

template <auto Member>
Field<GridFactor> field(const char* column) {
  return field_of<Member, GridFactor>(column, 0);
}

using G = GridFactor;

}  // namespace

const std::vector<Field<G>>& grid_fields() {
  static const std::vector<Field<G>> fields = {
      field<&G::zone>("zone"),
      field<&G::name>("name"),
      field<&G::aliases>("aliases"),
      field<&G::kgco2e_per_kwh>("kgco2e_per_kwh"),
      field<&G::year>("year"),
      field<&G::kind>("kind"),
      field<&G::accounting>("accounting"),
      field<&G::offsite_water_l_per_kwh>("offsite_water_l_per_kwh"),
      field<&G::hourly_cfe_share>("hourly_cfe_share"),
      field<&G::source>("source"),
      field<&G::licence>("licence"),
      field<&G::note>("note"),
  };
  return fields;
}

namespace {

// How well a row answers to a name, best first; 0 = not at all. A country wins over a cloud region in it, so that
// "Finland" is the country and "Georgia" never a region of the United States.
int closeness(const GridFactor& row, const std::string& wanted) {
  const auto colon = row.zone.find(':');
  if (comparable_name(row.zone) == wanted) return 4;
  for (const auto& alias : row.aliases)
    if (comparable_name(alias) == wanted) return 4;
  if (colon != std::string::npos && comparable_name(row.zone.substr(colon + 1)) == wanted) return 3;
  if (comparable_name(row.name) != wanted) return 0;
  return colon == std::string::npos ? 2 : 1;
}

}  // namespace

GridCatalogue GridCatalogue::load(const DataFolder& folder) { return from(open_data_table("grids.csv", folder)); }

GridCatalogue GridCatalogue::from(const CsvTable& table) {
  const std::size_t zone = table.column("zone"), factor = table.column("kgco2e_per_kwh");
  GridCatalogue catalogue;
  catalogue.origin_ = origin_of(table);
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (table.text(row, zone).empty()) table.reject(row, zone, "is empty; expected a zone");
    if (table.required_number(row, factor) < 0) table.reject(row, factor, "is negative");
  }
  catalogue.records_ = read_records(table, grid_fields());
  std::map<std::string, std::size_t> keys;
  for (std::size_t i = 0; i < catalogue.records_.size(); ++i) {
    const GridFactor& row = catalogue.records_[i];
    const std::string year = row.year ? std::to_string(*row.year) : "";
    const auto [place, is_new] = keys.emplace(row.zone + "|" + year + "|" + row.kind + "|" + row.accounting, i);
    if (!is_new)
      table.reject_row(i, "zone " + row.zone + ", year " + year + ", kind " + row.kind + " already stands in line " +
                              std::to_string(table.line(place->second)));
  }
  return catalogue;
}

std::vector<const GridFactor*> GridCatalogue::find(std::string_view zone) const {
  const std::string wanted = comparable_name(zone);
  std::vector<const GridFactor*> found;
  int best = 1;
  for (const auto& row : records_) {
    const int close = wanted.empty() ? 0 : closeness(row, wanted);
    if (close < best) continue;
    if (close > best) found.clear();
    best = close;
    found.push_back(&row);
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const GridFactor* a, const GridFactor* b) { return a->year.value_or(0) > b->year.value_or(0); });
  return found;
}

std::vector<const GridFactor*> GridCatalogue::require_all(std::string_view zone) const {
  auto found = find(zone);
  if (!found.empty()) return found;
  std::vector<std::string> names;
  for (const auto& row : records_) {
    for (const auto& name : {row.zone, row.name})
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  throw unknown_name("grid zone", zone, names);
}

const GridFactor& GridCatalogue::require(std::string_view zone, std::optional<std::int64_t> year) const {
  const auto found = require_all(zone);
  if (!year) return *found.front();
  std::string years;
  for (const auto* row : found) {
    if (row->year == year) return *row;
    years += (years.empty() ? "" : ", ") + (row->year ? std::to_string(*row->year) : std::string("no year"));
  }
  throw Error(Fault::Usage,
              "grid zone \"" + std::string(zone) + "\" has no row for " + std::to_string(*year) + "; it has: " + years);
}

}  // namespace isoflop
