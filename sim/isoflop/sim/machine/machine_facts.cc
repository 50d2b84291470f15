#include "isoflop/sim/machine/machine_facts.h"

#include <fstream>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace isoflop::sim {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.rfind("model name", 0) == 0) {
      const auto colon = line.find(": ");
      if (colon != std::string::npos) return line.substr(colon + 2);
    }
  return "unknown processor";
}

bool has_matrix_tiles() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d >> 24 & 1u) != 0;
#else
  return false;
#endif
}

}  // namespace isoflop::sim
