#include "isoflop/sim/footprint/published.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoflop/catalogue/name_index.h"
#include "isoflop/number_text.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

using Row = PublishedFootprint;

template <auto Member>
Field<Row> column(const char* name) {
  return field_of<Member, Row>(name, 0);
}

const std::vector<Field<Row>>& fields() {
  static const std::vector<Field<Row>> list = {
      column<&Row::model>("model"),
      column<&Row::model_id>("model_id"),
      column<&Row::scope>("scope"),
      column<&Row::params>("params"),
      column<&Row::params_active>("params_active"),
      column<&Row::tokens>("tokens"),
      column<&Row::release_date>("release_date"),
      column<&Row::accelerator>("accelerator"),
      column<&Row::accelerator_id>("accelerator_id"),
      column<&Row::accelerator_count>("accelerator_count"),
      column<&Row::accelerator_hours>("accelerator_hours"),
      column<&Row::power_w_low>("power_w_low"),
      column<&Row::power_w_high>("power_w_high"),
      column<&Row::pue>("pue"),
      column<&Row::grid_kgco2e_per_kwh>("grid_kgco2e_per_kwh"),
      column<&Row::grid_zone>("grid_zone"),
      column<&Row::energy_mwh>("energy_mwh"),
      column<&Row::energy_includes_pue>("energy_includes_pue"),
      column<&Row::operational_tco2e>("operational_tco2e"),
      column<&Row::embodied_tco2e>("embodied_tco2e"),
      column<&Row::water_m3>("water_m3"),
      column<&Row::energy_basis>("energy_basis"),
      column<&Row::accounting>("accounting"),
      column<&Row::accounting_detail>("accounting_detail"),
      column<&Row::source>("source"),
      column<&Row::confidence>("confidence"),
      column<&Row::unverified_fields>("unverified_fields"),
      column<&Row::inferred_fields>("inferred_fields"),
      column<&Row::family_group>("family_group"),
      column<&Row::note>("note"),
  };
  return list;
}

/// IT energy of the run as printed: without PUE.
std::optional<double> it_mwh(const Row& row) {
  if (!row.energy_mwh) return {};
  if (!row.energy_includes_pue.value_or(false)) return row.energy_mwh;
  return row.pue ? std::optional(*row.energy_mwh / *row.pue) : std::nullopt;
}

/// A rough factor: two significant digits, no exponent.
std::string ratio_text(double ratio) {
  const double unit = std::pow(10, std::max(0.0, std::floor(std::log10(ratio)) - 1));
  return fmt::format("{:.0f}", std::round(ratio / unit) * unit);
}

bool near(double a, double b, double relative) { return std::fabs(a - b) <= relative * std::fabs(b); }

void find_energy(const Row& row, Audit& result) {
  if (!row.accelerator_hours || !row.power_w_low || !row.power_w_high) return;
  const double building = row.energy_includes_pue.value_or(false) ? row.pue.value_or(1) : 1;
  const double low = *row.accelerator_hours * *row.power_w_low * building / 1e6;
  const double high = *row.accelerator_hours * *row.power_w_high * building / 1e6;
  result.energy_mwh = (low + high) / 2;
  if (!row.energy_mwh) return;
  if (*row.energy_mwh < 0.98 * low || *row.energy_mwh > 1.02 * high)
    result.findings.push_back(
        {Verdict::Doubtful, fmt::format("hours x power give {} MWh, printed {}", format_number(*result.energy_mwh),
                                        format_number(*row.energy_mwh))});
}

void find_carbon(const Row& row, Audit& result) {
  const auto it = row.energy_mwh ? it_mwh(row) : result.energy_mwh;
  if (!row.operational_tco2e) return;
  if (it && *it > 0) result.implied_kg_per_it_kwh = *row.operational_tco2e / *it;
  if (!row.grid_kgco2e_per_kwh || !row.pue || !it) return;
  result.operational_tco2e = *it * *row.pue * *row.grid_kgco2e_per_kwh;
  if (!near(*result.operational_tco2e, *row.operational_tco2e, 0.02) &&
      std::fabs(*result.operational_tco2e - *row.operational_tco2e) > 0.5)
    result.findings.push_back({Verdict::Doubtful, fmt::format("energy x PUE x grid give {} t, printed {}",
                                                              format_number(*result.operational_tco2e),
                                                              format_number(*row.operational_tco2e))});
}

void find_implied_factor(const Row& row, Audit& result, const std::vector<Row>& family) {
  if (!result.implied_kg_per_it_kwh || row.grid_kgco2e_per_kwh) return;
  const double factor = *result.implied_kg_per_it_kwh;
  std::vector<double> siblings;
  for (const Row& other : family) {
    if (other.family_group != row.family_group || other.operational_tco2e == row.operational_tco2e) continue;
    const auto it = it_mwh(other);
    if (it && other.operational_tco2e) siblings.push_back(*other.operational_tco2e / *it);
  }
  if (factor < implausible_kg_per_kwh || factor > 1.6) {
    std::string reason = fmt::format("printed {} t over {} MWh is {} kg/kWh", format_number(*row.operational_tco2e),
                                     format_number(*it_mwh(row)), format_number(factor, 2));
    if (!siblings.empty())
      reason += fmt::format(", {}x {} its family's {}",
                            ratio_text(std::max(factor / median(siblings), median(siblings) / factor)),
                            factor < median(siblings) ? "below" : "above", format_number(median(siblings), 3));
    if (!siblings.empty() && row.power_w())
      reason += fmt::format("; the tonnes fit {} device-hours",
                            format_count(*row.operational_tco2e * 1e6 / (median(siblings) * *row.power_w())));
    result.findings.push_back({Verdict::Inconsistent, reason});
  }
}

void find_utilisation(const Row& row, Audit& result, const AcceleratorCatalogue& devices) {
  const Accelerator* device = device_of(row, devices);
  if (!device || !row.active() || !row.tokens || !row.accelerator_hours || !row.is_single_run()) return;
  const auto peak = training_peak_flop_per_s(*device);
  if (!peak) return;
  result.implied_mfu = 6 * *row.active() * *row.tokens / (*row.accelerator_hours * 3600 * *peak);
  if (*result.implied_mfu > implausible_mfu)
    result.findings.push_back(
        {*result.implied_mfu > 1 ? Verdict::Inconsistent : Verdict::Doubtful,
         fmt::format("6ND over hours x peak is an MFU of {}: {}", format_number(*result.implied_mfu, 2),
                     *result.implied_mfu > 1
                         ? "impossible, the hours are too few for the tokens"
                         : "no run reaches it; an encoder-decoder passes a token through half its weights")});
}

}  // namespace

std::optional<double> training_peak_flop_per_s(const Accelerator& device) {
  return device.bf16_flop_per_s ? device.bf16_flop_per_s : device.fp16_flop_per_s;
}

std::optional<double> Row::power_w() const {
  if (!power_w_low) return power_w_high;
  return power_w_high ? (*power_w_low + *power_w_high) / 2 : *power_w_low;
}

bool Row::is_single_run() const {
  for (const char* word : {"sum", "all ", "models", "series", "development"})
    if (scope.find(word) != std::string::npos) return false;
  return true;
}

MeterTier Row::tier() const {
  if (energy_basis == "measured_gpu_power") return MeterTier::EnergyCounter;
  if (is_measured() || energy_basis == "reported_power") return MeterTier::ReportedPower;
  if (energy_basis == "tdp_x_hours" || energy_basis == "inconsistent") return MeterTier::TdpTimesHours;
  return MeterTier::FractionOfTdp;
}

PublishedTable PublishedTable::load(const DataFolder& folder) {
  return from(open_data_table("footprint_published.csv", folder));
}

PublishedTable PublishedTable::from(const CsvTable& table) {
  PublishedTable result;
  result.origin_ = origin_of(table);
  const auto model = table.column("model");
  result.records_ = read_records(table, fields());
  for (std::size_t r = 0; r < result.records_.size(); ++r) {
    Row& row = result.records_[r];
    row.line = table.line(r);
    if (row.model.empty()) table.reject(r, model, "every row needs a model");
    for (const auto& figure :
         {row.params, row.tokens, row.accelerator_hours, row.power_w_low, row.power_w_high, row.pue,
          row.grid_kgco2e_per_kwh, row.energy_mwh, row.operational_tco2e, row.embodied_tco2e, row.water_m3})
      if (figure && *figure < 0) table.reject_row(r, "a footprint has no negative figures");
  }
  return result;
}

std::vector<const Row*> PublishedTable::find(std::string_view name) const {
  const std::string wanted = comparable_name(name);
  std::vector<const Row*> found;
  for (const Row& row : records_)
    if (comparable_name(row.model) == wanted || (!row.model_id.empty() && comparable_name(row.model_id) == wanted))
      found.push_back(&row);
  return found;
}

std::vector<std::string> PublishedTable::names() const {
  std::vector<std::string> names;
  for (const Row& row : records_)
    if (std::find(names.begin(), names.end(), row.model) == names.end()) names.push_back(row.model);
  return names;
}

const Accelerator* device_of(const Row& row, const AcceleratorCatalogue& devices) {
  for (const std::string& name : {row.accelerator_id, row.accelerator}) {
    if (name.empty()) continue;
    if (const Accelerator* device = devices.find(name)) return device;
  }
  if (row.accelerator.starts_with("H800") || row.accelerator.starts_with("H100")) return devices.find("h100-sxm-80gb");
  if (row.accelerator.starts_with("TPUv")) return devices.find("tpu-v" + row.accelerator.substr(4));
  if (row.accelerator.starts_with("V100")) return devices.find("v100-sxm2-32gb");
  return nullptr;
}

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::Undisclosed:
      return "undisclosed";
    case Verdict::Consistent:
      return "consistent";
    case Verdict::Circular:
      return "circular";
    case Verdict::Doubtful:
      return "doubtful";
    case Verdict::Inconsistent:
      break;
  }
  return "inconsistent";
}

Audit audit(const Row& row, const AcceleratorCatalogue& devices, const std::vector<Row>& family) {
  Audit result;
  find_energy(row, result);
  find_carbon(row, result);
  find_implied_factor(row, result, family);
  find_utilisation(row, result, devices);
  if (row.energy_basis == "measured_power_x_assumed_chip_count")
    result.findings.push_back({Verdict::Doubtful, "the device count behind the hours is an assumption of the source"});
  if (row.energy_basis == "hours_upper_bound")
    result.findings.push_back({Verdict::Doubtful, "the hours are an upper bound"});
  if (row.accounting == "net")
    result.findings.push_back(
        {Verdict::Consistent, "net of energy purchases: not comparable with location-based rows"});
  if (row.tier() == MeterTier::TdpTimesHours)
    result.findings.push_back(
        {Verdict::Circular, "hours x TDP x a constant: reproducing it tests arithmetic, not a model"});
  if (result.energy_mwh || row.energy_mwh || result.implied_mfu) result.verdict = Verdict::Consistent;
  for (const AuditFinding& finding : result.findings) result.verdict = std::max(result.verdict, finding.verdict);
  return result;
}

}  // namespace isoflop::sim
