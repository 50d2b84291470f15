// The table behind a runs source, with every column it has: what RunTable does not keep can be read from it.
#pragma once
#include <string>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/catalogue/data_files.h"

namespace isoflop::fits {

/// "chinchilla" and "sweep" (docs/sweep.md) are compiled in; anything else is a CSV file, "-" standard input.
CsvTable open_runs_table(const std::string& source, const DataFolder& folder = {});

/// Held-out losses along the runs of "sweep".
CsvTable open_sweep_curves(const DataFolder& folder = {});

}  // namespace isoflop::fits
