// A sweep of six runs that takes about a third of a second, and its files as text.
#pragma once
#include <unistd.h>

#include <filesystem>
#include <map>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/sim/sweep/sweep_execution.h"

namespace isoflop::test {

inline sim::SweepSettings tiny_sweep() {
  sim::SweepSettings s;
  s.lowest_flop = 1e8;
  s.highest_flop = 4e8;
  s.budgets = 2;
  s.sizes = 3;
  s.ladder = {sim::read_rung("1x8"), sim::read_rung("1x16"), sim::read_rung("2x16")};
  s.vocabulary = 16;
  s.sequences = 8;
  s.length = 16;
  s.held_out_batches = 4;
  s.curve_points = 4;
  return s;
}

/// A folder that is not there yet.
inline std::string fresh_folder(const std::string& name) {
  const auto path =
      std::filesystem::temp_directory_path() / ("isoflop-sweep-" + std::to_string(::getpid()) + "-" + name);
  std::filesystem::remove_all(path);
  return path.string();
}

/// What a sweep must reproduce to the byte: plan, records, tables. Timings, locks and checkpoints are left out.
inline std::map<std::string, std::string> result_files(const std::string& folder) {
  std::map<std::string, std::string> files;
  for (const char* name : {"plan.json", "runs.csv", "curves.csv"}) files[name] = read_file(folder + "/" + name);
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/records"))
    files[entry.path().filename().string()] = read_file(entry.path().string());
  return files;
}

}  // namespace isoflop::test
