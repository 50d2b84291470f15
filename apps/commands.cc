#include "apps/commands.h"
#include "apps/losses/forms_command.h"
#include "apps/serving/serve_commands.h"

namespace isoflop::app {

std::vector<std::unique_ptr<Command>> all_commands() {
  std::vector<std::unique_ptr<Command>> commands;
  commands.push_back(make_outliers());
  commands.push_back(make_predict());
  commands.push_back(make_models_list());
  commands.push_back(make_models_show());
  commands.push_back(make_models_cohort());
  commands.push_back(make_models_import());
  commands.push_back(make_models_import_scores());
  commands.push_back(make_models_import_epoch());
  commands.push_back(make_train());
  commands.push_back(make_accelerators_list());
  commands.push_back(make_accelerators_show());
  commands.push_back(make_accelerators_import_mlperf());
  commands.push_back(make_grids_list());
  commands.push_back(make_grids_show());
  commands.push_back(make_check());
  commands.push_back(make_fit());
  commands.push_back(make_calibrate());
  commands.push_back(make_validate());
  commands.push_back(make_report());
  commands.push_back(make_serve());
  commands.push_back(make_compare_architectures());
  commands.push_back(make_footprint());
  commands.push_back(make_kernel_train());
  commands.push_back(make_kernel_run());
  commands.push_back(make_kernel_predict());
  commands.push_back(make_bench());
  commands.push_back(make_sweep());
  commands.push_back(make_sweep_merge());
  commands.push_back(make_completion());
  commands.push_back(make_manual());
  commands.push_back(make_compare());
  commands.push_back(make_forms());
  commands.push_back(make_plan());
  commands.push_back(make_laws_list());
  commands.push_back(make_laws_show());
  commands.push_back(make_laws_fit());
  return commands;
}

}  // namespace isoflop::app
