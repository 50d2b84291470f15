// Places where sources disagree, with the decision taken. They stay visible beside the model they concern.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "isoflop/catalogue/data_files.h"

namespace isoflop {

struct SourceConflict {  ///< Two values for one fact.
  std::string item;
  std::vector<std::string> models;  ///< ids concerned; empty when none is in the catalogue
  std::string field, value_a, source_a, value_b, source_b, decision;
};

/// conflicts.csv of the folder, else the one compiled in.
std::vector<SourceConflict> load_conflicts(const DataFolder& folder = {});

/// Those of one model.
std::vector<SourceConflict> conflicts_of(const std::vector<SourceConflict>& all, std::string_view model_id);

}  // namespace isoflop
