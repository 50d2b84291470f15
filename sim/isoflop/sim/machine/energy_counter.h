// Energy that the processor packages count themselves (RAPL), as Linux shows it.
//
// /sys/class/powercap/intel-rapl:N of Intel, and of AMD since family 17h under the same name (Linux
// drivers/powercap/intel_rapl_common.c): zones "package-*" and the "dram" zones inside them are added up; "core" and
// "uncore" are parts of a package and "psys" contains the packages, so they are left out, and a zone listed twice
// (intel-rapl-mmio) counts once. Where there is none, hwmon's "amd_energy" with its "Esocket*" counters, a driver of
// Linux 5.8 to 5.12 and since then outside of it. Counters run over at max_energy_range_uj, after nine minutes at 120 W
// where they have 32 bits of 15.3 uJ (Documentation/hwmon/amd_energy.rst): read more often than that. They count all
// programs of the machine, and neither disks, fans nor losses of the power supply.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace isoflop::sim {

class EnergyCounter {
 public:
  /// `system` is the mount point of sysfs. Reads every counter once.
  explicit EnergyCounter(const std::string& system = "/sys");

  /// Empty while all counters can be read; else why not: "/sys/class/powercap/...: Permission denied".
  const std::string& problem() const { return problem_; }
  /// "package-0, dram": what is added up.
  std::string zones() const;
  /// Joules since the constructor. Nothing once a counter could not be read or jumped back where it has no range.
  std::optional<double> joules();

 private:
  struct Zone {
    std::string name, path;
    std::uint64_t last_uj = 0, range_uj = 0;  ///< range 0: does not run over
  };
  void find_powercap(const std::string& folder);
  void find_hwmon(const std::string& folder);
  std::optional<std::uint64_t> read(const std::string& path);
  std::vector<Zone> zones_;
  std::string problem_;
  double total_j_ = 0;
};

}  // namespace isoflop::sim
