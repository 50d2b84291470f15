#include "apps/machine/energy_report.h"

#include <fmt/format.h>

#include "isoflop/number_text.h"

namespace isoflop::app {

void report_energy(Report& report, const sim::MeteredEnergy& energy, double tokens) {
  const bool modelled = energy.tier == sim::MeterTier::FractionOfTdp;
  const auto per = [&](double divisor) {
    return Estimate{energy.joules.low / divisor, energy.joules.central / divisor, energy.joules.high / divisor,
                    energy.joules.origin};
  };
  Value& r = report.result;
  r["energy_j"] = energy.joules;
  r["mean_power_w"] = energy.seconds > 0 ? Value(per(energy.seconds)) : Value();
  r["meter_tier"] = sim::name_of(energy.tier);
  std::string text = fmt::format("Energy, {}: {} [{}, {}]", modelled ? "modelled" : "counted",
                                 format_si(energy.joules.central, "J"), format_si(energy.joules.low, "J"),
                                 format_si(energy.joules.high, "J"));
  if (tokens > 0) {
    const Estimate each = per(tokens);
    r["joules_per_token"] = each;
    text += fmt::format(", {} a token [{}, {}]", format_si(each.central, "J"), format_si(each.low, "J"),
                        format_si(each.high, "J"));
  }
  report.messages.push_back(text + fmt::format(" (meter: {}).", sim::name_of(energy.tier)));
  report.assumptions.push_back({"energy", energy.source, "J", modelled ? "modelled, not measured" : "measured"});
}

}  // namespace isoflop::app
