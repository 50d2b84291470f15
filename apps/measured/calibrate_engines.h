// `calibrate` for tables of inference engines and servers.
#pragma once
#include "apps/command.h"
#include "isoflop/catalogue/csv_table.h"

namespace isoflop::app {

bool is_engine_table(const CsvTable& table);

/// All files are tables of inference engines or servers. `folder`, when given, receives the profile tables and
/// profile.json.
Report calibrate_engines_report(const std::vector<std::string>& files, const std::string& folder, int folds,
                                const Settings& settings);

}  // namespace isoflop::app
