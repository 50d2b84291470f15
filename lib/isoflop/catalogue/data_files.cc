#include "isoflop/catalogue/data_files.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "embedded_tables.h"
#include "isoflop/error.h"

namespace isoflop {

// Built-in figures must not pass for those of a folder that was meant and is not there.
DataFolder DataFolder::chosen(const std::string& option) {
  const char* environment = std::getenv("ISOFLOP_DATA");
  const std::string path = !option.empty() ? option : environment ? environment : "";
  if (path.empty()) return {};
  const std::string chosen_by = option.empty() ? " (environment variable ISOFLOP_DATA)" : " (--data)";
  if (!std::filesystem::is_directory(path)) throw Error(Fault::CannotRun, path + ": is no folder" + chosen_by);
  const auto& tables = embedded_tables();
  const auto is_there = [&](const auto& table) {
    return std::filesystem::exists(std::filesystem::path(path) / table.name);
  };
  if (std::none_of(tables.begin(), tables.end(), is_there))
    throw Error(Fault::CannotRun,
                path + ": holds no table to use instead of a built-in one, such as models.csv" + chosen_by);
  return {path};
}

CsvTable open_data_table(const std::string& file, const DataFolder& folder) {
  if (!folder.path.empty()) {
    const std::string path = (std::filesystem::path(folder.path) / file).string();
    if (std::filesystem::exists(path)) return CsvTable::read(path);
  }
  for (const auto& table : embedded_tables())
    if (table.name == file) return CsvTable::parse(std::string(table.bytes), "data/" + file);
  throw Error(Fault::CannotRun, "there is no table " + file);
}

std::vector<std::string> data_table_names() {
  std::vector<std::string> names;
  for (const auto& table : embedded_tables()) names.emplace_back(table.name);
  return names;
}

}  // namespace isoflop
