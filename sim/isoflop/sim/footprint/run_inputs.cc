#include "isoflop/sim/footprint/run_inputs.h"

#include <fmt/format.h>

#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/footprint/sites.h"

namespace isoflop::sim {
namespace {

bool is_tpu(const Accelerator& device) { return device.id.starts_with("tpu"); }

}  // namespace

ActivityInputs default_inputs(const Accelerator& device, Use use) {
  ActivityInputs in;
  if (device.tdp_w) {
    in.tdp_w.distribution = Distribution::fixed(*device.tdp_w);
    in.tdp_w.source = device.source;
  }
  in.power_fraction.distribution = use == Use::Training ? training_power_fraction(device) : serving_power_fraction();
  in.power_fraction.source =
      use == Use::Serving ? "p10-p90 of 274 measured H100 serving configurations (ML.ENERGY): 0.57-0.90"
      : is_tpu(device)
          ? "whole system over the chip's TDP: 1.11-1.41 for v3 (arXiv:2104.10350), 1.70-1.97 for v4 (GLaM, PaLM)"
          : "long H100 training runs draw 0.85-0.95 of TDP; prior, wider for GPUs before A100 and other makers";
  in.tier = MeterTier::FractionOfTdp;
  in.host_factor.distribution = host_factor();
  in.host_factor.source =
      "host and idle: 1.72 all-in at Google (arXiv:2508.15734), 1.82 nameplate of a DGX H100 (Epoch AI); prior";
  if (is_tpu(device) && use == Use::Training) {
    in.host_factor.distribution = Distribution::fixed(1);
    in.host_factor.source = "already in the system power of TPUs";
  }
  in.device_kg.distribution = device_kg_prior(is_tpu(device));
  in.device_kg.source = is_tpu(device)
                            ? "208-585 kg, five TPU generations, arXiv:2502.01671"
                            : "128 (arXiv:2509.00093), 164 (NVIDIA HGX H100), 572 kg (BoaviztAPI 2.4.1); prior";
  in.server_share_kg.distribution = server_share_kg_prior();
  in.server_share_kg.source = "250 (rule of thumb), 463 (arXiv:2503.05804), 712 kg (EcoLogits); prior";
  in.lifetime_years.distribution = lifetime_years_prior();
  in.lifetime_years.source = "3 (EcoLogits), 4 (arXiv:2503.05804), 6 years (arXiv:2502.01671); prior";
  in.utilisation.distribution = utilisation_prior();
  in.utilisation.source = "0.85 at Jean Zay (arXiv:2211.02001); prior 0.6-0.9";
  set_hyperscale_site(in);
  set_unknown_grid(in);
  return in;
}

const GridFactor& average_factor(const GridCatalogue& grids, const std::string& zone, std::optional<long> year) {
  const GridFactor* found = nullptr;
  for (const GridFactor* row : grids.require_all(zone))
    if (!found && row->kind != "marginal" && (!year || row->year == *year)) found = row;
  if (!found && year) grids.require(zone, std::int64_t{*year});  // says which years there are
  if (!found) throw Error(Fault::Usage, "zone " + zone + " has only marginal factors");
  if (found->accounting == "market")
    throw Error(Fault::Usage, zone + " is a market-based factor (" + format_number(found->kgco2e_per_kwh) +
                                  " kg/kWh; --market-kg); name the place's grid instead");
  return *found;
}

void set_grid(ActivityInputs& in, const GridFactor& factor) {
  const std::string place = factor.name + (factor.year ? " " + std::to_string(*factor.year) : "");
  in.grid_kg_per_kwh.distribution = Distribution::normal(factor.kgco2e_per_kwh, 0.04 * factor.kgco2e_per_kwh);
  in.grid_kg_per_kwh.source = place + ": " + factor.source + "; sd 4 % assumed";
  if (factor.offsite_water_l_per_kwh) {
    const double w = *factor.offsite_water_l_per_kwh;
    in.ewif_l_per_kwh.distribution = Distribution::triangular(0.4 * w, w, 1.45 * w);
    in.ewif_l_per_kwh.source = place + ": " + factor.source +
                               "; 0.4 to 1.45 times for the place within it (Texas 1.29, Iowa 3.10, US 3.13 L/kWh)";
  }
}

void set_unknown_grid(ActivityInputs& in) {
  in.grid_kg_per_kwh.distribution =
      Distribution::triangular(anywhere_kg_per_kwh[0], anywhere_kg_per_kwh[1], anywhere_kg_per_kwh[2]);
  in.grid_kg_per_kwh.source = "assumed: no grid given; Norway, United States, India 2024 (data/grids.csv)";
  set_unknown_offsite_water(in);
}

void set_unknown_offsite_water(ActivityInputs& in) {
  in.ewif_l_per_kwh.distribution = Distribution::triangular(1.3, 3.1, 4.5);
  in.ewif_l_per_kwh.source = "Texas 1.29 (arXiv:2503.05804), US 3.13, world 3.91 L/kWh (data/grids.csv); prior";
}

void set_hours_from_6nd(ActivityInputs& in, const Accelerator& device, double params_active, double tokens,
                        const MfuEstimate& mfu) {
  const auto peak = training_peak_flop_per_s(device);
  if (!peak) throw Error(Fault::CannotRun, device.id + " states no bf16 or fp16 peak");
  in.device_hours.distribution =
      Distribution::lognormal(device_hours_6nd(params_active, tokens, *peak, mfu.median), mfu.sigma_ln);
  in.device_hours.source = fmt::format(
      "6ND over {} and an MFU of {} (sd of ln {}), learnt from {} published runs of {} families on such devices",
      format_si(*peak, "FLOP/s"), format_number(mfu.median, 3), format_number(mfu.sigma_ln, 2), mfu.runs, mfu.families);
}

void set_device_power(ActivityInputs& in, double power_w, MeterTier tier, const std::string& source) {
  if (!(power_w > 0)) throw Error(Fault::BadInput, fmt::format("a device power of {} W is not positive", power_w));
  in.tdp_w.distribution = Distribution::fixed(power_w);
  in.tdp_w.source = source;
  in.power_fraction.distribution = tier_spread(tier);
  in.power_fraction.source = fmt::format("spread of the meter: {}", name_of(tier));
  in.tier = tier;
}

void set_metered_device_energy(ActivityInputs& in, double it_kwh, MeterTier tier, const std::string& source) {
  double hours = in.device_hours.distribution.median();
  if (!(hours > 0)) {
    const double tdp_w = in.tdp_w.distribution.median();
    if (!(tdp_w > 0)) throw Error(Fault::CannotRun, "metered energy without device-hours needs a device with a TDP");
    hours = it_kwh * 1e3 / (0.9 * tdp_w);
    in.device_hours.distribution = Distribution::fixed(hours);
    in.device_hours.source = "energy over 0.9 of TDP: no hours given (used for embodied only)";
  }
  if (!in.device_hours.distribution.is_fixed()) in.device_hours.distribution = Distribution::fixed(hours);
  set_device_power(in, it_kwh * 1e3 / hours, tier, source);
}

void set_busy_share(ActivityInputs& in, double busy) {
  if (!(busy > 0 && busy <= 1)) throw Error(Fault::BadInput, fmt::format("a busy share of {} is not in (0, 1]", busy));
  in.idle_time.distribution = Distribution::fixed((1 - busy) / busy);
  in.idle_time.source = fmt::format("busy {} % of the time", format_number(100 * busy));
  in.idle_power.distribution = Distribution::triangular(0.15, 0.3, 0.5);
  in.idle_power.source = "assumed: an idle H100 draws 0.1-0.15 of TDP, its host about half";
}

void set_served_tokens(ActivityInputs& in, double tokens, const Distribution& joules_per_token,
                       const std::string& source) {
  if (!(tokens > 0)) throw Error(Fault::BadInput, "the number of tokens must be positive");
  const double power_w = in.tdp_w.distribution.median() * in.power_fraction.distribution.median();
  if (!(power_w > 0)) throw Error(Fault::CannotRun, "serving needs a device with a TDP");
  in.tdp_w.distribution = Distribution::fixed(power_w);
  in.tdp_w.source += ", at the usual share while serving";
  in.power_fraction.distribution = Distribution::fixed(1);
  in.power_fraction.source = "energy is given per token; power only converts it to device-hours";
  in.device_hours.distribution = joules_per_token.scaled(tokens / (3600 * power_w));
  in.device_hours.source = fmt::format("{} tokens x {} J / {} W; {}", format_count(tokens), joules_per_token.text(),
                                       format_number(power_w, 3), source);
}

void set_simulated_serving(ActivityInputs& in, double device_hours, const Distribution& accelerator_joules,
                           const std::string& source) {
  const double joules = accelerator_joules.median();
  if (!(device_hours > 0) || !(joules > 0))
    throw Error(Fault::BadInput, "serving needs device time and energy above 0");
  in.device_hours.distribution = Distribution::fixed(device_hours);
  in.device_hours.source = "simulated";
  in.tdp_w.distribution = Distribution::fixed(joules / (3600 * device_hours));
  in.tdp_w.source = "accelerator energy over device time";
  in.power_fraction.name = "accelerator energy";
  in.power_fraction.unit = "of its median";
  in.power_fraction.distribution = accelerator_joules.scaled(1 / joules);
  in.power_fraction.source = source;
}

FootprintEstimate footprint_of(const Accelerator& device, Use use, const Distribution& device_hours,
                               const std::optional<Distribution>& busy_power_w, const GridFactor* grid,
                               std::optional<double> pue, const PropagationOptions& options) {
  ActivityInputs in = default_inputs(device, use);
  in.device_hours.distribution = device_hours;
  in.device_hours.source = "simulated";
  if (busy_power_w) {
    in.tdp_w.distribution = *busy_power_w;
    in.tdp_w.source = "simulated mean power while busy";
    in.power_fraction.distribution = Distribution::fixed(1);
    in.power_fraction.source = "in the simulated power";
  } else if (!device.tdp_w) {
    throw Error(Fault::CannotRun, device.id + " states no TDP");
  }
  if (grid) set_grid(in, *grid);
  if (pue) {
    in.pue.distribution = Distribution::fixed(*pue);
    in.pue.source = "given";
  }
  return assess(in, options);
}

ActivityInputs inputs_of(const PublishedFootprint& row, const Accelerator& device, const GridCatalogue& grids,
                         const MfuPrior& mfu) {
  ActivityInputs in = default_inputs(device, Use::Training);
  const std::string card = row.source;
  if (row.accelerator_hours) {
    in.device_hours.distribution = Distribution::fixed(*row.accelerator_hours);
    in.device_hours.source = card;
  } else if (row.active() && row.tokens && !row.energy_mwh) {
    set_hours_from_6nd(in, device, *row.active(), *row.tokens,
                       mfu.estimate(device, *row.active(), {}, row.release_date));
  } else if (!row.energy_mwh) {
    throw Error(Fault::CannotRun, row.label() + " discloses neither device-hours nor energy nor parameters and tokens");
  }
  if (row.pue) {
    in.pue.distribution = Distribution::triangular(std::max(1.0, 0.98 * *row.pue), *row.pue, 1.02 * *row.pue);
    in.pue.source = card + "; +-2 % assumed";
  }
  if (row.grid_kgco2e_per_kwh && *row.grid_kgco2e_per_kwh > 0) {
    in.grid_kg_per_kwh.distribution = Distribution::normal(*row.grid_kgco2e_per_kwh, 0.04 * *row.grid_kgco2e_per_kwh);
    in.grid_kg_per_kwh.source = card + (row.accounting == "net" ? " (net of purchases)" : "") + "; sd 4 % assumed";
  } else if (row.grid_kgco2e_per_kwh) {
    // Counted as zero by the owner; life-cycle factor of hydro instead.
    set_grid(in, grids.require("tech:hydro"));
  } else if (!row.grid_zone.empty()) {
    set_grid(in, grids.require(row.grid_zone));
  }
  const double building = row.energy_includes_pue.value_or(false) ? row.pue.value_or(1) : 1;
  const auto without_host = [&] {
    in.host_factor.distribution = Distribution::fixed(1);
    in.host_factor.source = "the reported power is the whole system's: " + card;
  };
  if (row.energy_basis == "measured_gpu_power" && row.energy_mwh) {
    set_metered_device_energy(in, *row.energy_mwh * 1e3 / building, MeterTier::EnergyCounter, card);
  } else if ((row.is_measured() || row.energy_basis == "reported_power") && row.power_w()) {
    set_device_power(in, *row.power_w(), MeterTier::ReportedPower, card);
    without_host();
  } else if (row.energy_basis == "assumed_power" && row.power_w()) {
    set_device_power(in, *row.power_w(), MeterTier::FractionOfTdp, card);
  } else if (row.power_w_low && row.power_w_high) {
    // Data-sheet power of the row; a range becomes uniform.
    in.tdp_w.distribution = *row.power_w_low == *row.power_w_high
                                ? Distribution::fixed(*row.power_w_low)
                                : Distribution::uniform(*row.power_w_low, *row.power_w_high);
    in.tdp_w.source = card;
  }
  if (!in.device_hours.distribution.is_fixed() || in.device_hours.distribution.median() > 0) return in;
  throw Error(Fault::CannotRun, row.label() + ": no device-hours can be told");
}

}  // namespace isoflop::sim
