#include "isoflop/catalogue/data_files.h"

#include <cstdlib>
#include <filesystem>

#include "embedded_tables.h"
#include "isoflop/error.h"

namespace isoflop {

DataFolder DataFolder::chosen(const std::string& option) {
  if (!option.empty()) {
    if (!std::filesystem::is_directory(option)) throw Error(Fault::CannotRun, option + ": is no folder (--data)");
    return {option};
  }
  const char* environment = std::getenv("ISOFLOP_DATA");
  return {environment ? environment : ""};
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
