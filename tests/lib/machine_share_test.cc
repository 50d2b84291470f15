// Control groups on trees of files that look like /proc and /sys.
#include "isoflop/machine_share.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "isoflop/error.h"
#include "isoflop/parallel.h"

using namespace isoflop;

namespace {

class FakeRoot {
 public:
  FakeRoot() {
    static int made = 0;
    root_ = std::filesystem::temp_directory_path() /
            ("isoflop-test-share-" + std::to_string(::getpid()) + "-" + std::to_string(made++));
    std::filesystem::create_directories(root_);
  }
  ~FakeRoot() { std::filesystem::remove_all(root_); }
  std::string path() const { return root_.string(); }
  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text << "\n";
  }

 private:
  std::filesystem::path root_;
};

}  // namespace

TEST_CASE("nothing readable sets no limit") {
  const FakeRoot nothing;
  CHECK(!processor_quota(nothing.path()).has_value());
  CHECK(!available_memory_bytes(nothing.path()).has_value());
  CHECK(usable_processor_count() >= 1);
  CHECK(thread_count(0) == usable_processor_count());
  CHECK(thread_count(7) == 7);
}

TEST_CASE("the quota of cgroup 2 is the least of the group and those above it") {
  const FakeRoot root;
  root.write("proc/self/cgroup", "0::/pods/one");
  root.write("sys/fs/cgroup/pods/one/cpu.max", "max 100000");
  CHECK(!processor_quota(root.path()).has_value());
  root.write("sys/fs/cgroup/pods/cpu.max", "150000 100000");
  CHECK(processor_quota(root.path()) == 1.5);
  root.write("sys/fs/cgroup/pods/one/cpu.max", "50000 100000");
  CHECK(processor_quota(root.path()) == 0.5);
}

TEST_CASE("in a container that sees only its own groups, the quota stands at the root of the mount") {
  const FakeRoot two, one, garbage;
  two.write("proc/self/cgroup", "0::/");
  two.write("sys/fs/cgroup/cpu.max", "200000 100000");
  CHECK(processor_quota(two.path()) == 2);
  one.write("proc/self/cgroup", "12:memory:/docker/ab\n4:cpu,cpuacct:/docker/ab\n1:name=systemd:/docker/ab");
  one.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1");
  one.write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  CHECK(!processor_quota(one.path()).has_value());
  one.write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "300000");
  CHECK(processor_quota(one.path()) == 3);
  garbage.write("proc/self/cgroup", "no groups here\n::\n0::relative");
  garbage.write("sys/fs/cgroup/cpu.max", "many of them");
  CHECK(!processor_quota(garbage.path()).has_value());
}

TEST_CASE("memory is what the machine has free or what the groups leave, whichever is less") {
  const FakeRoot root;
  root.write("proc/meminfo", "MemTotal:       16000000 kB\nMemFree:  1 kB\nMemAvailable:    2000 kB");
  CHECK(available_memory_bytes(root.path()) == 2000.0 * 1024);
  root.write("proc/self/cgroup", "0::/job");
  root.write("sys/fs/cgroup/job/memory.max", "1000000");
  root.write("sys/fs/cgroup/job/memory.current", "400000");
  CHECK(available_memory_bytes(root.path()) == 600000);
  root.write("sys/fs/cgroup/job/memory.current", "1400000");
  CHECK(available_memory_bytes(root.path()) == 0);
  root.write("sys/fs/cgroup/job/memory.max", "max");
  CHECK(available_memory_bytes(root.path()) == 2000.0 * 1024);
}

TEST_CASE("what no machine has is refused before it is asked for") {
  require_memory(1, "a byte");
  if (!available_memory_bytes()) {
    MESSAGE("skipped: this system does not say what memory is available");
    return;
  }
  CHECK_THROWS_WITH_AS(require_memory(1e18, "an exabyte"), doctest::Contains("an exabyte takes at least"), Error);
}
