// Device-hours of a whole published run, where nothing but N, D and the device is known. A simulated layout says what a
// good step takes; owners' totals also hold what a step does not: restarts, evaluation, stages of other lengths, a
// layout that was not the best. So these rows, and the cross-check that `train` prints, go by the utilisation of whole
// runs that others published (footprint/mfu_prior.h), never by the run's own family.
#pragma once
#include <string>
#include <vector>

#include "isoflop/estimate.h"
#include "isoflop/sim/footprint/mfu_prior.h"
#include "isoflop/sim/footprint/published.h"
#include "isoflop/sim/training/training_run.h"

namespace isoflop::sim {

/// Families of the published table to which the model belongs: what must not count when the model is judged.
std::vector<std::string> published_families_of(const std::string& model, const PublishedTable& table);

struct WholeRunHours {  ///< Hours with the MFU behind them.
  Estimate device_hours;  ///< 90 %
  MfuEstimate mfu;
};

/// H = 6 N D / (peak x MFU of whole runs). `release_date` (ISO, empty: unknown) tells how mature the software of the
/// device was. Throws Error (CannotRun) when the device states no 16-bit peak.
WholeRunHours whole_run_hours(const TrainingRun& run, const MfuPrior& prior,
                              const std::vector<std::string>& left_out = {}, const std::string& release_date = {});

}  // namespace isoflop::sim
