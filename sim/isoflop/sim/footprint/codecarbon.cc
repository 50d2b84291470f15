#include "isoflop/sim/footprint/codecarbon.h"

#include <fmt/format.h>

#include <cmath>
#include <map>

namespace isoflop::sim {
namespace {

double median_of(const FootprintEstimate& f, const std::string& name) {
  for (const auto& in : f.inputs)
    if (in.name == name) return in.distribution.median();
  return 0;
}

/// Until version 3 the file held the last power, since then the mean: energy over time then says nothing.
bool writes_last_power(const std::string& version) { return version.empty() || version[0] < '3'; }

void find_doubts(EmissionsRow& row) {
  const auto broken = [&](std::string doubt) {
    row.doubts.push_back(std::move(doubt));
    row.is_broken = true;
  };
  if (row.version.starts_with("isoflop")) row.doubts.push_back("worked out by isoflop, not metered");
  if (row.facility_kwh == 0 && row.duration_s > 60) broken("no energy for a run of minutes: a counter was missing");
  if (row.gpu_count && *row.gpu_count > 0 && row.gpu_kwh == 0) broken("a GPU is named but has no energy");
  const double parts = row.cpu_kwh + row.gpu_kwh + row.ram_kwh;
  if (parts > 0 && std::fabs(parts / row.facility_kwh - 1) > 0.02)
    broken(fmt::format("parts sum to {:.3g} kWh, the total says {:.3g}", parts, row.facility_kwh));
  if (row.facility_kwh > 0) {
    const double factor = row.emissions_kg / row.facility_kwh;
    if (factor > implausible_grid_kg_per_kwh)
      broken(fmt::format("{:.3g} kg/kWh is dirtier than any grid: a factor of 1,000?", factor));
    if (row.duration_s > 0 &&
        row.facility_kwh / (row.duration_s / 3600) > 20000 / 1e3 * std::max(1.0, row.gpu_count.value_or(1)))
      broken("more than 20 kW a device: a unit error?");
  }
  if (row.cpu_power_w == 42.5 ||
      (writes_last_power(row.version) && row.cpu_kwh > 0 && row.duration_s > 0 && row.cpu_power_w > 0 &&
       std::fabs(row.cpu_kwh / row.pue_ratio / (row.cpu_power_w / 1e3 * row.duration_s / 3600) - 1) < 1e-3))
    row.doubts.push_back("the processor's power is a constant, not a counter");
}

/// A file of tasks names the run in every row; their energies add up.
void find_superseded(std::vector<EmissionsRow>& rows) {
  std::map<std::string, std::size_t> last;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].run_id.empty()) continue;
    const auto [place, is_new] = last.emplace(rows[i].run_id + "|" + rows[i].project, i);
    if (is_new) continue;
    EmissionsRow& before = rows[place->second];
    if (rows[i].duration_s >= before.duration_s && rows[i].facility_kwh >= before.facility_kwh) {
      before.is_superseded = true;
      before.doubts.push_back("not counted: a later row of the same run holds its total");
    }
    place->second = i;
  }
}

}  // namespace

std::vector<EmissionsRow> read_emissions(const CsvTable& t) {
  const auto duration = t.column("duration"), emissions = t.column("emissions"), energy = t.column("energy_consumed");
  const auto maybe = [&](const char* name) { return t.find_column(name); };
  const auto number = [&](std::size_t r, std::optional<std::size_t> c) { return c ? t.number(r, *c) : std::nullopt; };
  const auto text = [&](std::size_t r, std::optional<std::size_t> c) {
    return c ? std::string(t.text(r, *c)) : std::string();
  };
  std::vector<EmissionsRow> rows;
  for (std::size_t r = 0; r < t.rows(); ++r) {
    EmissionsRow row;
    row.timestamp = text(r, maybe("timestamp"));
    row.project = text(r, maybe("project_name"));
    row.run_id = text(r, maybe("run_id"));
    row.duration_s = t.required_number(r, duration);
    row.emissions_kg = t.required_number(r, emissions);
    row.facility_kwh = t.required_number(r, energy);
    row.cpu_kwh = number(r, maybe("cpu_energy")).value_or(0);
    row.gpu_kwh = number(r, maybe("gpu_energy")).value_or(0);
    row.ram_kwh = number(r, maybe("ram_energy")).value_or(0);
    row.cpu_power_w = number(r, maybe("cpu_power")).value_or(0);
    row.pue_ratio = number(r, maybe("pue")).value_or(1);
    row.country_iso = text(r, maybe("country_iso_code"));
    row.region = text(r, maybe("region"));
    row.gpu_model = text(r, maybe("gpu_model"));
    row.cpu_model = text(r, maybe("cpu_model"));
    row.gpu_count = number(r, maybe("gpu_count"));
    row.version = text(r, maybe("codecarbon_version"));
    row.water_l = number(r, maybe("water_consumed"));
    for (double value : {row.duration_s, row.emissions_kg, row.facility_kwh, row.cpu_kwh, row.gpu_kwh, row.ram_kwh})
      if (value < 0) t.reject_row(r, "energy, emissions and duration are not negative");
    if (row.pue_ratio < 1) t.reject(r, *maybe("pue"), "a PUE is at least 1");
    find_doubts(row);
    rows.push_back(std::move(row));
  }
  if (!maybe("task_name")) find_superseded(rows);
  return rows;
}

std::string write_emissions(const FootprintEstimate& f, const EmissionsLabels& labels) {
  const double seconds = 3600 * median_of(f, "device-hours") / labels.device_count.value_or(1);
  const double facility = f.facility_kwh.central, it = f.it_kwh.central, pue_ratio = facility / it;
  const double gpu = it / median_of(f, "host overhead") * pue_ratio;
  const double kg = f.operational_kg.central;
  const auto watts_of = [&](double kwh) { return seconds > 0 ? kwh / pue_ratio * 3.6e6 / seconds : 0; };
  std::string out =
      "timestamp,project_name,run_id,duration,emissions,emissions_rate,cpu_power,gpu_power,ram_power,cpu_energy,gpu_"
      "energy,"
      "ram_energy,energy_consumed,country_name,country_iso_code,region,cloud_provider,cloud_region,os,python_version,"
      "codecarbon_version,cpu_count,cpu_model,gpu_count,gpu_model,longitude,latitude,ram_total_size,tracking_mode,on_"
      "cloud,pue\n";
  out += fmt::format("{},{},{},{},{},{},{},{},0,{},{},0,{},{},{},,,,,,isoflop {},,,{},{},,,,machine,N,{}\n",
                     csv_cell(labels.timestamp), csv_cell(labels.project), csv_cell(labels.run_id), seconds, kg,
                     seconds > 0 ? kg / seconds : 0, watts_of(facility - gpu), watts_of(gpu), facility - gpu, gpu,
                     facility, csv_cell(labels.country), csv_cell(labels.country_iso), labels.tool_version,
                     labels.device_count ? fmt::format("{}", *labels.device_count) : "",
                     csv_cell(labels.gpu_model), pue_ratio);
  return out;
}

}  // namespace isoflop::sim
