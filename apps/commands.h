// One maker per command; commands.cc lists them.
#pragma once
#include <memory>

#include "apps/command.h"

namespace isoflop::app {

std::unique_ptr<Command> make_accelerators_list();
std::unique_ptr<Command> make_accelerators_show();
std::unique_ptr<Command> make_calibrate();
std::unique_ptr<Command> make_check();
std::unique_ptr<Command> make_kernel_train();
std::unique_ptr<Command> make_kernel_run();
std::unique_ptr<Command> make_compare();
std::unique_ptr<Command> make_completion();
std::unique_ptr<Command> make_fit();
std::unique_ptr<Command> make_footprint();
std::unique_ptr<Command> make_grids_list();
std::unique_ptr<Command> make_grids_show();
std::unique_ptr<Command> make_manual();
std::unique_ptr<Command> make_laws_fit();
std::unique_ptr<Command> make_laws_list();
std::unique_ptr<Command> make_laws_show();
std::unique_ptr<Command> make_models_cohort();
std::unique_ptr<Command> make_models_import();
std::unique_ptr<Command> make_bench();
std::unique_ptr<Command> make_models_import_scores();
std::unique_ptr<Command> make_models_import_epoch();
std::unique_ptr<Command> make_accelerators_import_mlperf();
std::unique_ptr<Command> make_kernel_predict();
std::unique_ptr<Command> make_train();
std::unique_ptr<Command> make_models_list();
std::unique_ptr<Command> make_models_show();
std::unique_ptr<Command> make_outliers();
std::unique_ptr<Command> make_predict();
std::unique_ptr<Command> make_plan();
std::unique_ptr<Command> make_sweep();
std::unique_ptr<Command> make_sweep_merge();
std::unique_ptr<Command> make_report();
std::unique_ptr<Command> make_validate();

}  // namespace isoflop::app
