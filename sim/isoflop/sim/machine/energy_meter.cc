#include "isoflop/sim/machine/energy_meter.h"

#include <fmt/format.h>

#include <span>
#include <thread>

#include "isoflop/sim/footprint/uncertainty.h"

namespace isoflop::sim {
namespace {

constexpr double low_w = 1.5, usual_w = 2.5, high_w = 5;  // of TDP per hardware thread, assumed

// 90 % interval of joules whose true value is spread around them as the tier says.
Estimate with_spread(double joules, MeterTier tier, const Distribution& factor) {
  const std::vector<UncertainInput> inputs = {{"meter", "1", tier_spread(tier), "footprint"},
                                              {"TDP", "1", factor, "assumed"}};
  PropagationOptions options;
  options.draws = 4096;
  options.threads = 1;
  const auto result =
      propagate(inputs, 1, [&](std::span<const double> in, std::span<double> out) { out[0] = joules * in[0] * in[1]; },
                options);
  return {result.outputs[0].low, joules, result.outputs[0].high, std::string(name_of(tier))};
}

}  // namespace

MeteredEnergy modelled_energy(double seconds, double tdp_w, unsigned processors, const std::string& why) {
  const bool known = tdp_w > 0;
  const double used_w = known ? tdp_w : usual_w * processors;
  const auto factor = known ? Distribution::fixed(1) : Distribution::triangular(low_w / usual_w, 1, high_w / usual_w);
  MeteredEnergy energy{with_spread(seconds * unmetered_power_w(used_w), MeterTier::FractionOfTdp, factor), seconds,
                       MeterTier::FractionOfTdp, ""};
  energy.source = why + "; modelled: half of " +
                  (known ? fmt::format("the given TDP of {:g} W", tdp_w)
                         : fmt::format("{:g} W TDP ({:g} W x {} processors, assumed)", used_w, usual_w, processors));
  return energy;
}

EnergyMeter::EnergyMeter(double tdp_w, const std::string& system) : tdp_w_(tdp_w), counter_(system) {}

// What passed since the last reading, counted unless it was a pause.
void EnergyMeter::count() {
  const auto now = Clock::now();
  const double joules = counter_.joules().value_or(last_j_);
  if (!paused_) {
    seconds_ += std::chrono::duration<double>(now - since_).count();
    counted_j_ += joules - last_j_;
  }
  since_ = now;
  last_j_ = joules;
}

void EnergyMeter::pause() {
  const std::scoped_lock lock(mutex_);
  count();
  paused_ = true;
}

void EnergyMeter::resume() {
  const std::scoped_lock lock(mutex_);
  count();
  paused_ = false;
}

void EnergyMeter::sample() {
  const std::scoped_lock lock(mutex_);
  if (Clock::now() - since_ >= std::chrono::seconds(1)) count();
}

MeteredEnergy EnergyMeter::read() {
  const std::scoped_lock lock(mutex_);
  count();
  if (counter_.problem().empty())
    return {with_spread(counted_j_, MeterTier::Rapl, Distribution::fixed(1)), seconds_, MeterTier::Rapl,
            "counted by the processor (" + counter_.zones() + "), other programs included"};
  return modelled_energy(seconds_, tdp_w_, std::max(1u, std::thread::hardware_concurrency()), counter_.problem());
}

}  // namespace isoflop::sim
