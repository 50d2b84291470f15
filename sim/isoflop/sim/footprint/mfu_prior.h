// How much of a device's peak a whole training run turns into 6ND, learnt from published runs; device-hours follow as
// H = 6 N D / (peak x MFU). Restarts, evaluation and the learning of a new chip are in it: it lies below step-time MFU.
//
// Model, per class of devices with like peak: ln MFU = a + b ln(N / 10^10) + family + noise, all normal. Runs of one
// family share its term (sd 0.20), single runs scatter by 0.15 (both by marginal likelihood over the published runs).
// Software for a chip matures: ln MFU is taken to rise by 0.03 +- 0.05 a year from the middle of the chip's year
// (assumed before it was tried). Without a release date a run counts as two years in. Most left-out families are
// predicted better with it, by little: 9 of 12 here, 5 of 6 collected later.
// Priors: a ~ ln 0.32 +- 0.4 (geometric mean of the observed range 0.14-0.51); b ~ 0.10 +- 0.04 for GPUs above 200
// TFLOP/s, where small models leave the device waiting, and 0 +- 0.04 for slower chips and TPUs. Closed-form Bayesian
// regression; nothing is drawn.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/hardware/accelerator.h"
#include "isoflop/sim/footprint/distribution.h"
#include "isoflop/sim/footprint/published.h"

namespace isoflop::sim {

/// One run to learn from.
struct ObservedRun {
  std::string model, family;
  const Accelerator* device = nullptr;
  double params_active = 0, tokens = 0, device_hours = 0;
  std::string release_date = {};  ///< ISO; empty when unknown
  double mfu() const;
};

/// Runs of the table with N, D, hours and a known device, less those whose columns cannot belong together (MFU above
/// 0.65), derived models (6ND is not their compute), sums over several runs, and duplicates.
std::vector<ObservedRun> observed_runs(const std::vector<PublishedFootprint>& rows,
                                       const AcceleratorCatalogue& devices);

struct MfuEstimate {  ///< MFU of one new run, lognormal.
  double median = 0;
  double sigma_ln = 0;   ///< of one new run
  std::size_t runs = 0;  ///< runs of the same device class behind it
  std::size_t families = 0;
  Distribution distribution() const { return Distribution::lognormal(median, sigma_ln); }
};

class MfuPrior {
 public:
  explicit MfuPrior(std::vector<ObservedRun> runs) : runs_(std::move(runs)) {}
  /// Learnt from footprint_published.csv.
  static MfuPrior load(const DataFolder& folder, const AcceleratorCatalogue& devices);

  /// `left_out` families do not count: for honest validation. Throws Error (CannotRun) when the device has no peak.
  /// `release_date` (ISO, may be empty) says how mature the chip's software was.
  MfuEstimate estimate(const Accelerator& device, double params_active, const std::vector<std::string>& left_out = {},
                       const std::string& release_date = "") const;
  /// For one more run of a family whose other runs on such devices may be known: their common term is part of the
  /// estimate. Runs of that family within 2 % of the size do not count: they are the run itself, or its repetition.
  MfuEstimate estimate_sibling(const Accelerator& device, double params_active, const std::string& family,
                               const std::string& release_date = "") const;
  const std::vector<ObservedRun>& runs() const { return runs_; }

 private:
  std::vector<ObservedRun> runs_;
};

/// H = 6 N D / (peak x MFU) in hours.
double device_hours_6nd(double params_active, double tokens, double peak_flop_per_s, double mfu);

}  // namespace isoflop::sim
