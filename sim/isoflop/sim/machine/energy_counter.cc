#include "isoflop/sim/machine/energy_counter.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/error.h"

namespace isoflop::sim {
namespace {

namespace fs = std::filesystem;

// First line of a small file; nothing when it cannot be read.
std::optional<std::string> line_of(const std::string& path) {
  try {
    const std::string text = read_file(path);
    return text.substr(0, text.find('\n'));
  } catch (const Error&) {
    return std::nullopt;
  }
}

// Entries of a folder in the order of their names; none when there is no such folder.
std::vector<std::string> entries_of(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code problem;
  for (fs::directory_iterator at(folder, problem), end; !problem && at != end; at.increment(problem))
    paths.push_back(at->path().string());
  std::sort(paths.begin(), paths.end());
  return paths;
}

bool is_wanted(const std::string& name) { return name.starts_with("package") || name.starts_with("dram"); }

}  // namespace

EnergyCounter::EnergyCounter(const std::string& system) {
  find_powercap(system + "/class/powercap");
  if (zones_.empty()) find_hwmon(system + "/class/hwmon");
  if (zones_.empty() && problem_.empty())
    problem_ = "no energy counter: neither " + system + "/class/powercap nor " + system +
               "/class/hwmon has one (usual on virtual machines)";
  for (Zone& zone : zones_)
    if (const auto now = read(zone.path)) zone.last_uj = *now;
}

void EnergyCounter::find_powercap(const std::string& folder) {
  // Zones and zones inside zones all stand in the folder of the class: intel-rapl:0, intel-rapl:0:1.
  std::vector<std::string> known;
  for (const std::string& path : entries_of(folder)) {
    const std::string own = fs::path(path).filename().string();
    const auto name = line_of(path + "/name");
    if (own.find(':') == std::string::npos || !name || !is_wanted(*name)) continue;
    const std::string inside = name->starts_with("dram") ? own.substr(0, own.rfind(':')) + "/" : "";
    if (std::find(known.begin(), known.end(), inside + *name) != known.end()) continue;
    known.push_back(inside + *name);
    Zone zone{*name, path + "/energy_uj"};
    if (const auto range = line_of(path + "/max_energy_range_uj"))
      std::from_chars(range->data(), range->data() + range->size(), zone.range_uj);
    zones_.push_back(std::move(zone));
  }
}

void EnergyCounter::find_hwmon(const std::string& folder) {
  for (const std::string& path : entries_of(folder)) {
    if (line_of(path + "/name") != "amd_energy") continue;
    for (const std::string& file : entries_of(path)) {
      const std::string own = fs::path(file).filename().string(), end = "_label";
      if (!own.starts_with("energy") || !own.ends_with(end)) continue;
      const auto label = line_of(file);
      // The driver hides labels and counters alike from all but root: then there are counters, but not for us.
      if (!label) static_cast<void>(read(file));
      else if (label->starts_with("Esocket"))
        zones_.push_back({*label, file.substr(0, file.size() - end.size()) + "_input"});
    }
  }
}

std::optional<std::uint64_t> EnergyCounter::read(const std::string& path) {
  try {
    const std::string text = read_file(path);
    std::uint64_t value = 0;
    const auto [next, bad] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (bad == std::errc() && (next == text.data() + text.size() || *next == '\n')) return value;
    problem_ = path + ": is no counter of microjoules";
  } catch (const Error& error) {
    problem_ = error.what();
    if (problem_.find("ermission") != std::string::npos)
      problem_ += " (only root may read it since Linux 5.10, CVE-2020-8694; chmod a+r lets all programs)";
  }
  return std::nullopt;
}

std::string EnergyCounter::zones() const {
  std::string text;
  for (const Zone& zone : zones_) text += (text.empty() ? "" : ", ") + zone.name;
  return text;
}

std::optional<double> EnergyCounter::joules() {
  if (!problem_.empty()) return std::nullopt;
  for (Zone& zone : zones_) {
    const auto now = read(zone.path);
    if (!now) return std::nullopt;
    std::uint64_t moved = *now - zone.last_uj;
    if (*now < zone.last_uj) {
      if (zone.range_uj < zone.last_uj) {
        problem_ = zone.path + ": went back, and its range is not known";
        return std::nullopt;
      }
      moved = zone.range_uj - zone.last_uj + *now;
    }
    total_j_ += 1e-6 * static_cast<double>(moved);
    zone.last_uj = *now;
  }
  return total_j_;
}

}  // namespace isoflop::sim
