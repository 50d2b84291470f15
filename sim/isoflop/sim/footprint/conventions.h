// Convention replay: a published figure by its own rules, step by step, beside what was printed. Conventions differ by
// factors of two to five, so a replayed figure is never an estimate; restate it with `assess` in one common convention.
//
//   meta       device-hours x TDP x 1.1 x 0.385 kg/kWh (LLaMA, Llama 2); later cards keep the constant to themselves
//   patterson  device-hours x metered mean system power x PUE x grid, gross or net of purchases as the row states
//   bloom      dynamic (TDP, no PUE), with PUE, + idle (0.592 of dynamic), + embodied: arXiv:2211.02001
//   google     full stack: accelerators, + host 0.06/0.14, + idle 0.02/0.20, + PUE 1.09, market-based 0.125 kg/kWh,
//              on-site water only: arXiv:2508.15734
//   morrison   metered accelerator energy x PUE x grid, + development 0.51, + embodied 0.0132 kg per hour:
//   arXiv:2503.05804 li         water: energy x WUE 0.55 + energy x PUE 1.17 x EWIF 3.142, as printed (PUE twice) and
//   once: arXiv:2304.03271 sci        (E I + M) / R, location-based, all overheads at their central priors: SCI 1.1
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/sim/footprint/published.h"
#include "isoflop/sim/footprint/run_inputs.h"

namespace isoflop::sim {

struct ReplayStep {  ///< One step of a rule.
  std::string name;
  double value = 0;
  std::string unit;
  std::string how;
};

struct Replay {  ///< A rule applied to a row, beside what its owner printed.
  std::string convention, rule, source;
  std::vector<ReplayStep> steps;
  std::string figure;  ///< what the owner printed: "operational", "water"
  std::string unit;
  double computed = 0;  ///< the last step that corresponds to the printed figure
  std::optional<double> printed;
  bool borrowed = false;  ///< a constant of the convention had to be lent to a row that does not follow it
  std::string remark;
};

std::vector<std::string> convention_names();  ///< Words for `--as`.

/// Runs and prompts that are known by their papers rather than by a table row: BLOOM and the Gemini median prompt.
std::vector<PublishedFootprint> method_rows();

/// The row under the convention's rules. `device` gives the data-sheet power where the row states none.
/// Throws Error (CannotRun) when the row lacks what the rule needs, (Usage) for an unknown convention.
Replay replay(const std::string& convention, const PublishedFootprint& row, const Accelerator* device);

/// SCI needs the common inputs (host, PUE, grid, embodied) and a number of functional units; exact central values.
Replay replay_sci(const ActivityInputs& inputs, double functional_units, const std::string& unit_name);

/// One median text prompt at Google: 0.14 + 0.06 + 0.02 + 0.02 = 0.24 Wh, 0.03 g market-based, 0.26 mL on-site,
/// against 0.10 Wh when only the active accelerator is counted.
Replay replay_gemini_prompt();

}  // namespace isoflop::sim
