#include "isoflop/sim/footprint/mfu_prior.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "isoflop/error.h"
#include "isoflop/number_text.h"

namespace isoflop::sim {
namespace {

constexpr double family_sd = 0.20, run_sd = 0.15, intercept_sd = 0.4, slope_sd = 0.04;
constexpr double maturing_per_year = 0.03, maturing_sd = 0.05;  // of ln MFU; assumed
const double prior_ln_mfu = std::log(0.32);

double peak_of(const Accelerator& device) {
  const auto peak = training_peak_flop_per_s(device);
  if (!peak || *peak <= 0) throw Error(Fault::CannotRun, device.id + " states no bf16 or fp16 peak");
  return *peak;
}

bool is_tpu(const Accelerator& device) { return device.id.starts_with("tpu"); }

/// Devices whose utilisation is compared: all TPUs; GPUs within 30 % of the same peak.
bool same_class(const Accelerator& a, const Accelerator& b) {
  if (is_tpu(a) != is_tpu(b)) return false;
  return is_tpu(a) || std::fabs(std::log(peak_of(a) / peak_of(b))) < std::log(1.3);
}

/// Normal over (intercept, slope), as precision and precision times mean.
struct Posterior {
  double p00, p01, p11, h0, h1;

  double variance(double x) const {
    const double det = p00 * p11 - p01 * p01;
    return (p11 - 2 * x * p01 + x * x * p00) / det;
  }
  double mean(double x) const {
    const double det = p00 * p11 - p01 * p01;
    return (p11 * h0 - p01 * h1) / det + x * (p00 * h1 - p01 * h0) / det;
  }
};

/// Years between the release and two years after the middle of the chip's year; 0 when either date is unknown.
double years_beyond_two(const Accelerator& device, const std::string& release_date) {
  const std::string_view date = release_date;
  const auto year = parse_number(date.substr(0, 4));
  if (!year || !device.year) return 0;
  const auto month = date.size() >= 7 ? parse_number(date.substr(5, 2)) : std::nullopt;
  const double age = *year + (month.value_or(7) - 1) / 12 - static_cast<double>(*device.year) - 0.5;
  return age < 0 ? 0 : std::min(age, 6.0) - 2;  // older than the chip: trained on it again, who knows when
}

double log_size(double params) { return std::log(params / 1e10); }

/// ln MFU of a run as if it had been trained two years into its chip's life.
double log_mfu(const ObservedRun& run) {
  return std::log(run.mfu()) - maturing_per_year * years_beyond_two(*run.device, run.release_date);
}

struct Learnt {
  Posterior posterior;
  std::size_t runs = 0, families = 0;
  std::vector<const ObservedRun*> siblings;  ///< of the family asked for
};

bool is_same_size(double a, double b) { return std::fabs(std::log(a / b)) < 0.02; }

/// A run of that family at that size does not count; the others are siblings.
struct Sibling {
  std::string family;
  double params_active = 0;
};

Learnt learn(const std::vector<ObservedRun>& runs, const Accelerator& device,
             const std::vector<std::string>& left_out, const Sibling& sibling = {}) {
  const double slope = !is_tpu(device) && peak_of(device) > 200e12 ? 0.10 : 0.0;
  const double pa = 1 / (intercept_sd * intercept_sd), pb = 1 / (slope_sd * slope_sd);
  Learnt result{{pa, 0, pb, pa * prior_ln_mfu, pb * slope}, 0, 0, {}};
  std::map<std::string, std::vector<const ObservedRun*>> families;
  for (const auto& run : runs)
    if (same_class(*run.device, device) && std::find(left_out.begin(), left_out.end(), run.family) == left_out.end() &&
        !(run.family == sibling.family && is_same_size(run.params_active, sibling.params_active)))
      families[run.family].push_back(&run);
  if (const auto own = families.find(sibling.family); own != families.end()) result.siblings = own->second;
  // Runs of one family share a normal term: covariance s^2 I + t^2 11', inverted by the Woodbury identity.
  for (const auto& [family, members] : families) {
    const double n = static_cast<double>(members.size()), s2 = run_sd * run_sd, t2 = family_sd * family_sd;
    const double shared = t2 / (s2 * (s2 + n * t2));
    double sx = 0, sy = 0, sxx = 0, sxy = 0;
    for (const auto* run : members) {
      const double x = log_size(run->params_active), y = log_mfu(*run);
      sx += x, sy += y, sxx += x * x, sxy += x * y;
    }
    Posterior& q = result.posterior;
    q.p00 += n / s2 - shared * n * n;
    q.p01 += sx / s2 - shared * n * sx;
    q.p11 += sxx / s2 - shared * sx * sx;
    q.h0 += sy / s2 - shared * n * sy;
    q.h1 += sxy / s2 - shared * sx * sy;
    result.runs += members.size();
    ++result.families;
  }
  return result;
}

}  // namespace

double ObservedRun::mfu() const { return 6 * params_active * tokens / (device_hours * 3600 * peak_of(*device)); }

std::vector<ObservedRun> observed_runs(const std::vector<PublishedFootprint>& rows,
                                       const AcceleratorCatalogue& devices) {
  std::vector<ObservedRun> runs;
  for (const auto& row : rows) {
    const Accelerator* device = device_of(row, devices);
    if (!device || !training_peak_flop_per_s(*device) || !row.active() || !row.tokens || !row.accelerator_hours)
      continue;
    if (!row.is_single_run() || row.energy_basis == "inconsistent") continue;
    // Pruned or distilled from larger models, whose forward passes are in the hours but not in 6ND.
    if (row.model.starts_with("Llama-3.2-1B") || row.model.starts_with("Llama-3.2-3B")) continue;
    ObservedRun run{row.model,   row.family_group,       device,          *row.active(),
                    *row.tokens, *row.accelerator_hours, row.release_date};
    if (run.mfu() > implausible_mfu) continue;
    runs.push_back(std::move(run));
  }
  return runs;
}

MfuPrior MfuPrior::load(const DataFolder& folder, const AcceleratorCatalogue& devices) {
  return MfuPrior(observed_runs(PublishedTable::load(folder).all(), devices));
}

MfuEstimate MfuPrior::estimate(const Accelerator& device, double params_active,
                               const std::vector<std::string>& left_out, const std::string& release_date) const {
  if (!(params_active > 0)) throw Error(Fault::BadInput, "the number of parameters must be positive");
  Learnt learnt = learn(runs_, device, left_out);
  double extra = 0;
  if (learnt.runs == 0 && !is_tpu(device)) {
    // No run on such a device: what the nearest class of GPUs does, with the spread between classes on top.
    const Accelerator* nearest = nullptr;
    const auto distance = [&](const Accelerator& d) { return std::fabs(std::log(peak_of(d) / peak_of(device))); };
    for (const auto& run : runs_)
      if (!is_tpu(*run.device) && (!nearest || distance(*run.device) < distance(*nearest))) nearest = run.device;
    if (nearest) learnt = learn(runs_, *nearest, left_out);
    extra = 0.3 * 0.3;
    learnt.runs = learnt.families = 0;
  }
  const double x = log_size(params_active), years = years_beyond_two(device, release_date);
  const double rate = maturing_sd * years;
  const double variance =
      learnt.posterior.variance(x) + family_sd * family_sd + run_sd * run_sd + extra + rate * rate;
  return {std::exp(learnt.posterior.mean(x) + maturing_per_year * years), std::sqrt(variance), learnt.runs,
          learnt.families};
}

MfuEstimate MfuPrior::estimate_sibling(const Accelerator& device, double params_active,
                                       const std::string& family, const std::string& release_date) const {
  const Learnt learnt = learn(runs_, device, {}, {family, params_active});
  if (learnt.siblings.empty()) return estimate(device, params_active, {family}, release_date);
  // Given a and b, the family's term is normal around k sum(y - a - b x) with k = t^2 / (s^2 + n t^2).
  const double n = static_cast<double>(learnt.siblings.size()), s2 = run_sd * run_sd, t2 = family_sd * family_sd;
  const double k = t2 / (s2 + n * t2), x = log_size(params_active);
  double sx = 0, sy = 0;
  for (const auto* run : learnt.siblings) sx += log_size(run->params_active), sy += log_mfu(*run);
  // What is left of the line: (1 - k n) a + (x - k sx) b.
  const double weight = 1 - k * n, slope_weight = x - k * sx;
  const double mean = weight * learnt.posterior.mean(slope_weight / weight) + k * sy;
  const double line = weight * weight * learnt.posterior.variance(slope_weight / weight);
  // Siblings are of about one age: what the rate gets wrong is in their common term.
  return {std::exp(mean + maturing_per_year * years_beyond_two(device, release_date)), std::sqrt(line + k * s2 + s2),
          learnt.runs, learnt.families};
}

double device_hours_6nd(double params_active, double tokens, double peak_flop_per_s, double mfu) {
  return 6 * params_active * tokens / (peak_flop_per_s * mfu * 3600);
}

}  // namespace isoflop::sim
