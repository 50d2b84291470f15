// A training run on disk: the model, its tokenizer and weights, and what the optimiser needs to go on to the same bits.
// Written whole or not at all. Sizes are checked against the file before anything is made of them.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/sim/kernel/byte_pairs.h"
#include "isoflop/sim/kernel/training_run.h"

namespace isoflop::sim {

/// `fingerprint` stands for everything that decides the bits of the run.
void save_checkpoint(const std::string& path, const std::string& fingerprint, const TrainingRunSettings& settings,
                     const BytePairs* tokenizer, Trainer& trainer, const std::vector<CurvePoint>& curve);

/// Brings the trainer to where the run was and returns the curve so far.
/// Throws Error (BadInput) for another file, a truncated one, or a run with another fingerprint.
std::vector<CurvePoint> resume_checkpoint(const std::string& path, const std::string& fingerprint, Trainer& trainer);

/// What inference needs of a checkpoint.
struct TrainedModel {
  Architecture architecture;
  std::optional<BytePairs> tokenizer;  ///< of runs on a text
  std::vector<float> weights;          ///< laid out as weight_layout(architecture)
  std::int64_t steps = 0;
};
/// Throws Error (BadInput) for another file or one that does not hold together.
TrainedModel read_model(const std::string& path);

}  // namespace isoflop::sim
