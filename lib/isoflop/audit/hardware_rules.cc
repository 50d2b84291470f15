// Accelerators, grids, data centres and embodied footprints: ranges, ratios between columns, the catalogue.
#include <cmath>
#include <map>

#include "isoflop/audit/rules.h"
#include "isoflop/number_text.h"

namespace isoflop::audit {
namespace {

struct ColumnBound {
  const char* column;
  double low, high;
  const char* what;
};

void check_bounds(Auditor& auditor, std::initializer_list<ColumnBound> bounds) {
  for (const auto& bound : bounds) {
    const auto column = auditor.column({bound.column});
    if (!column) continue;
    for (std::size_t row = 0; row < auditor.table().rows(); ++row) {
      if (auditor.table().text(row, *column).empty()) continue;
      auditor.tested("range");
      const auto value = auditor.number(row, column);
      if (!value) auditor.report(Severity::Error, Basis::Bounds, "number", row, column, "a plain number");
      else if (*value < bound.low || *value > bound.high)
        auditor.report(Severity::Error, Basis::Bounds, "range", row, column,
                       format_number(bound.low) + " to " + format_number(bound.high) + " " + bound.what +
                           slip_hint(*value, bound.low, bound.high));
    }
  }
}

// Peaks of neighbouring formats stand in a ratio of 1 or 2 on every device we know; 4 is a sparse figure.
void check_peak_ratio(Auditor& auditor, std::size_t row, const char* wide, const char* narrow) {
  const auto low = auditor.column({wide}), high = auditor.column({narrow});
  const auto a = auditor.number(row, low), b = auditor.number(row, high);
  if (!a || !b || *a <= 0) return;
  auditor.tested("peak ratio");
  const double ratio = *b / *a;
  if (ratio >= 0.95 && ratio <= 3) return;
  auditor.report(Severity::Warning, Basis::Bounds, "peak ratio", row, high,
                 "1 to 3 times " + format_number(*a) + ", column \"" + wide + "\"; here " + format_number(ratio, 3) +
                     (ratio > 3.5 && ratio < 4.5 ? " (a sparse figure?)" : "") + slip_hint(ratio, 0.95, 3));
}

void check_device_against_catalogue(Auditor& auditor, std::size_t row, const Accelerator& known) {
  const struct {
    const char* column;
    std::optional<double> known;
    double unit;
    const char* doubled;
  } values[] = {
      {"bf16_tflop_per_s", known.bf16_flop_per_s, 1e12, "the figure with sparsity"},
      {"fp16_tflop_per_s", known.fp16_flop_per_s, 1e12, "the figure with sparsity"},
      {"fp8_tflop_per_s", known.fp8_flop_per_s, 1e12, "the figure with sparsity"},
      {"memory_gb", known.memory_bytes, 1e9, "two dies"},
      {"memory_bandwidth_gb_per_s", known.bandwidth_bytes_per_s, 1e9, "two dies"},
      {"tdp_w", known.tdp_w, 1, "two devices"},
      {"intra_node_link_gb_per_s_per_direction", known.intra_node_bytes_per_s, 1e9, "both directions together"}};
  for (const auto& value : values) {
    const auto column = auditor.column({value.column});
    const auto stated = auditor.number(row, column);
    if (!stated || !value.known) continue;
    auditor.tested("differs from catalogue");
    const double ratio = *stated * value.unit / *value.known;
    if (std::fabs(ratio - 1) <= 0.03) continue;
    auditor.report(
        Severity::Error, Basis::Catalogue, "differs from catalogue", row, column,
        format_number(*value.known / value.unit) + " [" + known.source + "]" +
            (std::fabs(ratio - 2) < 0.03 ? std::string(" (twice: ") + value.doubled + "?)" : slip_hint(ratio, 0.5, 2)));
  }
}

}  // namespace

void check_accelerators(Auditor& auditor) {
  check_bounds(auditor,
               {{"fp32_tflop_per_s", 0.05, 1000, "TFLOP/s"},
                {"bf16_tflop_per_s", 0.5, 20000, "TFLOP/s"},
                {"fp16_tflop_per_s", 0.5, 20000, "TFLOP/s"},
                {"fp8_tflop_per_s", 1, 40000, "TFLOP/s"},
                {"int8_top_per_s", 1, 40000, "TOP/s"},
                {"fp4_tflop_per_s", 10, 80000, "TFLOP/s"},
                {"memory_gb", 1, 8192, "GB"},
                {"memory_bandwidth_gb_per_s", 10, 30000, "GB/s"},
                {"tdp_w", 1, 3000, "W"},
                {"intra_node_link_gb_per_s_per_direction", 1, 4000, "GB/s"},
                {"inter_node_link_gb_per_s_per_direction", 0.5, 150, "GB/s (links between nodes are sold in Gbit/s)"},
                {"multiprocessors", 1, 1000, "multiprocessors"},
                {"price_usd_per_hour", 0.01, 100, "USD per hour"},
                {"year", 2010, 2035, "as a year"}});
  const auto& table = auditor.table();
  const bool is_catalogue = table.sha256() == auditor.references().accelerators().origin().sha256;
  const auto id = auditor.column({"id", "device", "name"});
  std::map<std::string, std::size_t> first_line;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    auditor.tested("duplicate device");
    const auto [place, is_new] = first_line.emplace(comparable_name(auditor.text(row, id)), table.line(row));
    if (!is_new)
      auditor.report(Severity::Error, Basis::Itself, "duplicate device", row, id,
                     "each device once; it already stands in line " + std::to_string(place->second));
    check_peak_ratio(auditor, row, "bf16_tflop_per_s", "fp8_tflop_per_s");
    check_peak_ratio(auditor, row, "bf16_tflop_per_s", "int8_top_per_s");
    check_peak_ratio(auditor, row, "fp8_tflop_per_s", "fp4_tflop_per_s");
    if (is_catalogue) continue;
    if (const auto* known = auditor.references().accelerators().find(auditor.text(row, id)))
      check_device_against_catalogue(auditor, row, *known);
  }
}

void check_grids(Auditor& auditor) {
  check_bounds(auditor, {{"kgco2e_per_kwh", 0, 1.3, "kg CO2e per kWh"},
                         {"offsite_water_l_per_kwh", 0, 60, "L per kWh"},
                         {"hourly_cfe_share", 0, 1, "as a share of 1"},
                         {"year", 1990, 2035, "as a year"}});
  const auto& table = auditor.table();
  const bool is_catalogue = table.sha256() == auditor.references().grids().origin().sha256;
  const auto zone = auditor.column({"zone"}), factor = auditor.column({"kgco2e_per_kwh"}),
             year = auditor.column({"year"}), kind = auditor.column({"kind"}),
             accounting = auditor.column({"accounting"});
  std::map<std::string, std::size_t> first_line;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    auditor.tested("duplicate zone");
    const std::string key = auditor.text(row, zone) + "|" + auditor.text(row, year) + "|" + auditor.text(row, kind) +
                            "|" + auditor.text(row, accounting);
    const auto [place, is_new] = first_line.emplace(key, table.line(row));
    if (!is_new)
      auditor.report(Severity::Error, Basis::Itself, "duplicate zone", row, zone,
                     "each zone, year and kind once; it already stands in line " + std::to_string(place->second));
    const auto value = auditor.number(row, factor);
    if (is_catalogue || !value) continue;
    for (const auto* known : auditor.references().grids().find(auditor.text(row, zone))) {
      if (known->kind != auditor.text(row, kind) || known->kgco2e_per_kwh <= 0) continue;
      auditor.tested("differs from catalogue");
      const double ratio = *value / known->kgco2e_per_kwh;
      // One zone moves by a third from year to year; small factors by more.
      if (std::fabs(*value - known->kgco2e_per_kwh) <= 0.03 || (ratio > 0.6 && ratio < 1.6)) continue;
      auditor.report(Severity::Warning, Basis::Catalogue, "differs from catalogue", row, factor,
                     format_number(known->kgco2e_per_kwh) + " kg/kWh in " +
                         (known->year ? std::to_string(*known->year) : "the catalogue") + " [" + known->source + "]" +
                         slip_hint(ratio, 0.6, 1.6));
      break;
    }
  }
}

void check_datacentres(Auditor& auditor) {
  check_bounds(auditor, {{"pue", 1, 3, "facility energy over IT energy"},
                         {"onsite_water_l_per_kwh", 0, 2.5, "L per kWh (evaporation alone needs 1.47)"},
                         {"offsite_water_l_per_kwh", 0, 60, "L per kWh"}});
}

void check_embodied(Auditor& auditor) {
  check_bounds(auditor, {{"kgco2e_low", 1, 50000, "kg CO2e"},
                         {"kgco2e_high", 1, 50000, "kg CO2e"},
                         {"kgco2e_per_accelerator", 1, 5000, "kg CO2e per device"},
                         {"lifetime_years", 1, 15, "years"}});
}

}  // namespace isoflop::audit
