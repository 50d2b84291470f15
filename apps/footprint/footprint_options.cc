#include "apps/footprint/footprint_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "isoflop/error.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

/// Replaces an input by what the user typed, when anything was.
void override_with(UncertainInput& input, const std::string& text, const std::string& option, double lowest = 0,
                   double highest = 1e300) {
  if (text.empty()) return;
  input.distribution = Distribution::parse(text, option);
  const double low = input.distribution.quantile(1e-12), high = input.distribution.quantile(1 - 1e-12);
  if (low < lowest || high > highest)
    throw Error(Fault::Usage, fmt::format("{}: \"{}\" reaches beyond [{}, {}]", option, text, format_number(lowest),
                                          highest > 1e299 ? "infinity" : format_number(highest)));
  input.source = option;
}

/// The zone's average as the factor, its marginal beside where a table has one; never one for the other.
void set_zone(ActivityInputs& in, const GridCatalogue& grids, const std::string& zone, std::optional<long> year) {
  const GridFactor* average = nullptr;
  for (const GridFactor* row : grids.require_all(zone)) {
    if (year && row->year != *year) continue;
    if (row->kind == "marginal") {
      if (!in.marginal_kg_per_kwh) in.marginal_kg_per_kwh = row->kgco2e_per_kwh;
    } else if (!average) {
      average = row;
    }
  }
  if (!average)
    grids.require(zone, year ? std::optional<std::int64_t>(*year) : std::nullopt);  // says which years there are
  if (!average) throw Error(Fault::Usage, "--grid: zone " + zone + " has only marginal factors");
  if (average->accounting == "market")
    throw Error(Fault::Usage,
                "--grid: " + zone +
                    " is a market-based factor; name the place's grid here and give this one with --market-kg " +
                    format_number(average->kgco2e_per_kwh));
  set_grid(in, *average);
}

}  // namespace

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
                                 std::optional<double> model_tokens, const MfuPrior& prior) const {
  override_with(in.tdp_w, tdp, "--tdp");
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
      set_hours_from_6nd(in, machine, *run_params, *run_tokens, prior.estimate(machine, *run_params));
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
  if (!metered_kwh.empty()) {
    const auto energy = Distribution::parse(metered_kwh, "--energy-kwh");
    if (!(energy.lowest() > 0)) throw Error(Fault::Usage, "--energy-kwh: \"" + metered_kwh + "\" is not positive");
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
    const auto watts_given = Distribution::parse(power, "--power");
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

void FootprintOptions::apply_rest(ActivityInputs& in, const GridCatalogue& grids, const DataFolder& data) const {
  if (place == "unknown") set_unknown_site(in);
  if (!grid.empty()) {
    const bool is_number = parse_number(grid.substr(0, grid.find_first_of(":+"))).has_value();
    if (is_number)
      override_with(in.grid_kg_per_kwh, grid, "--grid", -1e-3);
    else
      set_zone(in, grids, grid, year);
  }
  if (!site.empty()) set_site(in, SiteCatalogue::load(data).require(site));
  override_with(in.pue, pue, "--pue", 1, 10);
  override_with(in.wue_l_per_kwh, wue, "--wue");
  override_with(in.ewif_l_per_kwh, ewif, "--ewif");
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
