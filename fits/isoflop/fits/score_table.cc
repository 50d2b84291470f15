#include "isoflop/fits/score_table.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <unordered_map>

#include "isoflop/error.h"
#include "isoflop/number_text.h"

namespace isoflop::fits {
namespace {

using Column = std::optional<std::size_t>;

std::optional<double> number_at(const CsvTable& table, std::size_t row, Column column) {
  if (!column) return std::nullopt;
  const std::string_view text = table.text(row, *column);
  if (text.find_first_not_of(" \t") == std::string_view::npos) return std::nullopt;
  const auto value = parse_number(text);
  if (!value)
    table.reject(row, *column,
                 "\"" + std::string(text.substr(0, 60)) + "\" is not a number; expected one such as 7e9, 7B or 1.4T");
  return value;
}

std::optional<double> count_at(const CsvTable& table, std::size_t row, Column column) {
  const auto value = number_at(table, row, column);
  if (value && !(*value > 0))
    table.reject(
        row, *column,
        "\"" + std::string(table.text(row, *column)) + "\" is not a positive number; leave it empty if unknown");
  return value;
}

/// The column of that name, written in whatever case.
std::size_t named_column(const CsvTable& table, const std::string& name) {
  const auto found = table.find_any({name});
  return found ? *found : table.column(name);
}

std::string text_at(const CsvTable& table, std::size_t row, Column column) {
  return column ? std::string(table.text(row, *column)) : std::string();
}

}  // namespace

ComputeColumn compute_column(const std::string& name) {
  std::string lower;
  for (char c : name) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  const auto has = [&](const char* word) { return lower.find(word) != std::string::npos; };
  if (lower == "nd" || lower == "n_x_d" || lower == "nxd" || lower == "n*d" || (has("param") && has("token")))
    return ComputeColumn::Product;
  return has("flop") || has("compute") || lower == "c" ? ComputeColumn::Flop : ComputeColumn::No;
}

ScoreTableRows read_score_table(const CsvTable& table, Predictor predictor, const ScoreTableColumns& columns,
                                double flop_per_param_token) {
  const Column name = table.find_any({"name", "model", "label", "id"});
  if (!name) table.column("name");
  const std::size_t score = named_column(table, columns.y);
  const Column params = table.find_any({"active_params", "params", "parameters", "N"}),
               tokens = table.find_any({"tokens", "training_tokens", "D"}),
               total = table.find_any({"total_params", "params_total"}),
               compute = table.find_any({"compute_flop", "training_flop", "flops", "flop"}),
               family = table.find_any({"family"}), kind = table.find_any({"kind"}),
               date = table.find_any({"release_date", "date", "released"});
  Column x;
  if (!columns.x.empty()) x.emplace(named_column(table, columns.x));
  const ComputeColumn holds = compute_column(columns.x);
  ScoreTableRows result;
  result.rows = table.rows();
  result.x_is_compute = x && holds != ComputeColumn::No;
  if (!x) {
    const bool has_compute = compute || (params && tokens);
    if (predictor == Predictor::Compute && !has_compute) {
      if (!params) table.column("active_params");
      table.column("tokens");
    }
    if (predictor == Predictor::ActiveParams && !params) table.column("active_params");
    if (predictor == Predictor::TotalParams && !total) table.column("total_params");
    if (predictor == Predictor::Tokens && !tokens) table.column("tokens");
    if (predictor == Predictor::ReleaseDate && !date) table.column("release_date");
  }

  std::unordered_map<std::string, std::size_t> line_of;
  line_of.reserve(table.rows());
  for (std::size_t row = 0; row < table.rows(); ++row) {
    ScoredModel model;
    model.name = text_at(table, row, name);
    if (model.name.empty()) table.reject(row, *name, "is empty; expected the model's name");
    const auto [seen, fresh] = line_of.try_emplace(model.name, table.line(row));
    if (!fresh)
      table.reject(row, *name, "\"" + model.name + "\" is already in line " + std::to_string(seen->second) +
                                   "; expected every model once");
    const auto value = number_at(table, row, score);
    model.family = text_at(table, row, family);
    model.kind = kind ? text_at(table, row, kind) : "";
    if (model.kind.empty()) model.kind = "unspecified";
    model.active_params = count_at(table, row, params);
    model.tokens = count_at(table, row, tokens);
    model.total_params = count_at(table, row, total);
    if (const std::string text = text_at(table, row, date); !text.empty()) {
      model.release_year = decimal_year(text);
      if (!model.release_year)
        table.reject(row, *date, "\"" + text + "\" is not a date; expected one such as 2024-04-23");
    }
    const auto stated = count_at(table, row, compute);
    if (model.active_params && model.tokens)
      model.compute = flop_per_param_token * *model.active_params * *model.tokens;
    else if (stated) model.compute = *stated * flop_per_param_token / 6;
    if (x && holds == ComputeColumn::No) model.other = number_at(table, row, x);
    if (x && holds != ComputeColumn::No) {
      model.compute = count_at(table, row, x);
      if (model.compute) *model.compute *= flop_per_param_token / (holds == ComputeColumn::Product ? 1 : 6);
    }
    const Predictor used = x ? (holds == ComputeColumn::No ? Predictor::Other : Predictor::Compute) : predictor;
    if (!value || !usable(model, used)) {
      result.incomplete.push_back(std::move(model.name));
      continue;
    }
    model.score = *value;
    result.models.push_back(std::move(model));
  }
  return result;
}

}  // namespace isoflop::fits
