#include <cmath>

#include "isoflop/error.h"
#include "isoflop/fits/law_fit.h"

namespace isoflop::fits {

LawData law_data(const CsvTable& table, const LossLaw& law, const std::string& output_column) {
  LawData data;
  data.name = table.name();
  std::vector<std::size_t> columns;
  for (const auto& input : law.facts().inputs) {
    const auto found = table.find_any({input.column, input.name});
    columns.push_back(found ? *found : table.column(input.column));
  }
  const auto output = table.find_any({output_column});
  columns.push_back(output ? *output : table.column(output_column));
  const auto weight = table.find_any({"weight"});
  for (std::size_t row = 0; row < table.rows(); ++row) {
    std::vector<double> values;
    for (std::size_t column : columns) {
      const auto value = table.number(row, column);
      if (!value) break;
      values.push_back(*value);
    }
    if (values.size() < columns.size()) {
      ++data.rows_dropped;
      continue;
    }
    for (std::size_t i = 0; i + 1 < columns.size(); ++i)
      if (law.facts().inputs[i].logarithmic && !(values[i] > 0)) table.reject(row, columns[i], "must be positive");
    if (law.facts().positive_output && !(values.back() > 0)) table.reject(row, columns.back(), "must be positive");
    data.outputs.push_back(values.back());
    values.pop_back();
    data.inputs.push_back(std::move(values));
    const double w = weight ? table.number(row, *weight).value_or(1) : 1;
    if (!(w >= 0)) table.reject(row, *weight, "must not be negative");
    data.weights.push_back(w);
  }
  return data;
}

LawData law_data(const RunTable& runs, const LossLaw& law) {
  const auto size = law.input("N"), tokens = law.input("D");
  if (law.facts().inputs.size() != 2 || !size || !tokens)
    throw Error(Fault::Usage, "law " + law.facts().id +
                                  " has other inputs than params and tokens: give it a file with its own columns");
  LawData data;
  data.name = runs.name();
  data.rows_dropped = runs.rows_dropped();
  for (const auto& run : runs.runs()) {
    std::vector<double> row(2);
    row[*size] = run.params;
    row[*tokens] = run.tokens;
    data.inputs.push_back(std::move(row));
    data.outputs.push_back(run.loss);
    data.weights.push_back(run.weight);
  }
  return data;
}

}  // namespace isoflop::fits
