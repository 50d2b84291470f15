#include "apps/footprint/footprint_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "isoflop/error.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

bool is_tpu(const Accelerator& device) { return device.id.starts_with("tpu"); }

/// Replaces an input by what the user typed, when anything was.
void override_with(UncertainInput& input, const std::string& text, const std::string& option, double lowest = 0,
                   double highest = 1e300, const std::string& hint = "") {
  if (text.empty()) return;
  input.distribution = distribution_within(text, option, lowest, highest, hint);
  input.source = option;
}

const char* const grams_hint = " kg CO2e per kWh, and no grid is dirtier; 350 g/kWh is 0.35";

/// A marginal or market-based factor: kilograms, as the grid's own.
void check_factor(const std::optional<double>& factor, const std::string& option) {
  if (factor && *factor > implausible_grid_kg_per_kwh)
    throw Error(Fault::Usage, fmt::format("{}: {} is above {}{}", option, format_number(*factor),
                                          format_number(implausible_grid_kg_per_kwh), grams_hint));
}

/// The zone's average as the factor, its marginal beside where a table has one; never one for the other.
void set_zone(ActivityInputs& in, const GridCatalogue& grids, const std::string& zone, std::optional<long> year) {
  set_grid(in, average_factor(grids, zone, year));
  for (const GridFactor* row : grids.require_all(zone))
    if (row->kind == "marginal" && (!year || row->year == *year) && !in.marginal_kg_per_kwh)
      in.marginal_kg_per_kwh = row->kgco2e_per_kwh;
}

}  // namespace

Distribution distribution_within(const std::string& text, const std::string& option, double low, double high,
                                 const std::string& hint) {
  const Distribution given = Distribution::parse(text, option);
  constexpr double tail = 1e-3;
  const bool beyond = given.quantile(tail) < low || given.quantile(1 - tail) > high;
  if (beyond || given.median() < low || given.median() > high)
    throw Error(Fault::Usage, fmt::format("{}: \"{}\" reaches beyond {} to {}{}", option, text, format_number(low),
                                          high > 1e299 ? "infinity" : format_number(high), hint));
  return given.is_fixed() ? given : given.within(low, high);
}

void FootprintOptions::declare_run(OptionSet& options) {
  options.group("What ran (numbers may be LOW:HIGH, LOW:MODE:HIGH or MEAN+-SD)");
  options.text("--on", device, "accelerator, e.g. h100-sxm-80gb");
  options.text("--hours", hours, "device-hours");
  options.number("--count", count, "devices of a fleet or run", NumberRange::positive());
  options.number("--days", days, "days they ran", NumberRange::positive());
  options.number("--busy", busy, "share of that time they worked; the rest is idle", {0, 1, true});
  options.number("--params", params, "active parameters, for device-hours from 6ND", NumberRange::positive());
  options.number("--tokens", tokens, "training tokens, or tokens the score is divided by", NumberRange::positive());
  options.text("--mfu", mfu, "share of peak a whole run turns into 6ND; learnt from published runs when absent");
  options.text("--energy-kwh", metered_kwh, "metered energy of the accelerators, without PUE");
  options.choice("--meter", meter, {"counter", "rapl", "reported"}, "where --energy-kwh or --power comes from");
  options.text("--power", power, "mean watts of a busy device");
  options.text("--tdp", tdp, "watts at full load, where the data sheet is not the limit");
  options.number("--idle-w", idle_w, "measured idle watts of a device (two-point load curve)",
                 NumberRange::not_negative());
  options.number("--full-w", full_w, "measured watts at full load", NumberRange::positive());
  options.number("--load", load, "mean load, for the two-point curve", NumberRange::fraction());
}

void FootprintOptions::declare_site(OptionSet& options) {
  options.group("Where");
  options.text("--grid", grid, "zone of `isoflop grids list`, or kg CO2e per kWh");
  options.whole("--year", year, "year of the zone's factor; the newest when absent", 1990, 2100);
  options.number("--marginal-kg", marginal, "marginal kg CO2e per kWh, shown beside the average",
                 NumberRange::not_negative());
  options.number("--market-kg", market, "market-based kg CO2e per kWh, shown beside; never enters a total or score",
                 NumberRange::not_negative());
  options.text("--pue", pue, "facility energy per IT energy");
  options.text("--site", site, "data centre of data/datacentres.csv, e.g. \"Google Cloud us-central1\"");
  options.choice("--place", place, {"hyperscale", "unknown"}, "prior for PUE and on-site water when no site is named");
  options.text("--wue", wue, "on-site litres per kWh of IT energy");
  options.text("--ewif", ewif, "off-site litres per kWh of facility energy");
}

void FootprintOptions::declare_overheads(OptionSet& options) {
  options.group("Overheads and embodied");
  options.text("--host", host, "IT energy per accelerator energy");
  options.text("--idle", idle, "idle device-hours held per busy device-hour, at 0.15-0.5 of busy power");
  options.text("--development", development, "further runs as a share of this one");
  options.text("--device-kg", device_kg, "embodied kg CO2e of a device");
  options.text("--server-kg", server_kg, "embodied kg CO2e of its share of the server");
  options.text("--lifetime", lifetime, "years in service");
  options.text("--utilisation", utilisation, "share of the lifetime charged to work");
}

bool FootprintOptions::names_a_run() const {
  return !device.empty() || !hours.empty() || count || !metered_kwh.empty() || (params && tokens);
}

void FootprintOptions::apply_run(ActivityInputs& in, const Accelerator& machine, std::optional<double> model_params,
                                 std::optional<double> model_tokens, const std::string& release_date,
                                 const MfuPrior& prior) const {
  override_with(in.tdp_w, tdp, "--tdp");
  if (!hours.empty() && count && days)
    throw Error(Fault::Usage, "--hours and --count x --days both say how long it ran; give one of them");
  if (!hours.empty() && !mfu.empty())
    throw Error(Fault::Usage, "--mfu works device-hours out, and --hours gives them; leave one of them out");
  const auto run_params = params ? params : model_params, run_tokens = tokens ? tokens : model_tokens;
  if (!hours.empty()) {
    override_with(in.device_hours, hours, "--hours");
  } else if (count && days) {
    in.device_hours.distribution = Distribution::fixed(*count * *days * 24 * busy.value_or(1));
    in.device_hours.source = fmt::format("{} devices x {} days x 24 h{}", format_number(*count), format_number(*days),
                                         busy ? " x " + format_number(*busy) + " busy" : "");
  } else if (in.device_hours.distribution.is_fixed() && in.device_hours.distribution.median() > 0 && !params &&
             !tokens && mfu.empty()) {
    // a published row brought its own hours
  } else if (run_params && run_tokens) {
    if (mfu.empty()) {
      set_hours_from_6nd(in, machine, *run_params, *run_tokens,
                         prior.estimate(machine, *run_params, {}, release_date));
    } else {
      const Distribution share = Distribution::parse(mfu, "--mfu");
      const auto peak = training_peak_flop_per_s(machine);
      if (!peak) throw Error(Fault::CannotRun, machine.id + " states no bf16 or fp16 peak");
      const double low = share.quantile(1e-6), high = share.quantile(1 - 1e-6);
      if (!(low > 0) || high > 1) throw Error(Fault::Usage, "--mfu: \"" + mfu + "\" is not within (0, 1]");
      std::vector<double> sample;
      for (int i = 1; i < 200; ++i)
        sample.push_back(device_hours_6nd(*run_params, *run_tokens, *peak, share.quantile(i / 200.0)));
      in.device_hours.distribution =
          share.is_fixed() ? Distribution::fixed(sample.front()) : Distribution::empirical(sample);
      in.device_hours.source = "6ND over peak and --mfu " + share.text();
    }
  }
  const bool counted = meter == "counter" || meter.empty();
  const MeterTier tier = counted           ? MeterTier::EnergyCounter
                         : meter == "rapl" ? MeterTier::Rapl
                                           : MeterTier::ReportedPower;
  if (is_tpu(machine) && (!metered_kwh.empty() || !power.empty() || full_w)) {
    // What was metered is the accelerators alone; only the prior share of TDP holds the host of a TPU.
    in.host_factor.distribution = host_factor();
    in.host_factor.source = "host and idle on top of metered accelerators, as for GPUs; prior";
  }
  if (!metered_kwh.empty()) {
    const auto energy = distribution_within(metered_kwh, "--energy-kwh", 1e-9);
    set_metered_device_energy(in, energy.median(), tier, "--energy-kwh");
    if (!energy.is_fixed()) {
      in.power_fraction.distribution = energy.scaled(1 / energy.median());
      in.power_fraction.source = "--energy-kwh";
    }
  } else if (idle_w || full_w || load) {
    if (!idle_w || !full_w || !load)
      throw Error(Fault::Usage, "a two-point load curve needs --idle-w, --full-w and --load");
    set_device_power(in, LoadCurve::two_point(*idle_w, *full_w).power_w(*load), MeterTier::TwoPointCurve,
                     fmt::format("idle {} W, full {} W at load {}, exponent 0.5", format_number(*idle_w),
                                 format_number(*full_w), format_number(*load)));
  } else if (!power.empty()) {
    const auto watts_given = distribution_within(power, "--power", 1e-9);
    set_device_power(in, watts_given.median(), meter.empty() ? MeterTier::ReportedPower : tier, "--power");
    if (!watts_given.is_fixed()) {
      in.power_fraction.distribution = watts_given.scaled(1 / watts_given.median());
      in.power_fraction.source = "--power";
    }
  }
  if (!(in.device_hours.distribution.median() > 0))
    throw Error(Fault::Usage,
                "say how long it ran: --hours, or --count and --days, or --params and --tokens, or --energy-kwh");
  if (!(in.tdp_w.distribution.median() > 0))
    throw Error(Fault::CannotRun, machine.id + " states no TDP; give --tdp or --power");
  if (busy) set_busy_share(in, *busy);
}

std::string FootprintOptions::why_implausible_power(const ActivityInputs& in, const Accelerator& machine) {
  if (!machine.tdp_w) return "";
  const double drawn = in.tdp_w.distribution.median() * in.power_fraction.distribution.median();
  // Assumed, to catch wrong units only: idle devices draw about a tenth of TDP, and what is metered for a TPU may be
  // its whole system, about twice the chip.
  const double lowest = 0.05, highest = is_tpu(machine) ? 3 : 1.5, share = drawn / *machine.tdp_w;
  if (share >= lowest && share <= highest) return "";
  return fmt::format("a mean of {} W on a device of {} W TDP ({}): {}", format_number(drawn, 3),
                     format_number(*machine.tdp_w), machine.id,
                     share < lowest ? "less than it draws idle; kilowatts for watts, or too many hours?"
                                    : "more than it can draw; whole servers for devices, or too few hours?");
}

void FootprintOptions::apply_rest(ActivityInputs& in, const GridCatalogue& grids, const DataFolder& data) const {
  if (place == "unknown") set_unknown_site(in);
  check_factor(marginal, "--marginal-kg");
  check_factor(market, "--market-kg");
  if (!grid.empty()) {
    const bool is_number = parse_number(grid.substr(0, grid.find_first_of(":+"))).has_value();
    if (is_number)
      override_with(in.grid_kg_per_kwh, grid, "--grid", 0, implausible_grid_kg_per_kwh, grams_hint);
    else
      set_zone(in, grids, grid, year);
  }
  if (!site.empty()) {
    const SiteCatalogue sites = SiteCatalogue::load(data);
    const Site& place_named = sites.require(site);
    const std::string zone = "gcp:" + place_named.region;
    if (grid.empty() && place_named.provider.starts_with("Google") && !grids.find(zone).empty())
      set_zone(in, grids, zone, year);
    set_site(in, place_named);
  }
  override_with(in.pue, pue, "--pue", 1, 10);
  override_with(in.wue_l_per_kwh, wue, "--wue", 0, impossible_wue_l_per_kwh, " L/kWh; 1800 mL/kWh is 1.8");
  override_with(in.ewif_l_per_kwh, ewif, "--ewif", 0, impossible_ewif_l_per_kwh, " L/kWh; 3000 mL/kWh is 3");
  override_with(in.host_factor, host, "--host", 1, 20);
  if (!idle.empty()) {
    override_with(in.idle_time, idle, "--idle");
    in.idle_power.distribution = Distribution::triangular(0.15, 0.3, 0.5);
    in.idle_power.source = "assumed: an idle H100 draws 0.1-0.15 of TDP, its host about half";
  }
  override_with(in.development_fraction, development, "--development");
  override_with(in.device_kg, device_kg, "--device-kg");
  override_with(in.server_share_kg, server_kg, "--server-kg");
  override_with(in.lifetime_years, lifetime, "--lifetime", 1e-3);
  override_with(in.utilisation, utilisation, "--utilisation", 1e-6, 1);
  if (marginal) in.marginal_kg_per_kwh = marginal;
  if (market) in.market_kg_per_kwh = market;
}

}  // namespace isoflop::app
