#include "isoflop/audit/references.h"

namespace isoflop::audit {

const ModelCatalogue& References::models() {
  if (!models_) models_ = ModelCatalogue::load(folder_);
  return *models_;
}

const ScoreTable& References::scores() {
  if (!scores_) scores_ = ScoreTable::load(folder_);
  return *scores_;
}

const AcceleratorCatalogue& References::accelerators() {
  if (!accelerators_) accelerators_ = AcceleratorCatalogue::load(folder_);
  return *accelerators_;
}

const GridCatalogue& References::grids() {
  if (!grids_) grids_ = GridCatalogue::load(folder_);
  return *grids_;
}

const std::vector<const ScoreRecord*>& References::scores_of(const std::string& model_id,
                                                             const std::string& benchmark) {
  if (score_index_.empty())
    for (const auto& score : scores().all())
      if (score.usable()) score_index_[score.model + "|" + score.benchmark].push_back(&score);
  return score_index_[model_id + "|" + benchmark];
}

const CsvTable& References::footprint_table() {
  if (!footprint_table_) footprint_table_ = open_data_table("footprint_published.csv", folder_);
  return *footprint_table_;
}

const TableOrigin& References::footprint_origin() {
  footprint_origin_ = origin_of(footprint_table());
  return footprint_origin_;
}

const std::vector<PublishedFootprint>& References::footprints() {
  using F = PublishedFootprint;
  static const std::vector<Field<F>> fields = {field_of<&F::model, F>("model", 0),
                                               field_of<&F::scope, F>("scope", 0),
                                               field_of<&F::accelerator_id, F>("accelerator_id", 0),
                                               field_of<&F::source, F>("source", 0),
                                               field_of<&F::accelerator_hours, F>("accelerator_hours", 0),
                                               field_of<&F::energy_mwh, F>("energy_mwh", 0),
                                               field_of<&F::operational_tco2e, F>("operational_tco2e", 0)};
  if (footprints_) return *footprints_;
  footprints_ = read_records(footprint_table(), fields);
  const std::size_t basis = footprint_table().column("energy_basis");
  std::size_t row = 0;
  std::erase_if(*footprints_, [&](const F&) { return footprint_table().text(row++, basis) == "inconsistent"; });
  return *footprints_;
}

const std::vector<FamilyTotal>& References::family_totals() {
  if (family_totals_) return *family_totals_;
  family_totals_.emplace();
  const CsvTable& table = footprint_table();
  const std::size_t model = table.column("model"), scope = table.column("scope"),
                    co2 = table.column("operational_tco2e"), id = table.column("model_id");
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const std::string name(table.text(row, model));
    const auto total = table.number(row, co2);
    if (table.text(row, scope).rfind("sum", 0) != 0 || !total) continue;
    FamilyTotal family{name.substr(0, name.find(" family")), *total, {}};
    for (std::size_t other = 0; other < table.rows(); ++other) {
      const std::string member(table.text(other, model));
      const auto share = table.number(other, co2);
      if (other != row && share && member.rfind(family.family + "-", 0) == 0)
        family.members.push_back({std::string(table.text(other, id)), member, *share});
    }
    family_totals_->push_back(std::move(family));
  }
  return *family_totals_;
}

}  // namespace isoflop::audit
