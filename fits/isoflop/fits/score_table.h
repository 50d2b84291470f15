// A table of scored models as people keep it: one row a model. Columns (case, blanks and underscores do not matter):
//
//   name (model, label)   active_params (params, parameters, N)   tokens (training_tokens, D)   score
//   optional: family, kind, release_date, total_params, compute_flop (training_flop, flops)
//
// Numbers may be written 7B or 1.4T. An empty cell is unknown: the row is left out when the fit needs it. Anything
// that is no number, a count that is not positive, a row without a name and a name given twice are errors.
// x and y may be any other column by name. A column that is a product of parameters and tokens (its name says both)
// counts as compute without the factor.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/fits/score_link.h"

namespace isoflop::fits {

struct ScoreTableColumns {  ///< Columns to read where they have other names.
  std::string x;          ///< empty: what the predictor needs, from the usual columns
  std::string y = "score";
};

struct ScoreTableRows {  ///< What a table holds.
  std::vector<ScoredModel> models;       ///< rows with a score and what the predictor needs
  std::vector<std::string> incomplete;   ///< names of rows left out
  std::size_t rows = 0;
  bool x_is_compute = false;             ///< the named column holds compute or N x D
};

/// `flop_per_param_token`: 6, or 1 for the plain product.
ScoreTableRows read_score_table(const CsvTable& table, Predictor predictor, const ScoreTableColumns& columns,
                                double flop_per_param_token);

/// Whether a column of that name holds compute: FLOP, or parameters times tokens.
enum class ComputeColumn { No, Flop, Product };
ComputeColumn compute_column(const std::string& name);

}  // namespace isoflop::fits
