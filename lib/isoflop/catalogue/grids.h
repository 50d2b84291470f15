// Carbon and water of electricity: factors per zone and year. Averages, life-cycle factors of technologies, and
// market-based values must not be mixed; every row says which it is. Never a marginal factor.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "isoflop/catalogue/data_files.h"
#include "isoflop/catalogue/record_fields.h"

namespace isoflop {

struct GridFactor {  ///< One zone, year and kind.
  std::string zone;  ///< ISO-3 country, "gcp:REGION", "tech:TECHNOLOGY" or a named case
  std::string name;
  std::vector<std::string> aliases;
  double kgco2e_per_kwh = 0;
  std::optional<std::int64_t> year;
  std::string kind;                               ///< average, lifecycle
  std::string accounting;                         ///< location, market, technology
  std::optional<double> offsite_water_l_per_kwh;  ///< water used in generating the electricity
  std::optional<double> hourly_cfe_share;         ///< carbon-free share by hour, 0..1
  std::string source, licence, note;
};

/// Every column a GridFactor is read from, in all spellings.
const std::vector<Field<GridFactor>>& grid_fields();

class GridCatalogue {  ///< All rows, by zone and year.
 public:
  /// grids.csv of the folder, else the one compiled in.
  static GridCatalogue load(const DataFolder& folder = {});
  /// Throws Error (BadInput) for a row without zone or factor, or a repeated (zone, year, kind).
  static GridCatalogue from(const CsvTable& table);

  const std::vector<GridFactor>& all() const& { return records_; }
  std::vector<GridFactor> all() && { return std::move(records_); }  ///< so that a loop over load().all() is safe
  /// Every row of a zone, newest first; by code, code behind the colon, alias or name. Empty when unknown.
  std::vector<const GridFactor*> find(std::string_view zone) const;
  /// The newest row of the zone, or that of `year`. Throws Error (Usage) with "did you mean".
  const GridFactor& require(std::string_view zone, std::optional<std::int64_t> year = {}) const;
  /// As require(), all rows, newest first.
  std::vector<const GridFactor*> require_all(std::string_view zone) const;
  const TableOrigin& origin() const { return origin_; }

 private:
  std::vector<GridFactor> records_;
  TableOrigin origin_;
};

}  // namespace isoflop
