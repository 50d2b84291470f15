// CodeCarbon's emissions.csv, read and written (column names of versions 2.2 to 3.x; only those we use are required).
// Its energies already contain its `pue`, so they are facility energy; emissions are energy x its own grid factor.
// A row holds the run's total so far: each flush appends one, so that only the last row of a run counts.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/sim/footprint/footprint.h"

namespace isoflop::sim {

struct EmissionsRow {  ///< One row of emissions.csv.
  std::string timestamp, project, run_id;
  double duration_s = 0;
  double emissions_kg = 0;
  double facility_kwh = 0;  ///< energy_consumed
  double cpu_kwh = 0, gpu_kwh = 0, ram_kwh = 0;
  double cpu_power_w = 0;
  double pue_ratio = 1;
  std::string country_iso, region, gpu_model, cpu_model, version;
  std::optional<double> gpu_count, water_l;
  std::vector<std::string> doubts;  ///< what looks wrong in this row
  bool is_broken = false;           ///< a doubt about the size of its energy or carbon, not only about the meter
  /// The same run stands in the file again, at least as far on: CodeCarbon appends running totals, so that only the
  /// last row of a run counts.
  bool is_superseded = false;

  double it_kwh() const { return facility_kwh / pue_ratio; }
};

/// Throws Error (BadInput) for a missing column, a negative energy or a PUE below 1.
std::vector<EmissionsRow> read_emissions(const CsvTable& table);

/// One row of our own result in the columns of CodeCarbon 2.x: central values, energies with PUE inside.
struct EmissionsLabels {
  std::string timestamp, project, run_id, country_iso, country, gpu_model, tool_version;
  std::optional<double> device_count;  ///< unknown: the duration is device time
};
std::string write_emissions(const FootprintEstimate& estimate, const EmissionsLabels& labels);

}  // namespace isoflop::sim
