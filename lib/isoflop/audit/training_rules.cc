#include <cmath>
#include <map>

#include "isoflop/audit/rules.h"
#include "isoflop/number_text.h"

namespace isoflop::audit {
namespace {

std::optional<double> gigabytes(double value, const std::string& unit) {
  static const std::map<std::string, double> units = {
      {"GB", 1}, {"GiB", 1.073741824}, {"MB", 1e-3}, {"MiB", 1.048576e-3}, {"B", 1e-9}, {"bytes", 1e-9}};
  const auto found = units.find(unit);
  if (found == units.end()) return std::nullopt;
  return value * found->second;
}

}  // namespace

void check_measured_training(Auditor& auditor) {
  const CsvTable& table = auditor.table();
  const auto devices = table.find_column("n_devices"), value = table.find_column("value"),
             unit = table.find_column("unit"), metric = table.find_column("metric");
  for (std::size_t row = 0; row < table.rows(); ++row) {
    double product = 1;
    bool all = true;
    for (const char* size : {"tp", "pp", "dp", "cp"}) {
      const auto read = auditor.number(row, table.find_column(size));
      all = all && read.has_value();
      product *= read.value_or(1);
    }
    if (const auto n = auditor.number(row, devices); n && all) {
      auditor.tested("devices");
      if (std::fabs(*n - product) > 1e-9)
        auditor.report(Severity::Warning, Basis::Itself, "devices", row, devices,
                       "tp x pp x dp x cp = " + format_count(product) + " devices");
    }
    if (auditor.text(row, metric).find("mem") == std::string::npos) continue;
    const auto v = auditor.number(row, value);
    if (!v) {
      auditor.report(Severity::Error, Basis::Bounds, "number", row, value, "a plain number");
      continue;
    }
    auditor.tested("memory");
    const auto gb = gigabytes(*v, auditor.text(row, unit));
    if (!gb) auditor.report(Severity::Error, Basis::Bounds, "memory", row, unit, "GB, GiB, MB, MiB or B");
    else if (*gb < 0.5 || *gb > 300)
      auditor.report(Severity::Error, Basis::Bounds, "memory", row, value,
                     "0.5 to 300 GB of one device" + slip_hint(*gb, 0.5, 300));
  }
}

}  // namespace isoflop::audit
