// The environmental table of the spring-2024 cohort of models, done again: what owners publish, the training FLOP from
// 6ND, device-hours and tonnes recomputed with intervals, and what disagrees with a widely read table and why.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/catalogue/models.h"
#include "isoflop/sim/footprint/run_inputs.h"

namespace isoflop::sim {

/// One figure that somebody prints about a run.
struct Claim {
  std::string model;     ///< catalogue id or printed name of a published row
  std::string quantity;  ///< "training_flop", "accelerator_hours", "tco2e"
  double value = 0;
  std::string source;
};

/// Figures of the AIMLbling post "llama3-cohort" that this table corrects (facts, cited for review).
std::vector<Claim> known_claims();

/// Claims of a table with the columns model and any of training_flop, accelerator_hours, claimed_tco2e.
/// Throws Error (BadInput) when there are none of these columns.
std::vector<Claim> read_claims(const CsvTable& table);

struct CohortLine {  ///< One model: published, recomputed, and what disagrees.
  std::string model, organisation, release_date, device;
  std::optional<double> params_active, tokens, training_flop;  ///< 6ND
  std::optional<double> hours_published, operational_published_t;
  bool is_metered = false;  ///< the published tonnes rest on metered power
  std::optional<Estimate> hours_from_6nd;      ///< this run's family left out
  std::optional<FootprintEstimate> footprint;  ///< common convention; hours published, else from 6ND
  std::vector<std::string> disagreements;
};

struct CohortTable {  ///< All models, and what is to be said about the table.
  std::vector<CohortLine> lines;
  std::vector<std::string> remarks;       ///< about the table as a whole
  std::vector<std::string> not_compared;  ///< claimed models of which nothing is known
};

/// The models of spring 2024, and those of the claims that the catalogue or the published rows know.
CohortTable cohort(const ModelCatalogue& models, const PublishedTable& published, const AcceleratorCatalogue& devices,
                   const GridCatalogue& grids, const std::vector<Claim>& claims, const PropagationOptions& options);

}  // namespace isoflop::sim
