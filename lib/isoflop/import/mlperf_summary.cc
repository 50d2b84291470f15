#include "isoflop/import/mlperf_summary.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include "isoflop/error.h"
#include "isoflop/number_text.h"

namespace isoflop {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool starts_with_one_of(const std::string& text, std::initializer_list<const char*> starts) {
  return std::any_of(starts.begin(), starts.end(), [&](const char* s) { return text.rfind(s, 0) == 0; });
}

bool counts_tokens(const std::string& model) {
  return starts_with_one_of(model, {"llama", "mixtral", "deepseek", "gpt-oss", "qwen"});
}
bool is_language_model(const std::string& model) {
  return counts_tokens(model) || starts_with_one_of(model, {"gptj", "gpt-j"});
}

}  // namespace

MlperfSummary read_mlperf_summary(const CsvTable& table) {
  const auto need = [&](const std::vector<std::string>& spellings) {
    const auto column = table.find_any(spellings);
    if (!column)
      throw Error(Fault::BadInput, table.name() + ":1: there is no column \"" + spellings.front() +
                                       "\"; expected a summary.csv of MLPerf inference");
    return *column;
  };
  const std::size_t model = need({"Model", "Benchmark"}), scenario = need({"Scenario"}),
                    result = need({"Result", "Performance_Result"});
  const auto submitter = table.find_any({"Organization", "Submitter"}),
             system = table.find_any({"SystemName", "System Name", "Platform", "System"}),
             accelerator = table.find_any({"accelerator_model_name", "Accelerator"}),
             per_node = table.find_any({"accelerators_per_node", "a#", "Accelerators per node"}),
             nodes = table.find_any({"number_of_nodes", "Nodes"}),
             units = table.find_any({"Units", "Performance_Units"}),
             software = table.find_any({"framework", "Software"}), version = table.find_any({"version", "Round"}),
             division = table.find_any({"Division"}), location = table.find_any({"Location", "Details"});
  if (!per_node)
    throw Error(
        Fault::BadInput,
        table.name() + ":1: there is no column \"accelerators_per_node\"; without it no rate per device can be told");
  const auto text = [&](std::size_t row, const std::optional<std::size_t>& column) {
    return column ? std::string(table.text(row, *column)) : std::string();
  };
  const auto whole = [&](std::size_t row, std::size_t column) -> double {
    const std::string cell(table.text(row, column));
    if (cell.empty() || lower(cell) == "n/a") return 0;
    const auto value = parse_plain_number(cell);
    if (!value || *value < 0 || *value != std::floor(*value) || *value > 1e7)
      table.reject(row, column, "is not a number of devices");
    return *value;
  };
  MlperfSummary summary;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    MlperfResult r;
    r.row = row;
    r.model = lower(text(row, model));
    r.scenario = text(row, scenario);
    const std::string cell = text(row, result);
    const double devices = whole(row, *per_node), count = nodes ? whole(row, *nodes) : 1;
    const bool asked = r.scenario == "Offline" || r.scenario == "Server" || r.scenario == "Interactive";
    if (!is_language_model(r.model)) {
      ++summary.left_out;
      if (std::find(summary.other_models.begin(), summary.other_models.end(), r.model) == summary.other_models.end() &&
          summary.other_models.size() < 100)
        summary.other_models.push_back(r.model);
      continue;
    }
    if (!asked || devices == 0 || cell.empty()) {
      ++summary.left_out;
      continue;
    }
    const auto value = parse_plain_number(cell);
    if (!value || !(*value > 0)) table.reject(row, result, "is not a rate");
    r.value = *value;
    r.devices = devices * std::max(count, 1.0);
    r.unit = counts_tokens(r.model) ? "tokens/s" : "samples/s";
    r.unit_stated = text(row, units);
    r.submitter = text(row, submitter);
    r.system = text(row, system);
    r.accelerator = text(row, accelerator);
    r.software = text(row, software);
    r.version = text(row, version);
    r.division = text(row, division);
    r.location = text(row, location);
    summary.results.push_back(std::move(r));
  }
  return summary;
}

}  // namespace isoflop
