// Efficiencies of training, fitted to measured runs: one cell per accelerator, per accelerator and software stack, and
// one over all. Stored as data/training_profiles.csv, which `isoflop calibrate training --write-profile` writes;
// data/training_profile_groups.csv names the groups of measurements behind it, so that a validation knows which rows
// the constants have seen.
//
// A cell is fitted with the wider one (all, then accelerator) as its prior, so that what its rows do not determine is
// borrowed rather than guessed, and one chip's few rows do not run away.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "isoflop/catalogue/data_files.h"
#include "isoflop/sim/calibrate/cross_validation.h"
#include "isoflop/sim/training/training_time.h"

namespace isoflop::sim {

struct TrainingCell {  ///< Efficiencies of one accelerator and stack.
  std::string chip;   ///< accelerator id, or "any"
  std::string stack;  ///< source of the measurements, or empty for all of them
  TrainingConstants constants;
  std::vector<double> standard_errors;  ///< in the order of training_constant_list(); NaN where the prior decides
  RatioInterval
      interval;  ///< 90 %, measured over predicted rate: on groups left out, and for "any" on accelerators left out
  double cross_validated_mape = 0;      ///< percent, in the same way
  std::size_t rows = 0, groups = 0;
};

enum class TrainingBasis { Measured, Borrowed, Datasheet };  ///< What efficiencies rest on.

struct ResolvedTraining {  ///< Efficiencies for a run, measured or borrowed.
  TrainingConstants constants;
  RatioInterval interval;  ///< of the speed, measured over predicted
  TrainingBasis basis = TrainingBasis::Datasheet;
  std::string origin;      ///< a sentence for people
};

class TrainingProfile {
 public:
  /// training_profiles.csv of the folder, else the one compiled in.
  static TrainingProfile load(const DataFolder& folder = {});
  /// Throws Error (BadInput) for a missing column or a cell that is no number.
  static TrainingProfile from(const CsvTable& cells, const CsvTable& groups);

  void put(TrainingCell cell);  ///< Replaces the cell of the same chip and stack.
  /// Remembers which groups constants were fitted to.
  void saw_groups(const std::set<std::string>& groups) { groups_.insert(groups.begin(), groups.end()); }
  /// Whether constants were fitted to rows of this group.
  bool rests_on_group(const std::string& group) const { return groups_.count(group) > 0; }
  const TrainingCell* find(const std::string& chip, const std::string& stack) const;  ///< Nothing when there is none.
  std::vector<const TrainingCell*> cells() const;
  std::vector<std::string> stacks() const;  ///< Names of the software stacks that were measured, sorted.

  /// Chip and stack, else the chip over all stacks, else all chips, else generic efficiencies.
  ResolvedTraining resolve(const std::string& chip, const std::string& stack = {}) const;
  /// Generic efficiencies, whatever was measured: large products at what a well-tuned benchmark reaches on the chip
  /// where the catalogue knows it, all else assumed.
  static ResolvedTraining datasheet(const Accelerator& accelerator);

  std::string cells_csv() const;
  std::string groups_csv() const;

 private:
  std::map<std::pair<std::string, std::string>, TrainingCell> cells_;
  std::set<std::string> groups_;
};

}  // namespace isoflop::sim
