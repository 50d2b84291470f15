// Energy counters on a tree of files that looks like sysfs.
#include "isoflop/sim/machine/energy_counter.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "agrees.h"
#include "isoflop/sim/machine/energy_meter.h"

using namespace isoflop::sim;

namespace {

class FakeSystem {
 public:
  FakeSystem() {
    static int made = 0;
    root_ = std::filesystem::temp_directory_path() /
            ("isoflop-test-energy-" + std::to_string(::getpid()) + "-" + std::to_string(made++));
    std::filesystem::create_directories(root_);
  }
  ~FakeSystem() { std::filesystem::remove_all(root_); }
  std::string path() const { return root_.string(); }
  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text << "\n";
  }
  void zone(const std::string& folder, const std::string& name, const std::string& energy_uj,
            const std::string& range_uj = "262143328850") const {
    write("class/powercap/" + folder + "/name", name);
    write("class/powercap/" + folder + "/energy_uj", energy_uj);
    write("class/powercap/" + folder + "/max_energy_range_uj", range_uj);
  }
  void energy(const std::string& folder, const std::string& energy_uj) const {
    write("class/powercap/" + folder + "/energy_uj", energy_uj);
  }
  void remove(const std::string& file) const { std::filesystem::remove_all(root_ / file); }

 private:
  std::filesystem::path root_;
};

}  // namespace

TEST_CASE("packages and their memory are added up; parts, the platform and second views of a package are not") {
  const FakeSystem system;
  system.zone("intel-rapl:0", "package-0", "1000000");
  system.zone("intel-rapl:0:0", "core", "500000");
  system.zone("intel-rapl:0:1", "dram", "0");
  system.zone("intel-rapl:1", "package-1", "7000000");
  system.zone("intel-rapl:1:1", "dram", "0");
  system.zone("intel-rapl:2", "psys", "0");
  system.zone("intel-rapl-mmio:0", "package-0", "1000000");
  system.write("class/powercap/intel-rapl/enabled", "1");
  EnergyCounter counter(system.path());
  CHECK(counter.problem() == "");
  CHECK(counter.zones() == "package-0, dram, package-1, dram");
  CHECK(counter.joules() == 0);
  for (const char* folder : {"intel-rapl:0", "intel-rapl:0:0", "intel-rapl:2", "intel-rapl-mmio:0"})
    system.energy(folder, "5000000");
  system.energy("intel-rapl:0:1", "250000");
  system.energy("intel-rapl:1", "9000000");
  system.energy("intel-rapl:1:1", "250000");
  CHECK(agrees(counter.joules().value(), 4 + 0.25 + 2 + 0.25, 12));
}

TEST_CASE("a counter that ran over its range goes on, more than once") {
  const FakeSystem system;
  system.zone("intel-rapl:0", "package-0", "9000000", "10000000");
  EnergyCounter counter(system.path());
  system.energy("intel-rapl:0", "2000000");
  CHECK(agrees(counter.joules().value(), 1 + 2, 12));
  system.energy("intel-rapl:0", "8000000");
  CHECK(agrees(counter.joules().value(), 9, 12));
  system.energy("intel-rapl:0", "0");
  CHECK(agrees(counter.joules().value(), 11, 12));
}

TEST_CASE("AMD's own driver is read where there is no powercap, its sockets and not its cores") {
  const FakeSystem system;
  system.write("class/hwmon/hwmon0/name", "nvme");
  system.write("class/hwmon/hwmon0/energy1_label", "Esocket9");
  system.write("class/hwmon/hwmon1/name", "amd_energy");
  system.write("class/hwmon/hwmon1/energy1_label", "Ecore000");
  system.write("class/hwmon/hwmon1/energy1_input", "1");
  system.write("class/hwmon/hwmon1/energy129_label", "Esocket0");
  system.write("class/hwmon/hwmon1/energy129_input", "100");
  EnergyCounter counter(system.path());
  CHECK(counter.zones() == "Esocket0");
  system.write("class/hwmon/hwmon1/energy129_input", "3000100");
  CHECK(agrees(counter.joules().value(), 3, 12));
  system.write("class/hwmon/hwmon1/energy129_input", "5");
  CHECK(!counter.joules().has_value());
  CHECK(counter.problem().find("went back") != std::string::npos);
}

TEST_CASE("no counter, one that is not allowed, garbage and one that vanishes are told apart") {
  const FakeSystem nothing;
  EnergyCounter none(nothing.path());
  CHECK(!none.joules().has_value());
  CHECK(none.problem().find("no energy counter") == 0);

  const FakeSystem garbage;
  garbage.zone("intel-rapl:0", "package-0", "12 apples");
  EnergyCounter apples(garbage.path());
  CHECK(!apples.joules().has_value());
  CHECK(apples.problem().find("is no counter") != std::string::npos);

  const FakeSystem vanishing;
  vanishing.zone("intel-rapl:0", "package-0", "12");
  EnergyCounter counter(vanishing.path());
  CHECK(counter.joules() == 0);
  vanishing.remove("class/powercap/intel-rapl:0/energy_uj");
  CHECK(!counter.joules().has_value());
  CHECK(counter.problem().find("cannot be opened") != std::string::npos);

  const FakeSystem forbidden;
  forbidden.zone("intel-rapl:0", "package-0", "12");
  // Root reads everything, so a folder in place of the file stands for a file that cannot be read.
  forbidden.remove("class/powercap/intel-rapl:0/energy_uj");
  std::filesystem::create_directories(forbidden.path() + "/class/powercap/intel-rapl:0/energy_uj");
  EnergyCounter unreadable(forbidden.path());
  CHECK(!unreadable.joules().has_value());
  CHECK(unreadable.problem().find("intel-rapl:0/energy_uj") != std::string::npos);

  if (::geteuid() == 0) {
    MESSAGE("skipped: root is refused no file, so \"permission denied\" cannot be shown");
    return;
  }
  const FakeSystem denied;
  denied.zone("intel-rapl:0", "package-0", "12");
  std::filesystem::permissions(denied.path() + "/class/powercap/intel-rapl:0/energy_uj", std::filesystem::perms::none);
  CHECK(EnergyCounter(denied.path()).problem().find("since Linux 5.10") != std::string::npos);

  const FakeSystem hidden;
  hidden.write("class/hwmon/hwmon1/name", "amd_energy");
  hidden.write("class/hwmon/hwmon1/energy129_label", "Esocket0");
  hidden.write("class/hwmon/hwmon1/energy129_input", "100");
  std::filesystem::permissions(hidden.path() + "/class/hwmon/hwmon1/energy129_label", std::filesystem::perms::none);
  CHECK(EnergyCounter(hidden.path()).problem().find("energy129_label") != std::string::npos);
}

TEST_CASE("a meter counts what passes outside its pauses and names its tier") {
  const FakeSystem system;
  system.zone("intel-rapl:0", "package-0", "0");
  EnergyMeter meter(0, system.path());
  system.energy("intel-rapl:0", "4000000");
  meter.pause();
  system.energy("intel-rapl:0", "9000000");
  meter.resume();
  system.energy("intel-rapl:0", "10000000");
  const auto energy = meter.read();
  CHECK(energy.tier == MeterTier::Rapl);
  CHECK(agrees(energy.joules.central, 5, 12));
  CHECK(energy.joules.low < 5);
  CHECK(energy.joules.high > 5);
  CHECK(energy.source.find("package-0") != std::string::npos);
}

TEST_CASE("what nothing counts is modelled from TDP, says so, and is less certain when the TDP is assumed") {
  const auto given = modelled_energy(10, 200, 64, "no counter");
  CHECK(given.tier == MeterTier::FractionOfTdp);
  CHECK(agrees(given.joules.central, 10 * 100, 12));  // half of TDP
  CHECK(given.source.find("modelled") != std::string::npos);
  const auto assumed = modelled_energy(10, 0, 64, "no counter");
  CHECK(agrees(assumed.joules.central, 10 * 0.5 * 2.5 * 64, 12));
  CHECK(assumed.source.find("assumed") != std::string::npos);
  const auto width = [](const MeteredEnergy& e) { return e.joules.high / e.joules.low; };
  CHECK(width(assumed) > width(given));
  const FakeSystem nothing;
  CHECK(EnergyMeter(100, nothing.path()).read().tier == MeterTier::FractionOfTdp);
}
