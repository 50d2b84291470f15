// Published training footprints: what owners print, with what the figures rest on, and an audit that recomputes each
// row from its own columns. Most printed tonnes are hours x TDP x a constant: reproducing them tests arithmetic only.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "isoflop/catalogue/record_fields.h"
#include "isoflop/hardware/accelerator.h"
#include "isoflop/sim/footprint/power.h"

namespace isoflop::sim {

struct PublishedFootprint {  ///< One published row; empty where the owner does not say.
  std::string model, model_id, scope;
  std::optional<double> params, params_active, tokens;
  std::string accelerator, accelerator_id;
  std::optional<double> accelerator_count, accelerator_hours;
  std::optional<double> power_w_low, power_w_high;  ///< per device; equal unless a range
  std::optional<double> pue, grid_kgco2e_per_kwh;
  std::string grid_zone;  ///< where the owner's figure implies a country but no factor
  std::optional<double> energy_mwh;
  std::optional<bool> energy_includes_pue;
  std::optional<double> operational_tco2e, embodied_tco2e, water_m3;
  std::string energy_basis, accounting, accounting_detail, source, confidence, unverified_fields, inferred_fields,
      family_group, note;
  std::string release_date;  ///< ISO; tells how long the chip had been out when the model appeared
  std::size_t line = 0;  ///< in the file

  std::string label() const { return scope.empty() ? model : model + " (" + scope + ")"; }
  /// Parameters that work on a token: the active ones of a mixture of experts.
  std::optional<double> active() const { return params_active ? params_active : params; }
  std::optional<double> power_w() const;  ///< middle of the range
  MeterTier tier() const;
  /// False for a family, a series, a sum: its hours are not those of one N and D.
  bool is_single_run() const;
  bool is_measured() const { return energy_basis.starts_with("measured"); }
};

class PublishedTable {  ///< All published rows, by model.
 public:
  /// footprint_published.csv of the folder, else the one compiled in.
  static PublishedTable load(const DataFolder& folder = {});
  /// Throws Error (BadInput) for a row without a model or with a negative figure.
  static PublishedTable from(const CsvTable& table);

  const std::vector<PublishedFootprint>& all() const& { return records_; }
  std::vector<PublishedFootprint> all() && { return std::move(records_); }  ///< a loop over load().all() is safe
  /// Rows of that model (several when it was run more than once), by printed name or catalogue id.
  std::vector<const PublishedFootprint*> find(std::string_view name) const;
  std::vector<std::string> names() const;
  const TableOrigin& origin() const { return origin_; }

 private:
  std::vector<PublishedFootprint> records_;
  TableOrigin origin_;
};

/// Dense bf16 peak, else fp16; nothing when the device states neither.
std::optional<double> training_peak_flop_per_s(const Accelerator& device);

/// The device of a published row, by id or printed name; an H800 counts as an H100 (same peaks, slower links).
const Accelerator* device_of(const PublishedFootprint& row, const AcceleratorCatalogue& devices);

enum class Verdict { Undisclosed, Consistent, Circular, Doubtful, Inconsistent };  ///< What the audit of a row came to.
std::string_view name_of(Verdict verdict);

struct AuditFinding {  ///< A verdict, and why where it is not Consistent.
  Verdict verdict = Verdict::Consistent;
  std::string reason;
};

/// A row recomputed from its own columns. Absent where a column is missing.
struct Audit {
  std::optional<double> energy_mwh;             ///< hours x power (x PUE where the printed energy includes it)
  std::optional<double> operational_tco2e;      ///< energy x PUE x grid
  std::optional<double> implied_kg_per_it_kwh;  ///< printed tonnes over IT energy: PUE x grid
  std::optional<double> implied_mfu;            ///< 6 N D over hours x peak
  std::vector<AuditFinding> findings;
  Verdict verdict = Verdict::Undisclosed;  ///< the worst finding
};

/// The highest 6ND utilisation any long training run has been seen to reach is about 0.55; above this the row's
/// hours, tokens or parameters cannot belong together.
inline constexpr double implausible_mfu = 0.65;
/// Cleaner than any grid in the tables except all-hydro or wind (Stockholm's region, 0.0027).
inline constexpr double implausible_kg_per_kwh = 0.01;

/// `family`: all rows, so that a row is compared with its siblings of the same family_group.
Audit audit(const PublishedFootprint& row, const AcceleratorCatalogue& devices,
            const std::vector<PublishedFootprint>& family);

}  // namespace isoflop::sim
