// Device-hours, power, energy and CO2 of training runs: do the columns close?
#include <algorithm>
#include <cmath>
#include <set>

#include "isoflop/audit/rules.h"
#include "isoflop/number_text.h"

namespace isoflop::audit {
namespace {

struct FootprintColumns {
  explicit FootprintColumns(const Auditor& a)
      : model(a.column({"model_id", "model"})),
        name(a.column({"model"})),
        scope(a.column({"scope"})),
        params(a.column({"params"})),
        active(a.column({"params_active"})),
        tokens(a.column({"tokens"})),
        accelerator(a.column({"accelerator_id", "accelerator"})),
        count(a.column({"accelerator_count"})),
        hours(a.column({"accelerator_hours"})),
        power_low(a.column({"power_w_low", "power_w"})),
        power_high(a.column({"power_w_high", "power_w"})),
        pue(a.column({"pue"})),
        grid(a.column({"grid_kgco2e_per_kwh"})),
        energy(a.column({"energy_mwh"})),
        energy_includes_pue(a.column({"energy_includes_pue"})),
        co2(a.column({"operational_tco2e", "claimed_tco2e"})),
        flops(a.column({"training_flop"})),
        utilisation(a.column({"assumed_utilisation_percent"})),
        accounting(a.column({"accounting"})) {}
  std::optional<std::size_t> model, name, scope, params, active, tokens, accelerator, count, hours, power_low,
      power_high, pue, grid, energy, energy_includes_pue, co2, flops, utilisation, accounting;
};

struct Row {
  std::size_t row = 0;
  const ModelRecord* model = nullptr;
  const Accelerator* device = nullptr;
  std::optional<double> hours, power_low, power_high, pue, grid, energy, co2, flops;
  std::optional<double> six_nd;
  std::string six_nd_text;
  Basis six_nd_basis = Basis::Itself;
};

Row read_row(Auditor& auditor, const FootprintColumns& c, std::size_t row) {
  Row r;
  r.row = row;
  r.model = auditor.references().models().find(auditor.text(row, c.model));
  if (!r.model) r.model = auditor.references().models().find(auditor.text(row, c.name));
  r.device = auditor.references().accelerators().find(auditor.text(row, c.accelerator));
  r.hours = auditor.number(row, c.hours);
  r.power_low = auditor.number(row, c.power_low);
  r.power_high = auditor.number(row, c.power_high);
  r.pue = auditor.number(row, c.pue);
  r.grid = auditor.number(row, c.grid);
  r.energy = auditor.number(row, c.energy);
  r.co2 = auditor.number(row, c.co2);
  r.flops = auditor.number(row, c.flops);
  auto tokens = auditor.number(row, c.tokens);
  const auto active = auditor.number(row, c.active);
  auto params = active ? active : auditor.number(row, c.params);
  std::string origin = "of the row";
  if (!active && r.model && r.model->params_active() && (!params || r.model->is_mixture())) {
    params = static_cast<double>(*r.model->params_active());
    origin = "of the catalogue";
  }
  if (!tokens && r.model && r.model->training_tokens) {
    tokens = static_cast<double>(*r.model->training_tokens);
    origin = "of the catalogue";
  }
  if (origin == "of the catalogue") r.six_nd_basis = Basis::Catalogue;
  if (params && tokens && *params > 0 && *tokens > 0) {
    r.six_nd = 6 * *params * *tokens;
    r.six_nd_text = format_number(*r.six_nd, 3) + " FLOP = 6 x " + format_count(*params) + " x " +
                    format_count(*tokens) + " tokens " + origin;
  }
  return r;
}

// Dense peak of the format people train in; nothing where the device states neither.
std::optional<double> training_peak(const Accelerator& device) {
  return device.bf16_flop_per_s ? device.bf16_flop_per_s : device.fp16_flop_per_s;
}

void check_utilisation(Auditor& auditor, const FootprintColumns& c, const Row& r) {
  if (!r.hours || !r.device || !training_peak(*r.device) || *r.hours <= 0) return;
  const double peak_flops = *r.hours * 3600 * *training_peak(*r.device);
  const std::string offered =
      format_number(*r.hours) + " device-hours of " + r.device->id + " offer " + format_number(peak_flops, 3) + " FLOP";
  if (r.six_nd) {
    auditor.tested("hours against 6ND");
    const double mfu = *r.six_nd / peak_flops;
    // Seen in practice: 0.1 to 0.6; restarts, evaluation and old devices reach lower, nothing exceeds the peak.
    if (mfu < 0.1 || mfu > 0.7)
      auditor.report(mfu > 0.9 || mfu < 0.02 ? Severity::Error : Severity::Warning, r.six_nd_basis, "hours against 6ND",
                     r.row, c.hours,
                     "a utilisation of 0.1 to 0.7; " + offered + " against " + r.six_nd_text + ": " +
                         format_number(mfu, 2) + slip_hint(mfu, 0.1, 0.7));
  }
  if (!r.flops) return;
  auditor.tested("hours against stated FLOP");
  const double used = *r.flops / peak_flops;
  const auto assumed = auditor.number(r.row, c.utilisation);
  if (assumed && *assumed > 0 && (used < *assumed / 150 || used > *assumed / 67))
    auditor.report(Severity::Error, Basis::Itself, "hours against stated FLOP", r.row, c.flops,
                   format_number(peak_flops * *assumed / 100, 3) + " FLOP, as the stated utilisation of " +
                       format_number(*assumed) + " % of the tensor peak gives; " + offered + ", so the row uses " +
                       format_number(100 * used, 2) + " %");
  else if (used < 0.1 || used > 0.7)
    auditor.report(used > 0.9 || used < 0.02 ? Severity::Error : Severity::Warning, Basis::Itself,
                   "hours against stated FLOP", r.row, c.flops,
                   "a utilisation of 0.1 to 0.7; " + offered + ": " + format_number(used, 2));
}

void check_stated_flops(Auditor& auditor, const FootprintColumns& c, const Row& r) {
  if (!r.flops || !r.six_nd) return;
  auditor.tested("6ND");
  const double ratio = *r.flops / *r.six_nd;
  if (ratio >= 0.6 && ratio <= 1.67) return;
  auditor.report(ratio < 0.5 || ratio > 2 ? Severity::Error : Severity::Warning, r.six_nd_basis, "6ND", r.row, c.flops,
                 r.six_nd_text + "; stated is " + format_number(ratio, 2) + " times that" + slip_hint(ratio, 0.5, 2));
}

void check_energy(Auditor& auditor, const FootprintColumns& c, const Row& r) {
  if (r.pue) {
    auditor.tested("PUE");
    if (*r.pue < 1 || *r.pue > 3)
      auditor.report(Severity::Error, Basis::Bounds, "PUE", r.row, c.pue, "1 to 3: facility energy over IT energy");
  }
  if (r.power_low && r.power_high && r.device && r.device->tdp_w) {
    auditor.tested("power");
    const double share = *r.power_high / *r.device->tdp_w;
    if (share < 0.3 || share > 2)
      auditor.report(Severity::Warning, Basis::Bounds, "power", r.row, c.power_high,
                     "0.3 to 2 times the " + format_number(*r.device->tdp_w) + " W that " + r.device->id +
                         " is built for" + slip_hint(share, 0.3, 2));
  }
  if (!r.energy || !r.hours || !r.power_low || !r.power_high) return;
  auditor.tested("energy closure");
  const bool includes = auditor.text(r.row, c.energy_includes_pue) == "yes";
  const double factor = includes ? r.pue.value_or(1) : 1;
  const double low = *r.hours * *r.power_low * factor / 1e6, high = *r.hours * *r.power_high * factor / 1e6;
  if (*r.energy >= low / 1.03 && *r.energy <= high * 1.03) return;
  auditor.report(*r.energy < low / 1.2 || *r.energy > high * 1.2 ? Severity::Error : Severity::Warning, Basis::Itself,
                 "energy closure", r.row, c.energy,
                 (low == high ? format_number(low) : format_number(low) + " to " + format_number(high)) +
                     " MWh = hours x power" + (includes ? " x PUE" : "") + slip_hint(*r.energy, low / 1.2, high * 1.2));
}

void check_carbon(Auditor& auditor, const FootprintColumns& c, const Row& r) {
  if (r.grid) {
    auditor.tested("grid factor");
    if (*r.grid < 0 || *r.grid > 1.3)
      auditor.report(Severity::Error, Basis::Bounds, "grid factor", r.row, c.grid,
                     "0 to 1.3 kg CO2e per kWh" + slip_hint(*r.grid, 0.01, 1.3));
  }
  std::optional<double> facility = r.energy;
  if (!facility && r.hours && r.power_high) facility = *r.hours * *r.power_high / 1e6;
  if (!facility || !r.co2 || *facility <= 0) return;
  if (!(r.energy && auditor.text(r.row, c.energy_includes_pue) == "yes")) *facility *= r.pue.value_or(1);
  const double implied = *r.co2 / *facility;  // t/MWh = kg/kWh
  auditor.tested("CO2 closure");
  if (r.grid) {
    const double expected = *facility * *r.grid, difference = std::fabs(*r.co2 - expected);
    // Printed tonnes are rounded; a grid of zero leaves nothing to compare with.
    if (difference <= 0.05 * expected + auditor.rounding(r.row, *c.co2)) return;
    auditor.report(difference > 0.25 * expected ? Severity::Error : Severity::Warning, Basis::Itself, "CO2 closure",
                   r.row, c.co2,
                   format_number(expected) + " t = facility energy x grid factor" +
                       slip_hint(*r.co2, 0.8 * expected, 1.25 * expected));
    return;
  }
  if (auditor.text(r.row, c.accounting) == "net" || (implied >= 0.01 && implied <= 1.5)) return;
  auditor.report(Severity::Error, Basis::Bounds, "CO2 closure", r.row, c.co2,
                 "at least 0.01 kg CO2e per kWh; this is " + format_number(implied, 2) + " kg/kWh, " +
                     format_number(0.4 / implied, 2) + " times below a usual 0.4" + slip_hint(implied, 0.02, 1.3));
}

void check_devices(Auditor& auditor, const FootprintColumns& c, const Row& r) {
  const auto count = auditor.number(r.row, c.count);
  if (!count || !r.hours || *count <= 0) return;
  auditor.tested("wall-clock time");
  const double days = *r.hours / *count / 24;
  if (days < 0.02 || days > 730)
    auditor.report(Severity::Warning, Basis::Bounds, "wall-clock time", r.row, c.hours,
                   "half an hour to two years of wall-clock time; hours over devices give " + format_number(days, 3) +
                       " days" + slip_hint(days, 0.02, 730));
}

// The same run in footprint_published.csv. Several published runs of one model: the nearest counts.
void check_against_published(Auditor& auditor, const FootprintColumns& c, const Row& r) {
  const std::string name = comparable_name(auditor.text(r.row, c.name)), scope = auditor.text(r.row, c.scope);
  const auto compare = [&](std::optional<std::size_t> column, std::optional<double> PublishedFootprint::*member,
                           double share) {
    const auto stated = auditor.number(r.row, column);
    if (!stated || *stated <= 0) return;
    const PublishedFootprint* nearest = nullptr;
    double distance = 1e300;
    for (const auto& known : auditor.references().footprints()) {
      if (comparable_name(known.model) != name || known.scope != scope || !(known.*member) || *(known.*member) <= 0)
        continue;
      const double d = std::fabs(std::log(*stated / *(known.*member)));
      if (d < distance) distance = d, nearest = &known;
    }
    if (!nearest) return;
    auditor.tested("differs from catalogue");
    if (distance <= share) return;
    const double right = *(nearest->*member);
    auditor.report(distance > 0.25 ? Severity::Error : Severity::Warning, Basis::Catalogue, "differs from catalogue",
                   r.row, column,
                   format_number(right) + " [" + nearest->source + "]" + slip_hint(*stated, right / 1.5, right * 1.5));
  };
  compare(c.hours, &PublishedFootprint::accelerator_hours, 0.02);
  compare(c.energy, &PublishedFootprint::energy_mwh, 0.05);
  compare(c.co2, &PublishedFootprint::operational_tco2e, 0.02);
}

// Rows of a family that fall short of the total its owner published: one is missing.
void check_family_totals(Auditor& auditor, const FootprintColumns& c) {
  if (!c.model || !c.co2 || c.scope) return;
  const auto& table = auditor.table();
  for (const auto& family : auditor.references().family_totals()) {
    double sum = 0;
    std::size_t last = 0, n = 0;
    std::set<std::string> present;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      const ModelRecord* model = auditor.references().models().find(auditor.text(row, c.model));
      const auto co2 = auditor.number(row, c.co2);
      if (!model || !co2 || model->family != family.family) continue;
      sum += *co2;
      last = row;
      ++n;
      present.insert(model->id);
    }
    if (n < 2) continue;
    auditor.tested("family total");
    if (sum > 0.97 * family.tco2e) continue;
    std::string missing;
    for (const auto& member : family.members)
      if (member.model_id.empty() || !present.count(member.model_id))
        missing += (missing.empty() ? "" : ", ") + member.name + " (" + format_number(member.tco2e) + " t)";
    auditor.report(Severity::Warning, Basis::Catalogue, "family total", last, c.co2,
                   "rows of the " + family.family + " family that sum to the published " + format_number(family.tco2e) +
                       " t; these give " + format_number(sum) + " t" +
                       (missing.empty() ? "" : ". Missing: " + missing));
  }
}

}  // namespace

void check_footprints(Auditor& auditor) {
  const FootprintColumns c(auditor);
  const bool is_catalogue = auditor.table().sha256() == auditor.references().footprint_origin().sha256;
  std::set<std::string> keys;
  for (const auto& column :
       {c.params, c.active, c.tokens, c.count, c.hours, c.power_low, c.pue, c.grid, c.energy, c.co2, c.flops})
    if (column)
      for (std::size_t row = 0; row < auditor.table().rows(); ++row)
        if (!auditor.table().text(row, *column).empty() && !auditor.number(row, column))
          auditor.report(Severity::Error, Basis::Bounds, "number", row, column, "a plain number");
  for (std::size_t row = 0; row < auditor.table().rows(); ++row) {
    auditor.tested("duplicate model");
    if (!keys.insert(auditor.text(row, c.name) + "|" + auditor.text(row, c.scope) + "|" +
                     auditor.text(row, c.accelerator))
             .second)
      auditor.report(Severity::Error, Basis::Itself, "duplicate model", row, c.name,
                     "each model, scope and accelerator once");
    const Row r = read_row(auditor, c, row);
    check_utilisation(auditor, c, r);
    check_stated_flops(auditor, c, r);
    check_energy(auditor, c, r);
    check_carbon(auditor, c, r);
    check_devices(auditor, c, r);
    if (!is_catalogue) check_against_published(auditor, c, r);
  }
  check_family_totals(auditor, c);
}

}  // namespace isoflop::audit
