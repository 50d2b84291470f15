// Fitted constants of inference engines: one cell per law and engine, benchmark protocol, kind of model, chip and bits,
// with standard errors, intervals and the rows they rest on. Built in as data/engine_profiles.csv with
// data/engine_profile_groups.csv, written by `isoflop calibrate INFERENCE.csv SERVING.csv --write-profile FOLDER`,
// which also writes one file profile.json for `isoflop serve --profile`.
#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/catalogue/data_files.h"
#include "isoflop/report/value.h"
#include "isoflop/sim/engines/engine_calibration.h"

namespace isoflop::sim {

struct EnginePrediction {  ///< A prediction with the cell it comes from.
  double base = 0;         ///< seconds or bytes
  RatioInterval interval;  ///< 90 %, measured over predicted
  const PooledCell* cell = nullptr;
  bool own_rows = false;   ///< the cell is that of this very chip and engine
};

class EngineProfile {
 public:
  /// The tables of the folder, else the compiled-in ones.
  static EngineProfile load(const DataFolder& folder = {});
  /// Throws Error (BadInput) for constants that are not those of the law.
  static EngineProfile from(const CsvTable& cells, const CsvTable& groups);
  /// As json() writes it; `name` is what errors call the file.
  static EngineProfile from_json(const Value& value, const std::string& name);
  static EngineProfile of(const std::vector<EngineFit>& fits, const std::vector<EngineSample>& samples);

  /// Whether constants were fitted to rows of this group.
  bool rests_on_group(const std::string& group) const { return groups_.count(group) > 0; }
  /// The narrowest cell; nothing when the law was never fitted.
  const PooledCell* find(const std::string& law, const std::vector<std::string>& path) const;
  const std::map<std::string, std::map<std::string, PooledCell>>& cells() const { return cells_; }
  /// Nothing for a law without a cell.
  std::optional<EnginePrediction> predict(const EngineSample& sample) const;

  std::string cells_csv() const;
  std::string groups_csv() const;
  Value json() const;

 private:
  void put(const std::string& law, PooledCell cell, const std::string& place);

  std::map<std::string, std::map<std::string, PooledCell>> cells_;
  std::set<std::string> groups_;
};

/// Laws of single requests and of servers.
const EngineLaw& any_law_named(const std::string& name);

}  // namespace isoflop::sim
