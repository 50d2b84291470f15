#include "isoflop/sim/op/op_profile.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/report/value.h"
#include "isoflop/sim/op/chip_family.h"

namespace isoflop::sim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
// Without any measured row behind it, a time is only known within this factor either way (assumed).
constexpr RatioInterval unmeasured_interval{1.0 / 3, 3};

std::string number_cell(double value) { return std::isfinite(value) ? to_json(Value(value), -1) : ""; }

std::vector<double> values_of(const OpCell& cell) {
  std::vector<double> values;
  for (const auto& c : cell.constants) values.push_back(c.estimate);
  return values;
}

OpKey sixteen_bit_sibling(OpKey key) {
  if (key.variant == "bfloat16") key.variant = "fp16";
  else if (key.variant == "fp16") key.variant = "bfloat16";
  return key;
}

}  // namespace

void OpProfile::put(OpCell cell) { cells_[{cell.key, cell.chip}] = std::move(cell); }

const OpCell* OpProfile::find(const std::string& chip, const OpKey& key) const {
  const auto found = cells_.find({key, chip});
  return found == cells_.end() ? nullptr : &found->second;
}

std::vector<const OpCell*> OpProfile::cells() const {
  std::vector<const OpCell*> result;
  for (const auto& [id, cell] : cells_) result.push_back(&cell);
  return result;
}

ResolvedCell OpProfile::datasheet(const OpKey& key) const {
  ResolvedCell resolved;
  resolved.basis = Basis::Datasheet;
  resolved.values = generic_values(key);
  const OpCell* cell = find(datasheet_chip, key);
  if (!cell) cell = find(datasheet_chip, {key.op, all_variants});
  resolved.interval = cell ? cell->interval : unmeasured_interval;
  resolved.origin = "data sheet limits with generic efficiencies; no measured kernels used" +
                    std::string(cell ? ", interval from how that errs on chips we know" : ", interval assumed");
  return resolved;
}

ResolvedCell OpProfile::resolve(const Accelerator& accelerator, const std::string& chip, const OpKey& key) const {
  const auto taken = [&](const OpCell& cell, Basis basis, std::string origin) {
    return ResolvedCell{values_of(cell), cell.interval, basis, std::move(origin)};
  };
  for (const auto& id : {chip, accelerator.id}) {
    if (const OpCell* cell = find(id, key))
      return taken(*cell, Basis::Measured, "measured kernels of " + cell->chip + " (" + cell->source + ")");
    if (const OpCell* cell = find(id, sixteen_bit_sibling(key)))
      return taken(*cell, Basis::Measured,
                   "measured " + cell->key.variant + " kernels of " + cell->chip + " (" + cell->source + ")");
  }
  for (const std::string& relative : relatives(accelerator.id)) {
    const OpCell* cell = find(relative, key);
    if (!cell) cell = find(relative, sixteen_bit_sibling(key));
    if (!cell) continue;
    ResolvedCell resolved = taken(*cell, Basis::Borrowed,
                                  "no measured kernels for " + accelerator.id + ": those of " + cell->chip +
                                      ", the same silicon (" + cell->source + ")");
    resolved.interval.low /= relative_widening;
    resolved.interval.high *= relative_widening;
    return resolved;
  }
  const OpCell* mean = find(any_chip, key);
  if (!mean) mean = find(any_chip, sixteen_bit_sibling(key));
  if (!mean) return datasheet(key);
  ResolvedCell resolved = taken(
      *mean, Basis::Borrowed,
      "no measured kernels for " + accelerator.id + ": constants borrowed from other chips (" + mean->source + ")");
  // A measured best matrix product is worth more than what other chips reach of their peaks.
  if (accelerator.measured_bf16_matmul_flop_per_s && accelerator.bf16_flop_per_s && key.op == "gemm")
    for (std::size_t j = 0; j < mean->constants.size(); ++j)
      if (mean->constants[j].name == "e_f")
        resolved.values[j] =
            std::min(resolved.values[j], *accelerator.measured_bf16_matmul_flop_per_s / *accelerator.bf16_flop_per_s);
  return resolved;
}

std::string OpProfile::cells_csv() const {
  std::string text = "chip,op,variant,constant,estimate,se,unit,rows,groups,cross_validated_mape_percent,source\n";
  for (const auto& entry : cells_) {
    const OpCell& cell = entry.second;
    const auto line = [&](const std::string& constant, double estimate, double se, const std::string& unit) {
      text += csv_cell(cell.chip) + "," + csv_cell(cell.key.op) + "," + csv_cell(cell.key.variant) + "," + constant +
              "," + number_cell(estimate) + "," + number_cell(se) + "," + csv_cell(unit) + "," +
              std::to_string(cell.rows) + "," + std::to_string(cell.groups) + "," +
              number_cell(cell.cross_validated_mape) + "," + csv_cell(cell.source) + "\n";
    };
    for (const auto& c : cell.constants) line(c.name, c.estimate, c.se, c.unit);
    line("interval_low", cell.interval.low, nan, "measured/predicted");
    line("interval_high", cell.interval.high, nan, "measured/predicted");
  }
  return text;
}

std::string OpProfile::groups_csv() const {
  std::string text = "group\n";
  for (const auto& group : groups_) text += csv_cell(group) + "\n";
  return text;
}

OpProfile OpProfile::from(const CsvTable& table, const CsvTable& groups) {
  OpProfile profile;
  const auto column = [&](const char* name) { return table.column(name); };
  const std::size_t chip = column("chip"), op = column("op"), variant = column("variant"),
                    constant = column("constant"), estimate = column("estimate"), se = column("se"),
                    unit = column("unit"), rows = column("rows"), group_count = column("groups"),
                    mape = column("cross_validated_mape_percent"), source = column("source");
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const OpKey key{std::string(table.text(row, op)), std::string(table.text(row, variant))};
    const std::string chip_id(table.text(row, chip));
    OpCell& cell = profile.cells_[{key, chip_id}];
    cell.chip = chip_id;
    cell.key = key;
    cell.rows = static_cast<std::size_t>(table.whole(row, rows).value_or(0));
    cell.groups = static_cast<std::size_t>(table.whole(row, group_count).value_or(0));
    cell.cross_validated_mape = table.number(row, mape).value_or(nan);
    cell.source = table.text(row, source);
    const std::string name(table.text(row, constant));
    const double value = table.required_number(row, estimate);
    if (name == "interval_low") cell.interval.low = value;
    else if (name == "interval_high") cell.interval.high = value;
    else
      cell.constants.push_back({name, std::string(table.text(row, unit)), value, table.number(row, se).value_or(nan)});
  }
  for (const auto& [id, cell] : profile.cells_) {
    if (cell.chip == datasheet_chip) continue;
    const auto expected = op_constants(cell.key);
    bool same = expected.size() == cell.constants.size();
    for (std::size_t j = 0; same && j < expected.size(); ++j) same = expected[j].name == cell.constants[j].name;
    if (!same)
      throw Error(Fault::BadInput, table.name() + ": the constants of " + cell.chip + " " + cell.key.op + " " +
                                       cell.key.variant +
                                       " are not those of the model; write the profile again with isoflop calibrate");
  }
  const std::size_t group = groups.column("group");
  for (std::size_t row = 0; row < groups.rows(); ++row) profile.groups_.insert(std::string(groups.text(row, group)));
  return profile;
}

OpProfile OpProfile::load(const DataFolder& folder) {
  return from(open_data_table("op_profiles.csv", folder), open_data_table("op_profile_groups.csv", folder));
}

}  // namespace isoflop::sim
