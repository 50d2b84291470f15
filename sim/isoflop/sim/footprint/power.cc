#include "isoflop/sim/footprint/power.h"

#include <fmt/format.h>

#include <cmath>

#include "isoflop/error.h"

namespace isoflop::sim {
namespace {

/// Lognormal whose median absolute deviation, as a fraction, is `median_error`: 0.6745 sigma = ln(1 + error).
Distribution lognormal_of_median_error(double median_error) {
  return Distribution::lognormal(1, std::log1p(median_error) / 0.67448975);
}

}  // namespace

std::string_view name_of(MeterTier tier) {
  switch (tier) {
    case MeterTier::EnergyCounter:
      return "energy counter";
    case MeterTier::Rapl:
      return "RAPL";
    case MeterTier::TwoPointCurve:
      return "two-point load curve";
    case MeterTier::ReportedPower:
      return "reported mean power";
    case MeterTier::FractionOfTdp:
      return "fraction of TDP";
    case MeterTier::TdpTimesHours:
      break;
  }
  return "TDP x hours (convention)";
}

Distribution tier_spread(MeterTier tier) {
  switch (tier) {
    case MeterTier::EnergyCounter:
    case MeterTier::Rapl:
    case MeterTier::ReportedPower:
      return Distribution::normal(1, 0.05);
    case MeterTier::TwoPointCurve:
      return lognormal_of_median_error(0.15);
    case MeterTier::FractionOfTdp:
      return lognormal_of_median_error(0.24);
    case MeterTier::TdpTimesHours:
      break;
  }
  return Distribution::fixed(1);
}

double LoadCurve::power_w(double load) const {
  if (!(load >= 0 && load <= 1)) throw Error(Fault::BadInput, fmt::format("load {} is not between 0 and 1", load));
  if (!(idle_w >= 0 && full_w >= idle_w))
    throw Error(Fault::BadInput, fmt::format("idle power {} W must lie between 0 and full power {} W", idle_w, full_w));
  return idle_w + (full_w - idle_w) * std::pow(load, exponent);
}

double unmetered_power_w(double tdp_w) { return 0.5 * tdp_w; }

double codecarbon_fallback_power_w(double tdp_w, double load) { return tdp_w * (0.1 + 0.9 * load * load * load); }

Distribution training_power_fraction(const Accelerator& device) {
  if (device.id.starts_with("tpu")) return Distribution::triangular(0.9, 1.4, 2.4);
  const bool like_measured =
      device.id.starts_with("h100") || device.id.starts_with("h200") || device.id.starts_with("a100");
  return like_measured ? Distribution::triangular(0.80, 0.90, 0.95) : Distribution::triangular(0.60, 0.85, 0.95);
}
Distribution serving_power_fraction() { return Distribution::triangular(0.57, 0.72, 0.90); }
Distribution host_factor() { return Distribution::triangular(1.2, 1.4, 1.82); }

}  // namespace isoflop::sim
