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

const std::vector<const ScoreRecord*>& References::scores_of(const std::string& model_id, const std::string& benchmark) {
  if (score_index_.empty())
    for (const auto& score : scores().all())
      if (score.usable()) score_index_[score.model + "|" + score.benchmark].push_back(&score);
  return score_index_[model_id + "|" + benchmark];
}

const std::vector<FamilyTotal>& References::family_totals() {
  if (family_totals_) return *family_totals_;
  family_totals_.emplace();
  const auto table = open_data_table("footprint_published.csv", folder_);
  const std::size_t model = table.column("model"), scope = table.column("scope"), co2 = table.column("operational_tco2e"),
                    id = table.column("model_id");
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
