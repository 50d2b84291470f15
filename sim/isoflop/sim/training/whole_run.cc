#include "isoflop/sim/training/whole_run.h"

#include <cmath>

#include "isoflop/model/parameters.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {

std::vector<std::string> published_families_of(const std::string& model, const PublishedTable& table) {
  std::vector<std::string> families;
  for (const PublishedFootprint* row : table.find(model)) families.push_back(row->family_group);
  return families;
}

WholeRunHours whole_run_hours(const TrainingRun& run, const MfuPrior& prior, const std::vector<std::string>& left_out,
                              const std::string& release_date) {
  const auto params = static_cast<double>(count_parameters(run.architecture).active);
  WholeRunHours result;
  result.mfu = prior.estimate(run.accelerator, params, left_out, release_date);
  const double hours =
      device_hours_6nd(params, run.tokens, *training_peak_flop_per_s(run.accelerator), result.mfu.median);
  const double spread = std::exp(normal_quantile(0.95) * result.mfu.sigma_ln);
  result.device_hours = {hours / spread, hours, hours * spread, "utilisation of whole published runs"};
  return result;
}

}  // namespace isoflop::sim
