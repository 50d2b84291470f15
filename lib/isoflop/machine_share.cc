#include "isoflop/machine_share.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <thread>
#include <vector>

#include "isoflop/error.h"
#include "isoflop/number_text.h"

#if defined(__linux__)
#include <sched.h>
#endif

namespace isoflop {
namespace {

std::optional<double> least(std::optional<double> a, std::optional<double> b) {
  return a && b ? std::min(*a, *b) : a ? a : b;
}

// The first numbers of a small file; fewer where there is something else ("max").
std::vector<double> numbers_in(const std::string& path) {
  std::ifstream file(path);
  std::vector<double> numbers;
  for (double x; file >> x;) numbers.push_back(x);
  return numbers;
}

// The folders of this process's group and of those above it, in the hierarchy of `controller` ("": cgroup 2).
// In a container the path may be that of the host; the mount's own root is then all there is.
std::vector<std::string> group_folders(const std::string& root, const std::string& controller) {
  std::ifstream file(root + "/proc/self/cgroup");
  std::string path;
  for (std::string line; std::getline(file, line);) {  // "5:cpu,cpuacct:/user.slice", "0::/user.slice"
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    std::istringstream names(line.substr(first + 1, second - first - 1));
    bool wanted = controller.empty() && second == first + 1;
    for (std::string name; std::getline(names, name, ',');) wanted = wanted || name == controller;
    if (wanted) path = line.substr(second + 1);
  }
  const std::string mount = root + "/sys/fs/cgroup" + (controller.empty() ? "" : "/" + controller);
  std::vector<std::string> folders;
  for (; path.size() > 1; path.resize(path.rfind('/'))) {
    if (path.find('/') == std::string::npos) break;
    folders.push_back(mount + path);
  }
  folders.push_back(mount);
  return folders;
}

}  // namespace

std::optional<double> processor_quota(const std::string& root) {
  std::optional<double> quota;
  for (const auto& folder : group_folders(root, ""))
    if (const auto max = numbers_in(folder + "/cpu.max"); max.size() == 2 && max[0] > 0 && max[1] > 0)
      quota = least(quota, max[0] / max[1]);
  for (const auto& folder : group_folders(root, "cpu")) {
    const auto used = numbers_in(folder + "/cpu.cfs_quota_us"), of = numbers_in(folder + "/cpu.cfs_period_us");
    if (!used.empty() && !of.empty() && used[0] > 0 && of[0] > 0) quota = least(quota, used[0] / of[0]);
  }
  return quota;
}

int usable_processor_count() {
  int count = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = std::min(count, std::max(1, CPU_COUNT(&set)));
#endif
  if (const auto quota = processor_quota()) count = std::min(count, std::max(1, static_cast<int>(std::ceil(*quota))));
  return count;
}

std::optional<double> available_memory_bytes(const std::string& root) {
  std::optional<double> available;
  std::ifstream file(root + "/proc/meminfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("MemAvailable:", 0) == 0) {
      std::istringstream in(line.substr(13));
      if (double kib = 0; in >> kib) available = 1024 * kib;
    }
  for (const auto& folder : group_folders(root, "")) {
    const auto max = numbers_in(folder + "/memory.max"), now = numbers_in(folder + "/memory.current");
    if (!max.empty() && !now.empty()) available = least(available, std::max(0.0, max[0] - now[0]));
  }
  return available;
}

void require_memory(double bytes, const std::string& what) {
  const auto available = available_memory_bytes();
  if (available && bytes > *available)
    throw Error(Fault::CannotRun, what + " takes at least " + format_si(bytes, "B") + " of memory; " +
                                      format_si(*available, "B") + " are available");
}

}  // namespace isoflop
