// Which form of the loss law holds? Each is fitted to the runs below a compute cut and judged on the runs above it;
// where the source's entropy is known, its interval for E is held against the truth as well. The recommended form is
// chosen without a look above the cut: by the same trial one step lower.
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "isoflop/estimate.h"
#include "isoflop/fits/chinchilla_fit.h"

namespace isoflop::fits {

struct LossForm {  ///< A form that is put on trial.
  std::string id;
  std::string formula;
  bool without_embedding = false;  ///< N counts no embedding
  bool coupled = false;            ///< the sum of both terms to a power k
  bool shifted_tokens = false;     ///< D + D0 instead of D: tokens count only after a delay
  bool known_floor = false;        ///< E held at the source's entropy
  bool saturating = false;         ///< law "saturating": ends at uniform guessing over the vocabulary
};

struct FormFit {  ///< One form fitted to some runs.
  FitStatus status = FitStatus::NotConverged;
  std::string reason;
  double E = 0;
  std::vector<std::pair<std::string, double>> parameters;
  std::function<double(double params, double tokens)> loss;

  bool usable() const {
    return status == FitStatus::Certified || status == FitStatus::Converged || status == FitStatus::AtBound;
  }
};

struct FormTrial {  ///< What a form showed on all runs, below the cut and above it.
  LossForm form;
  FormFit fit;                     ///< of all runs
  double rms_log = 0;              ///< of ln Lhat - ln L over all runs
  FittedValue floor;               ///< E of all runs; bootstrap percentiles
  std::size_t replicates = 0;      ///< resamples that gave a fit
  FormFit below;                   ///< of the runs below the cut
  std::vector<double> errors;      ///< Lhat / L - 1 of each run above the cut, in the order of the table
  double mean_error = 0, largest_error = 0, bias = 0;  ///< of these: mean and largest magnitude, mean
  double inner_error = 0;          ///< mean magnitude one step lower; NaN where that could not be fitted
  std::string reason;              ///< why there is no answer; empty when there is one

  bool usable() const { return reason.empty(); }
};

struct FormTrialOptions {  ///< Where the cut lies and what the floor's interval is made from.
  double held_out_decades = 0.5;   ///< runs within this of the largest compute are held out
  std::optional<double> known_floor;
  std::optional<double> vocabulary;  ///< tokens; without it no saturating form
  double delta = 1e-3;             ///< Huber threshold on log losses
  std::size_t replicates = 200;
  double level = 0.9;
  std::uint64_t seed = 42;
  int threads = 0;
};

struct FormTrials {
  std::vector<FormTrial> trials;
  std::vector<std::size_t> held_out;  ///< positions in the table
  double cut_flop = 0, inner_cut_flop = 0;
  std::size_t fitted = 0, inner_fitted = 0;
  std::optional<std::size_t> recommended;  ///< least inner error among forms that are not given the floor
};

/// `without_embedding`: the same runs with the other count of parameters. Throws Error (Usage) when the cut leaves
/// fewer than 8 runs below or none above, or the two tables differ in length.
FormTrials try_forms(const RunTable& runs, const std::optional<RunTable>& without_embedding,
                     const FormTrialOptions& options);

/// The forms that these options and counts allow.
std::vector<LossForm> loss_forms(bool with_count_without_embedding, const FormTrialOptions& options);

/// `near`: constants to start from; a search of its own all the same, smaller for the saturating form.
FormFit fit_form(const LossForm& form, const RunTable& runs, const FormTrialOptions& options,
                 const FormFit* near = nullptr);

}  // namespace isoflop::fits
