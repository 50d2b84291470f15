// `isoflop calibrate` on tables of measured training speeds.
#pragma once
#include <string>
#include <vector>

#include "apps/command.h"
#include "isoflop/catalogue/csv_table.h"

namespace isoflop::app {

/// Whether the columns are those of a table of measured training speeds.
bool is_training_table(const CsvTable& table);

/// Fits training efficiencies; with a folder, writes training_profiles.csv and training_profile_groups.csv there.
Report calibrate_training_report(const std::vector<std::string>& files, const std::string& folder, int folds,
                                 const Settings& settings);

}  // namespace isoflop::app
