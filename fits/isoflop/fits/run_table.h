// Training runs as the estimators see them: size, data, loss, and which runs belong together.
// N parameters, D training tokens, C training FLOP, loss in nats per token.
#pragma once
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/catalogue/data_files.h"

namespace isoflop::fits {

struct Run {  ///< One training run.
  double params = 0;
  double tokens = 0;
  double loss = 0;
  std::optional<double> flops;  ///< as the file states it
  std::string family;           ///< empty: none stated
  std::string name;             ///< empty: none stated
  double weight = 1;            ///< factor of this run's term in the objective
  std::size_t line = 0;         ///< line of the file it came from; 0 = not from a file

  /// The stated training FLOP, else 6ND.
  double compute_flop() const { return flops ? *flops : 6 * params * tokens; }
};

/// How to read columns that are called otherwise, and which of two tellings of D to believe.
struct RunColumns {
  std::string params, tokens, flops, loss, family, weight;  ///< empty: found by the usual spellings
  bool tokens_from_flops = false;                           ///< D = C / 6N even where a token column exists
};

class RunTable {
 public:
  RunTable() = default;
  explicit RunTable(std::vector<Run> runs, std::string name = "runs");

  /// Columns `params,tokens,loss[,flops][,family][,weight][,name]`, `C,N,D,loss` or `Model Size,Training FLOP,loss`
  /// (then D = C / 6N); also the table of runs that Weights & Biases exports. A row whose params, loss, or both tokens
  /// and FLOP are empty, or whose `State` is not finished, is dropped and counted.
  /// Throws Error (BadInput), file:line:column, on what is no number or not positive.
  static RunTable from_csv(const CsvTable& table, const RunColumns& columns = {});

  const std::vector<Run>& runs() const { return runs_; }
  std::size_t size() const { return runs_.size(); }
  const Run& operator[](std::size_t i) const { return runs_[i]; }
  const std::string& name() const { return name_; }
  const std::string& sha256() const { return sha256_; }
  std::size_t rows_dropped() const { return rows_dropped_; }

  /// The table without its `count` highest losses; the order of the rest is kept.
  /// Throws Error (Usage) when nothing would be left.
  RunTable excluding_highest(std::size_t count) const;
  /// The runs at these positions, in this order.
  RunTable selected(const std::vector<std::size_t>& positions) const;
  /// The runs with compute_flop() <= limit.
  RunTable up_to_compute(double limit_flop) const;

 private:
  std::vector<Run> runs_;
  std::string name_ = "runs";
  std::string sha256_;
  std::size_t rows_dropped_ = 0;
};

/// `source` is a CSV file, "-" for standard input, or compiled in: "chinchilla" (Hoffmann's figure), "sweep" (our own).
RunTable open_runs(const std::string& source, const RunColumns& columns = {}, const DataFolder& folder = {});

}  // namespace isoflop::fits
