// Fitted constants of op-time models: one cell per chip and key, with standard errors, the prediction interval found on
// rows the fit had not seen, and the rows it rests on. Stored as data/op_profiles.csv, which `isoflop calibrate ...
// --write-profile` writes and the program compiles in; data/op_profile_groups.csv names the measured groups behind it,
// so that nothing is ever validated on rows it was fitted to without saying so.
//
// Where a chip has no cell for a key, constants are borrowed: those of the chip's other 16-bit format, else of a chip of
// the same silicon (chip_family.h), else the geometric mean over the chips that have one (cell "any", interval from
// predicting each chip with the mean of the others; only where that errs less than generic efficiencies do), else
// generic efficiencies over data-sheet limits (cell "datasheet", interval from how that erred).
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "isoflop/catalogue/data_files.h"
#include "isoflop/sim/calibrate/cross_validation.h"
#include "isoflop/sim/op/op_model.h"

namespace isoflop::sim {

inline constexpr const char* any_chip = "any";
inline constexpr const char* datasheet_chip = "datasheet";
inline constexpr const char* all_variants = "all";

struct CellConstant {  ///< One constant with its standard error.
  std::string name, unit;
  double estimate = 0;
  double se = 0;  ///< NaN when the rows did not determine it
};

struct OpCell {  ///< Constants of one chip and key.
  std::string chip;
  OpKey key;
  std::vector<CellConstant> constants;  ///< ordered as op_constants(key)
  RatioInterval interval;               ///< 90 %, measured over predicted
  double cross_validated_mape = 0;      ///< percent
  std::size_t rows = 0, groups = 0;
  std::string source;
};

/// How much a predicted time rests on.
enum class Basis { Measured, Borrowed, Datasheet };

struct ResolvedCell {  ///< Constants for a call, measured or borrowed.
  std::vector<double> values;
  RatioInterval interval;
  Basis basis = Basis::Datasheet;
  std::string origin;  ///< a sentence for people
};

class OpProfile {
 public:
  /// The tables of the folder, else the compiled-in ones.
  static OpProfile load(const DataFolder& folder = {});
  /// Throws Error (BadInput) for a cell whose constants are not those of the model.
  static OpProfile from(const CsvTable& cells, const CsvTable& groups);

  void put(OpCell cell);  ///< replaces a cell of the same chip and key
  void saw_groups(const std::set<std::string>& groups) { groups_.insert(groups.begin(), groups.end()); }

  /// Nothing when the chip was not measured with that key.
  const OpCell* find(const std::string& chip, const OpKey& key) const;
  /// Whether constants were fitted to rows of this group.
  bool rests_on_group(const std::string& group) const { return groups_.count(group) > 0; }
  std::vector<const OpCell*> cells() const;

  /// Constants for a chip, borrowed if need be. Never fails for a key with a model.
  ResolvedCell resolve(const Accelerator& accelerator, const OpKey& key) const {
    return resolve(accelerator, accelerator.id, key);
  }
  /// For a collective: `chip` is the cluster's id, tried before the accelerator's.
  ResolvedCell resolve(const Accelerator& accelerator, const std::string& chip, const OpKey& key) const;
  /// Generic efficiencies whatever was measured.
  ResolvedCell datasheet(const OpKey& key) const;

  std::string cells_csv() const;
  std::string groups_csv() const;

 private:
  std::map<std::pair<OpKey, std::string>, OpCell> cells_;
  std::set<std::string> groups_;
};

}  // namespace isoflop::sim
