// Where tables come from: the ones compiled in, unless a folder overrides them.
#pragma once
#include <string>
#include <vector>

#include "isoflop/catalogue/csv_table.h"

namespace isoflop {

/// A folder of CSV files that replace compiled-in ones of the same name; empty = none.
struct DataFolder {
  std::string path;
  /// From --data, else the environment variable ISOFLOP_DATA, else none.
  static DataFolder chosen(const std::string& option);
};

/// The table `file` ("models.csv") and where it was taken from ("compiled in" or a path, in CsvTable::name()).
/// Throws Error: CannotRun when the table is neither in the folder nor compiled in.
CsvTable open_data_table(const std::string& file, const DataFolder& folder = {});

/// Names of all compiled-in tables.
std::vector<std::string> data_table_names();

}  // namespace isoflop
