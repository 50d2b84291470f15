// `fit` for laws without the fast path: any law of the catalogue, or a sum of power laws of named columns.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "apps/command.h"
#include "isoflop/fits/run_table.h"

namespace isoflop::app {

struct OtherLawRequest {
  std::string source;              ///< runs, as for fit
  std::string law;                 ///< id of the catalogue; ignored when `terms` are given
  std::vector<std::string> terms;  ///< columns x_k of L = E + sum A_k / x_k^alpha_k
  fits::RunColumns columns;
  std::size_t exclude_highest = 0;
  double delta = 1e-3;
  std::size_t replicates = 100;  ///< of the pairs bootstrap
  double level = 0.9;
};

/// The result has the members of every `fit`; exponents a and b are null, because they are constants of Chinchilla-like
/// laws only. Throws Error (Usage) for an unknown law, Error (BadInput) for columns that are missing.
Report fit_other_law(const OtherLawRequest& request, const Settings& settings);

}  // namespace isoflop::app
