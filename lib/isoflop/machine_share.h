// What of this machine this process may use: containers and batch systems give less than the machine has.
//
// Processors: those the process may run on (affinity), and the quota of its control groups (cgroup 2 cpu.max, cgroup 1
// cpu.cfs_quota_us), the least of the group and those above it. Memory: MemAvailable of /proc/meminfo, and what the
// control groups leave (cgroup 2 memory.max less memory.current). Where the system does not say, nothing is taken off.
// Source: Linux Documentation/admin-guide/cgroup-v2.rst, Documentation/scheduler/sched-bwc.rst.
#pragma once
#include <optional>
#include <string>

namespace isoflop {

/// Processors' worth of time that the control groups allow; nothing: no limit known. `root` is "" but in tests.
std::optional<double> processor_quota(const std::string& root = "");

/// Processors that the process may use at once, at least 1; a quota of 1.5 counts as 2.
int usable_processor_count();

/// Bytes that the process may still take; nothing: not known.
std::optional<double> available_memory_bytes(const std::string& root = "");

/// Throws Error (CannotRun) "`what` takes at least ... of memory" where that is more than is available. To be asked
/// before large arrays are made: where the system promises memory freely, it ends the program later, without a word.
void require_memory(double bytes, const std::string& what);

}  // namespace isoflop
