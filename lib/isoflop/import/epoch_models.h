// Epoch AI's table of models (CC BY 4.0, epoch.ai/data): one row per model, columns named by heading because they are
// renamed from time to time. Sizes count all parameters; "datapoints" are tokens for language models only, and of one
// epoch unless the table says otherwise. An empty, NaN or Infinity cell is unknown. Quoted line breaks in notes are
// fine.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/catalogue/csv_table.h"

namespace isoflop {

/// To be printed wherever the values are, as the licence asks.
inline constexpr const char* epoch_attribution = "Epoch AI, Data on AI Models, epoch.ai/data/ai-models, CC BY 4.0";

struct EpochModel {  ///< One row in our units.
  std::string name, organisation, domain, release_date, confidence, hardware, base_model;
  std::optional<double> params, datapoints, epochs, compute_flop, devices, hours, utilisation, power_w;
  std::size_t row = 0;  ///< of the table

  /// Data seen in training.
  std::optional<double> datapoints_seen() const {
    return datapoints ? std::optional(*datapoints * epochs.value_or(1)) : std::nullopt;
  }
};

/// Throws Error (BadInput), file:line:column, for a table without model, size or compute columns, a cell that is
/// neither a number nor unknown, a count that is not positive, or a date that is not ISO.
std::vector<EpochModel> read_epoch_models(const CsvTable& table);

}  // namespace isoflop
