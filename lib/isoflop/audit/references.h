// The catalogue as second source of an audit, read only when a rule asks for it.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/catalogue/benchmarks.h"
#include "isoflop/catalogue/grids.h"
#include "isoflop/catalogue/models.h"
#include "isoflop/hardware/accelerator.h"

namespace isoflop::audit {

/// A published family total (footprint_published.csv, scope "sum of ...") and its members.
struct FamilyTotal {
  std::string family;  ///< "Llama-2"
  double tco2e = 0;
  struct Member {  ///< A model that the total contains.
    std::string model_id, name;
    double tco2e = 0;
  };
  std::vector<Member> members;
};

/// A published training footprint, for comparison; rows that are inconsistent at their source are left out.
struct PublishedFootprint {
  std::string model, scope, accelerator_id, source;
  std::optional<double> accelerator_hours, energy_mwh, operational_tco2e;
};

class References {
 public:
  explicit References(DataFolder folder = {}) : folder_(std::move(folder)) {}
  const ModelCatalogue& models();  ///< Each table is read at the first call.
  const ScoreTable& scores();
  const AcceleratorCatalogue& accelerators();
  const GridCatalogue& grids();
  const std::vector<FamilyTotal>& family_totals();
  const std::vector<PublishedFootprint>& footprints();
  const TableOrigin& footprint_origin();
  /// Usable scores of one model and benchmark.
  const std::vector<const ScoreRecord*>& scores_of(const std::string& model_id, const std::string& benchmark);

 private:
  DataFolder folder_;
  std::optional<ModelCatalogue> models_;
  std::optional<ScoreTable> scores_;
  std::optional<AcceleratorCatalogue> accelerators_;
  std::optional<GridCatalogue> grids_;
  const CsvTable& footprint_table();
  std::optional<CsvTable> footprint_table_;
  std::optional<std::vector<PublishedFootprint>> footprints_;
  TableOrigin footprint_origin_;
  std::optional<std::vector<FamilyTotal>> family_totals_;
  std::unordered_map<std::string, std::vector<const ScoreRecord*>> score_index_;
};

}  // namespace isoflop::audit
