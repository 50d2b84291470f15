#include "isoflop/sim/engines/engine_profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "isoflop/error.h"
#include "isoflop/sim/engines/serving_laws.h"

namespace isoflop::sim {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr const char* columns =
    "# Constants of inference engines, fitted by isoflop calibrate; laws, units and sources of the rows: "
    "docs/serving_accuracy.md\n"
    "law,cell,constant,estimate,se,interval_low,interval_high,unseen_low,unseen_high,cross_validated_mape_percent,rows,"
    "groups\n";

std::size_t position(const EngineLaw& law, const std::string& name) {
  for (std::size_t k = 0; k < law.constants.size(); ++k)
    if (law.constants[k].name == name) return k;
  return law.constants.size();
}

PooledCell empty_cell(const EngineLaw& law, const std::string& name) {
  PooledCell cell;
  cell.name = name;
  cell.values.assign(law.constants.size(), nan);
  cell.standard_errors = cell.values;
  return cell;
}

}  // namespace

const EngineLaw& any_law_named(const std::string& name) {
  for (const auto* laws : {&inference_laws(), &serving_laws()})
    for (const EngineLaw& law : *laws)
      if (law.name == name) return law;
  throw Error(Fault::BadInput, "no law is called \"" + name + "\"");
}

void EngineProfile::put(const std::string& law, PooledCell cell, const std::string& place) {
  for (std::size_t k = 0; k < cell.values.size(); ++k)
    if (!(cell.values[k] > 0))
      throw Error(Fault::BadInput, fmt::format("{}: cell {} of law {} has no positive constant \"{}\"", place,
                                               cell.name, law, any_law_named(law).constants[k].name));
  if (!(cell.interval.low > 0 && cell.interval.low <= cell.interval.high))
    throw Error(Fault::BadInput, fmt::format("{}: cell {} of law {} has no interval", place, cell.name, law));
  cells_[law][cell.name] = std::move(cell);
}

EngineProfile EngineProfile::load(const DataFolder& folder) {
  return from(open_data_table("engine_profiles.csv", folder), open_data_table("engine_profile_groups.csv", folder));
}

EngineProfile EngineProfile::from(const CsvTable& t, const CsvTable& groups) {
  std::map<std::pair<std::string, std::string>, PooledCell> cells;
  for (std::size_t row = 0; row < t.rows(); ++row) {
    const std::string law_name(t.text(row, t.column("law"))), name(t.text(row, t.column("cell")));
    const EngineLaw& law = any_law_named(law_name);
    auto [found, fresh] = cells.try_emplace({law_name, name}, empty_cell(law, name));
    PooledCell& cell = found->second;
    const auto number = [&](const char* column) { return t.required_number(row, t.column(column)); };
    if (fresh) {
      cell.interval = {number("interval_low"), number("interval_high")};
      cell.unseen_interval = {number("unseen_low"), number("unseen_high")};
      cell.cross_validated_mape = number("cross_validated_mape_percent");
      cell.rows = static_cast<std::size_t>(number("rows"));
      cell.groups = static_cast<std::size_t>(number("groups"));
    }
    const std::size_t k = position(law, std::string(t.text(row, t.column("constant"))));
    if (k == law.constants.size())
      t.reject(row, t.column("constant"), "is no constant of the law \"" + law_name + "\"");
    cell.values[k] = number("estimate");
    cell.standard_errors[k] = t.number(row, t.column("se")).value_or(nan);
  }
  EngineProfile profile;
  for (auto& [key, cell] : cells) profile.put(key.first, std::move(cell), t.name());
  for (std::size_t row = 0; row < groups.rows(); ++row)
    profile.groups_.insert(std::string(groups.text(row, groups.column("group"))));
  return profile;
}

EngineProfile EngineProfile::of(const std::vector<EngineFit>& fits, const std::vector<EngineSample>& samples) {
  EngineProfile profile;
  for (const EngineFit& fit : fits) {
    for (const auto& [name, cell] : fit.fit.cells) profile.put(fit.law->name, cell, "fit");
    for (const std::size_t i : fit.rows) profile.groups_.insert(samples[i].group);
  }
  return profile;
}

const PooledCell* EngineProfile::find(const std::string& law, const std::vector<std::string>& path) const {
  const auto cells = cells_.find(law);
  if (cells == cells_.end()) return nullptr;
  for (auto name = path.rbegin(); name != path.rend(); ++name)
    if (const auto found = cells->second.find(*name); found != cells->second.end()) return &found->second;
  return nullptr;
}

std::optional<EnginePrediction> EngineProfile::predict(const EngineSample& s) const {
  const PooledCell* cell = find(s.law, s.cells);
  if (!cell) return std::nullopt;
  double tpot = 0;
  if (s.law == "ttft") {
    const PooledCell* first = find("tpot", s.tpot_cells);
    if (!first) return std::nullopt;
    tpot = any_law_named("tpot").formula(first->values, s, 0);
  }
  const bool own = cell->name == s.cells.back();
  return EnginePrediction{any_law_named(s.law).predict(cell->values, s, tpot),
                          own ? cell->interval : cell->unseen_interval, cell, own};
}

std::string EngineProfile::cells_csv() const {
  std::string csv = columns;
  for (const auto& [law, cells] : cells_)
    for (const auto& [name, cell] : cells) {
      const EngineLaw& l = any_law_named(law);
      for (std::size_t k = 0; k < cell.values.size(); ++k)
        csv += fmt::format(
            "{},{},{},{:.4g},{},{:.3g},{:.3g},{:.3g},{:.3g},{:.3g},{},{}\n", law, csv_cell(name), l.constants[k].name,
            cell.values[k],
            std::isfinite(cell.standard_errors[k]) ? fmt::format("{:.2g}", cell.standard_errors[k]) : std::string(),
            cell.interval.low, cell.interval.high, cell.unseen_interval.low, cell.unseen_interval.high,
            cell.cross_validated_mape, cell.rows, cell.groups);
    }
  return csv;
}

std::string EngineProfile::groups_csv() const {
  std::string csv = "group\n";
  for (const std::string& group : groups_) csv += csv_cell(group) + "\n";
  return csv;
}

Value EngineProfile::json() const {
  Value cells = Value::array(), groups = Value::array();
  for (const auto& [law, named] : cells_)
    for (const auto& [name, cell] : named) {
      Value constants = Value::object();
      const EngineLaw& l = any_law_named(law);
      for (std::size_t k = 0; k < cell.values.size(); ++k)
        constants[l.constants[k].name] =
            Value::object({{"estimate", cell.values[k]},
                           {"se", std::isfinite(cell.standard_errors[k]) ? Value(cell.standard_errors[k]) : Value()},
                           {"unit", l.constants[k].unit}});
      cells.push_back(Value::object({{"law", law},
                                     {"cell", name},
                                     {"constants", constants},
                                     {"interval_low", cell.interval.low},
                                     {"interval_high", cell.interval.high},
                                     {"unseen_low", cell.unseen_interval.low},
                                     {"unseen_high", cell.unseen_interval.high},
                                     {"cross_validated_mape_percent", cell.cross_validated_mape},
                                     {"rows", cell.rows},
                                     {"groups", cell.groups}}));
    }
  for (const std::string& group : groups_) groups.push_back(Value(group));
  return Value::object({{"isoflop_engine_profile", 1}, {"cells", cells}, {"groups", groups}});
}

EngineProfile EngineProfile::from_json(const Value& value, const std::string& name) {
  if (!value.find("isoflop_engine_profile"))
    throw Error(Fault::BadInput,
                name + ": no member \"isoflop_engine_profile\"; expected a profile.json of isoflop calibrate");
  EngineProfile profile;
  for (const Value& item : value.at("cells").items()) {
    const std::string law_name = item.at("law").text();
    const EngineLaw& law = any_law_named(law_name);
    PooledCell cell = empty_cell(law, item.at("cell").text());
    for (std::size_t k = 0; k < law.constants.size(); ++k) {
      const Value& constant = item.at("constants").at(law.constants[k].name);
      cell.values[k] = constant.at("estimate").number();
      const Value* se = constant.find("se");
      if (se && se->is_number()) cell.standard_errors[k] = se->number();
    }
    cell.interval = {item.at("interval_low").number(), item.at("interval_high").number()};
    cell.unseen_interval = {item.at("unseen_low").number(), item.at("unseen_high").number()};
    cell.cross_validated_mape = item.at("cross_validated_mape_percent").number();
    cell.rows = static_cast<std::size_t>(item.at("rows").number());
    cell.groups = static_cast<std::size_t>(item.at("groups").number());
    profile.put(law_name, std::move(cell), name);
  }
  for (const Value& group : value.at("groups").items()) profile.groups_.insert(group.text());
  return profile;
}

}  // namespace isoflop::sim
