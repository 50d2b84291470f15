// A serving load as options: tokens a day, and joules per token given or worked out from model, device and batch.
#pragma once
#include <optional>
#include <string>

#include "apps/command.h"
#include "apps/footprint/footprint_options.h"
#include "isoflop/catalogue/models.h"
#include "isoflop/sim/footprint/inference_energy.h"

namespace isoflop::app {

struct ServingLoad {
  std::optional<double> tokens_per_day, batch, gpus;
  std::string joules_per_token;
  std::optional<double> prompt;  ///< 300 are assumed when absent
  double generated = sim::assumed_output_tokens, bytes_per_weight = 2;

  void declare(OptionSet& options);
  /// `model` may be null when the parameters are known.
  void apply(sim::ActivityInputs& inputs, const ModelRecord* model, std::optional<double> params_active,
             const Accelerator& device, const FootprintOptions& options) const;
  sim::ServingPoint point(const ModelRecord* model, std::optional<double> params_active,
                          const Accelerator& device) const;
  /// What an assumed prompt length is worth; empty when it was given, or the energy of a token was.
  std::string prompt_warning(const sim::ServingPoint& point) const;
  /// Where the joules of a token go.
  static void explain(Report& report, const sim::ServingPoint& point);
};

}  // namespace isoflop::app
