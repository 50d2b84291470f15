// Floor and ceiling of the catalogue's benchmarks: the score of guessing, and that of a solver who knows everything
// but the errors in the answer key.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "isoflop/catalogue/data_files.h"
#include "isoflop/fits/score_link.h"

namespace isoflop::fits {

struct BenchmarkFacts {  ///< A benchmark's unit, bounds and noise, each with its source.
  std::string code;
  std::string title;       ///< "MMLU"
  std::string unit;        ///< "points" (percentage points), "Elo", "of 10"
  ScoreBounds bounds;
  std::string floor_source, ceiling_source;
  double noise = 0;        ///< standard deviation of one measurement, in the unit of the score
  std::string noise_source;
  double loss_scale = 5;   ///< least residual at which robust losses may begin to bend
  double least_scale = 0.5;
};

/// How MMLU's ceiling follows from the errors counted in its questions, weighted by the size of each subject.
struct KeyErrors {
  double questions = 0;                   ///< in the test
  double wrong_key = 0, no_correct_answer = 0, several_correct = 0, unclear = 0;  ///< percent of the test
  double ceiling = 0;                     ///< percent a perfect solver is expected to reach
};

/// Loses every wrong key, three quarters of the questions without a correct answer (a guess among four), half of those
/// with several correct answers and half of the unclear ones. The two halves and the quarter are assumed.
/// Source of the counts: MMLU-Redux 2.0, Gema et al. 2024, arXiv:2406.04127.
KeyErrors mmlu_key_errors(const DataFolder& folder = {});

/// Facts of a benchmark; one that is not known by code gets no bounds, and so linear links only.
BenchmarkFacts benchmark_facts(const std::string& code, const DataFolder& folder = {});

}  // namespace isoflop::fits
