#include "isoflop/fits/run_table.h"

#include <algorithm>

#include "isoflop/error.h"
#include "isoflop/fits/runs_source.h"
#include "isoflop/statistics.h"

namespace isoflop::fits {
namespace {

using Spellings = std::vector<std::string>;
const Spellings params_spellings{"params",
                                 "N",
                                 "model_size",
                                 "parameters",
                                 "n_params",
                                 "num_params",
                                 "model_params",
                                 "total_params",
                                 "non_embedding_params"};
const Spellings tokens_spellings{"tokens",     "D",           "training_tokens", "train_tokens", "n_tokens",
                                 "num_tokens", "tokens_seen", "total_tokens",    "train/tokens"};
const Spellings flops_spellings{"flops", "C", "training_flop", "training_flops", "train_flops", "compute_flop", "flop"};
const Spellings loss_spellings{"loss",       "L",         "final_loss", "eval_loss", "val_loss", "validation_loss",
                               "train_loss", "eval/loss", "val/loss",   "train/loss"};

std::optional<std::size_t> chosen(const CsvTable& table, const std::string& name, const Spellings& usual) {
  if (!name.empty()) return table.column(name);
  return table.find_any(usual);
}

std::size_t needed(const CsvTable& table, std::optional<std::size_t> column, const std::string& what) {
  if (column) return *column;
  std::string have;
  for (const auto& name : table.columns()) have += (have.empty() ? "" : ", ") + name;
  throw Error(Fault::BadInput, table.name() + ":1:1: no column for " + what + "; the header has " + have +
                                   "; expected params,tokens,loss (or C,N,D,loss, or Model Size,Training FLOP,loss)");
}

std::optional<double> positive(const CsvTable& table, std::size_t row, std::optional<std::size_t> column) {
  if (!column) return {};
  const auto value = table.number(row, *column);
  if (value && !(*value > 0))
    table.reject(row, *column, "\"" + std::string(table.text(row, *column)) + "\" is not positive");
  return value;
}

}  // namespace

RunTable::RunTable(std::vector<Run> runs, std::string name) : runs_(std::move(runs)), name_(std::move(name)) {}

RunTable RunTable::from_csv(const CsvTable& table, const RunColumns& columns) {
  const auto params = needed(table, chosen(table, columns.params, params_spellings), "the parameter count N");
  const auto loss = needed(table, chosen(table, columns.loss, loss_spellings), "the loss");
  const auto tokens = chosen(table, columns.tokens, tokens_spellings);
  const auto flops = chosen(table, columns.flops, flops_spellings);
  if (!tokens || columns.tokens_from_flops) needed(table, flops, "tokens D or training FLOP C");
  const auto family = chosen(table, columns.family, {"family", "group"});
  const auto weight = chosen(table, columns.weight, {"weight"});
  const auto name = table.find_any({"name", "run", "run_name"});
  const auto state = table.find_any({"state"});  // Weights & Biases: only finished runs have a final loss

  RunTable result;
  result.name_ = table.name();
  result.sha256_ = table.sha256();
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto n = positive(table, row, params);
    const auto l = positive(table, row, loss);
    const auto c = positive(table, row, flops);
    const auto stated_tokens = positive(table, row, tokens);
    const bool from_flops = columns.tokens_from_flops || !stated_tokens;
    const bool unfinished = state && !table.text(row, *state).empty() && table.text(row, *state) != "finished";
    if (!n || !l || (from_flops && !c) || unfinished) {
      ++result.rows_dropped_;
      continue;
    }
    Run run;
    run.params = *n;
    run.tokens = from_flops ? *c / (6 * *n) : *stated_tokens;
    run.loss = *l;
    run.flops = c;
    if (family) run.family = table.text(row, *family);
    if (name) run.name = table.text(row, *name);
    if (weight) {
      run.weight = table.number(row, *weight).value_or(1);
      if (run.weight < 0) table.reject(row, *weight, "a weight must not be negative");
    }
    run.line = table.line(row);
    result.runs_.push_back(std::move(run));
  }
  if (result.runs_.empty()) throw Error(Fault::BadInput, table.name() + ":1:1: no row with params, tokens and loss");
  return result;
}

RunTable RunTable::excluding_highest(std::size_t count) const {
  if (count == 0) return *this;
  if (count >= size())
    throw Error(Fault::Usage,
                "excluding " + std::to_string(count) + " of " + std::to_string(size()) + " runs leaves none to fit");
  std::vector<double> losses;
  for (const Run& run : runs_) losses.push_back(run.loss);
  auto order = sorted_order(losses);
  order.resize(size() - count);
  std::sort(order.begin(), order.end());
  RunTable rest = selected(order);
  rest.rows_dropped_ += count;
  return rest;
}

RunTable RunTable::selected(const std::vector<std::size_t>& positions) const {
  RunTable part;
  part.name_ = name_;
  part.sha256_ = sha256_;
  part.rows_dropped_ = rows_dropped_;
  for (std::size_t i : positions) part.runs_.push_back(runs_.at(i));
  return part;
}

RunTable RunTable::up_to_compute(double limit_flop) const {
  std::vector<std::size_t> kept;
  for (std::size_t i = 0; i < size(); ++i)
    if (runs_[i].compute_flop() <= limit_flop) kept.push_back(i);
  return selected(kept);
}

CsvTable open_runs_table(const std::string& source, const DataFolder& folder) {
  if (source == "chinchilla") return open_data_table("loss_runs_chinchilla.csv", folder);
  if (source == "sweep") return open_data_table("sweep_runs.csv", folder);
  return CsvTable::read(source);
}

CsvTable open_sweep_curves(const DataFolder& folder) { return open_data_table("sweep_curves.csv", folder); }

RunTable open_runs(const std::string& source, const RunColumns& columns, const DataFolder& folder) {
  return RunTable::from_csv(open_runs_table(source, folder), columns);
}

}  // namespace isoflop::fits
