// Which loss law a command plans or predicts with: published constants, a fit.json, or runs fitted on the spot; and
// the resampled laws behind its intervals, or the reason why there are none.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "apps/command.h"
#include "isoflop/fits/loss_law.h"
#include "isoflop/fits/planning.h"
#include "isoflop/fits/run_table.h"

namespace isoflop::app {

struct LawOptions {
  std::string law = "fit:chinchilla";
  std::string fit;  ///< a file; overrides `law`
  std::vector<std::string> given;
  std::optional<double> unique_tokens, sparsity, granularity;
  std::optional<long> exclude_highest;
  std::string scheme = "pairs";
  long replicates = 1000;

  void declare(OptionSet& options);
};

struct LawSource {
  std::string id;     ///< "fit:chinchilla", "hoffmann"
  std::string label;  ///< "the Chinchilla law refitted to 240 runs (chinchilla)"
  fits::LossSurface surface;
  std::vector<fits::LossSurface> draws;
  std::string scheme;       ///< of the draws
  std::string no_interval;  ///< why there are no draws
  fits::FittedRange range;
  std::optional<fits::ChinchillaLaw> closed_form;
  Value parameters;         ///< name -> number
  std::vector<fits::Run> runs;  ///< where fitted here
  bool repeats_data = false;    ///< unique tokens are limited

  /// The same fit to the runs below a tenth of the largest compute: how far extrapolation has moved so far.
  struct Below {
    fits::ChinchillaLaw law;
    std::size_t runs = 0;
    double compute_high_flop = 0;
  };
  std::optional<Below> below;

  bool has_intervals() const { return !draws.empty(); }
};

inline constexpr double interval_level = 0.9;

/// Inputs besides size and tokens, by column or letter, from --given and its short forms.
std::map<std::string, double> given_inputs(const LawOptions& options);

/// Reads or fits the law and writes inputs, assumptions and warnings into the report.
/// A fit that cannot be used throws Error (CannotRun); one without certificate sets `distrust`.
LawSource open_law(const LawOptions& options, const Settings& settings, Report& report);

/// Source, evidence and remarks of published constants; sets `distrust` where the law's self-test fails.
void note_published_constants(const fits::LawChoice& choice, Report& report);

/// The Chinchilla law fitted to these runs with its resampled laws, as `--law fit:NAME` does.
LawSource refitted_law(const std::string& name, const fits::RunTable& runs, const LawOptions& options,
                       const Settings& settings, Report& report);

/// Several quantities of the law with their 90 % percentile intervals; bounds are NaN where there are no draws, or
/// where more than a tenth of them give no finite value. Evaluated in parallel, same result for any thread count.
std::vector<FittedValue> with_intervals(const LawSource& law, int threads,
                                        const std::function<std::vector<double>(const fits::LossSurface&)>& quantities);

/// Says how far a plan lies outside the runs behind the law; nothing when it lies inside or the range is unknown.
std::vector<std::string> extrapolation_warnings(const LawSource& law, double compute_flop, double params,
                                                double tokens);

/// "1.31T [1.19T, 1.44T]" with the given writer.
std::string interval_text(const FittedValue& value, const std::function<std::string(double)>& write);

}  // namespace isoflop::app
