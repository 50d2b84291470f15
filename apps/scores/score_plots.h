// The three pictures of a score study: against x with curve and band, against active parameters, against release date.
#pragma once
#include <string>
#include <vector>

#include "apps/scores/score_study.h"
#include "isoflop/fits/outliers.h"
#include "isoflop/plot/plot_spec.h"

namespace isoflop::app {

/// The first shows what was fitted. The others appear where enough models state parameters or dates.
std::vector<PlotSpec> score_plots(const ScoreStudy& study, const fits::OutlierReport& report);

/// A family without its version: "Qwen2.5" and "Qwen1.5" are "Qwen". Groups families for colours only.
std::string lineage(const std::string& family);

}  // namespace isoflop::app
