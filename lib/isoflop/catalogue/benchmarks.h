// The catalogue of benchmark scores: one record per published value, so that conflicts stay visible side by side.
// Codes: mmlu, mmlu_micro, mmlu_pro, mmlu_redux, gsm8k, humaneval, hellaswag, winogrande, xwinograd,
// arc_c (likelihood), arc_c_choice (options shown), truthfulqa_mc2, triviaqa, bbh, mt_bench, arena_elo. Traps:
// docs/data.md.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "isoflop/catalogue/models.h"

namespace isoflop {

struct ScoreRecord {  ///< One published value.
  std::string model;      ///< id in models.csv
  std::string benchmark;  ///< code
  double value = 0;
  std::string unit;   ///< percent, elo, score_0_to_10
  std::string shots;  ///< examples in the prompt as printed; "few" where not numbered
  std::string kind;   ///< base, instruct, base+sft, unspecified
  std::string date;   ///< of the rating or table, ISO; ratings of different dates are on different scales
  std::optional<double> ci95_half_width, votes;  ///< ratings only
  std::string evaluated_variant;                 ///< name on the leaderboard, e.g. the chat version
  std::string harness;     ///< obsscaling and falcon-h1 (each one harness for many models), arena, reported
  bool preferred = false;  ///< the best single report of this model's MMLU: base and verified before others
  std::string excluded;    ///< why the value must not be used; empty for usable values
  std::string source, original_source, confidence, remark;

  bool usable() const { return excluded.empty(); }
};

/// Every column a ScoreRecord is read from, in all spellings.
const std::vector<Field<ScoreRecord>>& score_fields();

class ScoreTable {  ///< All published values, by model and benchmark.
 public:
  /// benchmarks.csv of the folder, else the one compiled in.
  static ScoreTable load(const DataFolder& folder = {});
  /// Throws Error (BadInput) for a row without model, benchmark or value.
  static ScoreTable from(const CsvTable& table);

  const std::vector<ScoreRecord>& all() const& { return records_; }
  std::vector<ScoreRecord> all() && { return std::move(records_); }  ///< so that a loop over load().all() is safe
  /// Usable scores of one model, in file order; `benchmark` empty = all.
  std::vector<const ScoreRecord*> of(std::string_view model_id, std::string_view benchmark = {}) const;
  /// Benchmark codes in order of first appearance.
  std::vector<std::string> benchmarks() const;
  const TableOrigin& origin() const { return origin_; }

 private:
  std::vector<ScoreRecord> records_;
  TableOrigin origin_;
};

}  // namespace isoflop
