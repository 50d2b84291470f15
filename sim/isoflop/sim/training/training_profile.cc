#include "isoflop/sim/training/training_profile.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"

namespace isoflop::sim {
namespace {

// Out-of-group errors of the generic efficiencies on the rows of the calibration table; wider than any cell's.
constexpr RatioInterval datasheet_interval{0.6, 1.5};

// Of the best product of a benchmark, what a run of hours sustains at its power limit (assumed).
constexpr double sustained_share = 0.9;

std::string number_cell(double value) { return std::isfinite(value) ? fmt::format("{:.6g}", value) : ""; }

}  // namespace

void TrainingProfile::put(TrainingCell cell) {
  auto key = std::pair(cell.chip, cell.stack);
  cells_[std::move(key)] = std::move(cell);
}

const TrainingCell* TrainingProfile::find(const std::string& chip, const std::string& stack) const {
  const auto found = cells_.find({chip, stack});
  return found == cells_.end() ? nullptr : &found->second;
}

std::vector<const TrainingCell*> TrainingProfile::cells() const {
  std::vector<const TrainingCell*> all;
  for (const auto& [key, cell] : cells_) all.push_back(&cell);
  return all;
}

std::vector<std::string> TrainingProfile::stacks() const {
  std::set<std::string> names;
  for (const auto& [key, cell] : cells_)
    if (!key.second.empty()) names.insert(key.second);
  return {names.begin(), names.end()};
}

ResolvedTraining TrainingProfile::resolve(const std::string& chip, const std::string& stack) const {
  const auto resolved = [](const TrainingCell& cell, TrainingBasis basis, std::string origin) {
    return ResolvedTraining{cell.constants, cell.interval, basis, std::move(origin)};
  };
  if (const TrainingCell* cell = stack.empty() ? nullptr : find(chip, stack))
    return resolved(*cell, TrainingBasis::Measured,
                    fmt::format("fitted to {} rows in {} groups of {} on {}", cell->rows, cell->groups, stack, chip));
  // A stack brings its own efficiencies to an accelerator on which it was never measured; how far off that is, is what
  // accelerators left out were off by.
  if (const TrainingCell *cell = stack.empty() ? nullptr : find("any", stack), *anywhere = find("any", "");
      cell && anywhere) {
    ResolvedTraining lent = resolved(*cell, TrainingBasis::Borrowed,
                                     fmt::format("borrowed: no run of {} on {} is in the tables; mean over {} rows of "
                                                 "it on other accelerators",
                                                 stack, chip, cell->rows));
    lent.interval = anywhere->interval;
    return lent;
  }
  if (const TrainingCell* cell = find(chip, ""))
    return resolved(*cell, TrainingBasis::Measured,
                    fmt::format("fitted to {} rows in {} groups on {}", cell->rows, cell->groups, chip));
  if (const TrainingCell* cell = find("any", ""))
    return resolved(
        *cell, TrainingBasis::Borrowed,
        fmt::format("borrowed: no training run on {} is in the tables; mean over {} rows on other accelerators", chip,
                    cell->rows));
  return {TrainingConstants{}, datasheet_interval, TrainingBasis::Datasheet, "generic efficiencies (assumed)"};
}

ResolvedTraining TrainingProfile::datasheet(const Accelerator& a) {
  ResolvedTraining r;
  r.interval = datasheet_interval;
  r.basis = TrainingBasis::Datasheet;
  r.origin = "data-sheet limits with generic efficiencies (assumed)";
  const double peak = a.bf16_flop_per_s.value_or(a.fp16_flop_per_s.value_or(0));
  if (a.measured_bf16_matmul_flop_per_s && peak > 0) {
    r.constants.gemm = sustained_share * *a.measured_bf16_matmul_flop_per_s / peak;
    r.origin = "data-sheet limits, the best matrix product measured on the chip, and generic efficiencies (assumed)";
  }
  return r;
}

TrainingProfile TrainingProfile::load(const DataFolder& folder) {
  return from(open_data_table("training_profiles.csv", folder), open_data_table("training_profile_groups.csv", folder));
}

TrainingProfile TrainingProfile::from(const CsvTable& cells, const CsvTable& groups) {
  TrainingProfile profile;
  const auto infos = training_constant_list();
  const std::size_t chip = cells.column("chip"), stack = cells.column("stack"), constant = cells.column("constant");
  for (std::size_t row = 0; row < cells.rows(); ++row) {
    const auto key = std::pair(std::string(cells.text(row, chip)), std::string(cells.text(row, stack)));
    auto [found, fresh] = profile.cells_.try_emplace(key);
    TrainingCell& cell = found->second;
    if (fresh) {
      cell.chip = key.first;
      cell.stack = key.second;
      cell.standard_errors.assign(infos.size(), std::numeric_limits<double>::quiet_NaN());
      cell.interval = {cells.required_number(row, cells.column("interval_low")),
                       cells.required_number(row, cells.column("interval_high"))};
      cell.cross_validated_mape = cells.required_number(row, cells.column("cross_validated_mape_percent"));
      cell.rows = static_cast<std::size_t>(cells.required_number(row, cells.column("rows")));
      cell.groups = static_cast<std::size_t>(cells.required_number(row, cells.column("groups")));
    }
    const std::string name(cells.text(row, constant));
    bool known = false;
    for (std::size_t i = 0; i < infos.size(); ++i)
      if (name == infos[i].name) {
        cell.constants.*infos[i].member = cells.required_number(row, cells.column("estimate"));
        cell.standard_errors[i] =
            cells.number(row, cells.column("se")).value_or(std::numeric_limits<double>::quiet_NaN());
        known = true;
      }
    if (!known) cells.reject(row, constant, fmt::format("\"{}\" is no constant of the training model", name));
  }
  for (std::size_t row = 0; row < groups.rows(); ++row)
    profile.groups_.insert(std::string(groups.text(row, groups.column("group"))));
  return profile;
}

std::string TrainingProfile::cells_csv() const {
  std::string csv =
      "chip,stack,constant,unit,estimate,se,interval_low,interval_high,cross_validated_mape_percent,rows,groups,"
      "source\n";
  const auto infos = training_constant_list();
  for (const auto& [key, cell] : cells_)
    for (std::size_t i = 0; i < infos.size(); ++i)
      csv += fmt::format("{},{},{},{},{:.6g},{},{:.6g},{:.6g},{:.4g},{},{},{}\n", csv_cell(cell.chip),
                         csv_cell(cell.stack), infos[i].name, csv_cell(infos[i].unit), cell.constants.*infos[i].member,
                         i < cell.standard_errors.size() ? number_cell(cell.standard_errors[i]) : "", cell.interval.low,
                         cell.interval.high, cell.cross_validated_mape, cell.rows, cell.groups,
                         "fitted by isoflop calibrate training");
  return csv;
}

std::string TrainingProfile::groups_csv() const {
  std::string csv = "group\n";
  for (const std::string& group : groups_) csv += csv_cell(group) + "\n";
  return csv;
}

}  // namespace isoflop::sim
