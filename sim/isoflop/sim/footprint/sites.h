// Data centres: PUE and on-site water by provider and region, and what to assume where none is named.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "isoflop/catalogue/data_files.h"
#include "isoflop/catalogue/record_fields.h"
#include "isoflop/sim/footprint/footprint.h"

namespace isoflop::sim {

struct Site {  ///< One data centre.
  std::string provider, region, location;
  std::optional<double> pue;
  std::optional<std::int64_t> pue_year;
  std::optional<double> onsite_water_l_per_kwh;  ///< per kWh of IT energy
  std::optional<std::int64_t> onsite_water_year;
  std::optional<double> offsite_water_l_per_kwh;  ///< per kWh of facility energy
  std::string source, licence, note;

  std::string label() const { return provider + " " + region; }
};

class SiteCatalogue {  ///< All data centres, by name.
 public:
  /// datacentres.csv of the folder, else the one compiled in.
  static SiteCatalogue load(const DataFolder& folder = {});
  /// Throws Error (BadInput) for a row without provider, a PUE below 1, or negative water.
  static SiteCatalogue from(const CsvTable& table);

  const std::vector<Site>& all() const& { return records_; }
  /// By "provider region", region or location; the newest when there are several. Throws Error (Usage).
  const Site& require(std::string_view name) const;
  const TableOrigin& origin() const { return origin_; }

 private:
  std::vector<Site> records_;
  TableOrigin origin_;
};

/// PUE and on-site water of the site, each +-2 % and +-20 % (assumed) around the printed value, water left as it is
/// where the site prints none.
void set_site(ActivityInputs& inputs, const Site& site);

/// A large operator's own data centre: PUE triangular 1.07, 1.09, 1.12 and WUE 0.05, 0.2, 0.6 L/kWh.
void set_hyperscale_site(ActivityInputs& inputs);
/// Anywhere: PUE triangular 1.07, 1.3, 1.6 (Uptime's survey mean is 1.55-1.59), WUE 0, 0.3, 1.8 L/kWh.
void set_unknown_site(ActivityInputs& inputs);

}  // namespace isoflop::sim
