#include "isoflop/import/epoch_models.h"

#include <algorithm>

#include "isoflop/error.h"
#include "isoflop/number_text.h"

namespace isoflop {
namespace {

using Column = std::optional<std::size_t>;

class Cells {
 public:
  explicit Cells(const CsvTable& table) : table_(table) {}

  std::string text(std::size_t row, const Column& column) const {
    return column ? std::string(table_.text(row, *column)) : std::string();
  }
  std::optional<double> positive(std::size_t row, const Column& column) const {
    if (!column) return std::nullopt;
    std::string cell(table_.text(row, *column));
    std::string lower = cell;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower.empty() || lower == "nan" || lower == "infinity" || lower == "-infinity" || lower == "inf" ||
        lower == "-inf")
      return std::nullopt;
    cell.erase(std::remove(cell.begin(), cell.end(), ','), cell.end());  // "1,000"
    const auto value = parse_plain_number(cell);
    if (!value) table_.reject(row, *column, "is not a number");
    if (*value < 0) table_.reject(row, *column, "is negative");
    return *value == 0 ? std::nullopt : value;
  }
  /// "2024-04-23", "2024-04", "2024", or empty.
  std::string date(std::size_t row, const Column& column) const {
    const std::string value = text(row, column);
    const std::string pattern = "dddd-dd-dd";
    bool good = value.empty() || value.size() == 4 || value.size() == 7 || value.size() == 10;
    for (std::size_t i = 0; good && i < value.size(); ++i)
      good = pattern[i] == '-' ? value[i] == '-' : value[i] >= '0' && value[i] <= '9';
    if (!good) table_.reject(row, *column, "is not a date such as 2024-04-23");
    return value;
  }

 private:
  const CsvTable& table_;
};

}  // namespace

std::vector<EpochModel> read_epoch_models(const CsvTable& table) {
  const Column name = table.find_any({"Model", "System", "Model name"}),
               params = table.find_any({"Parameters", "Number of parameters"}),
               compute = table.find_any({"Training compute (FLOP)", "Training compute (FLOPs)", "Training compute"});
  if (!name || (!params && !compute)) {
    throw Error(Fault::BadInput, table.name() +
                                     ":1: expected the columns \"Model\" and \"Parameters\" or \"Training compute "
                                     "(FLOP)\" of Epoch's table of models");
  }
  const Column organisation = table.find_any({"Organization", "Organisation"}), domain = table.find_any({"Domain"}),
               date = table.find_any({"Publication date", "Release date"}), confidence = table.find_any({"Confidence"}),
               hardware = table.find_any({"Training hardware"}), base = table.find_any({"Base model"}),
               data = table.find_any({"Training dataset size (total)", "Training dataset size (datapoints)",
                                      "Training dataset size (gradients)",
                                      "(DEPRECATED) Training dataset size (datapoints)", "Training dataset size"}),
               epochs = table.find_any({"Epochs"}), devices = table.find_any({"Hardware quantity"}),
               hours = table.find_any({"Training time (hours)"}), power = table.find_any({"Training power draw (W)"}),
               utilisation = table.find_any({"Hardware utilization (MFU)", "Hardware utilization"});
  const Cells cells(table);
  std::vector<EpochModel> models;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    EpochModel m;
    m.row = row;
    m.name = cells.text(row, name);
    if (m.name.empty()) table.reject(row, *name, "is empty; expected the model's name");
    m.organisation = cells.text(row, organisation);
    m.domain = cells.text(row, domain);
    m.release_date = cells.date(row, date);
    m.confidence = cells.text(row, confidence);
    m.hardware = cells.text(row, hardware);
    m.base_model = cells.text(row, base);
    m.params = cells.positive(row, params);
    m.datapoints = cells.positive(row, data);
    m.epochs = cells.positive(row, epochs);
    m.compute_flop = cells.positive(row, compute);
    m.devices = cells.positive(row, devices);
    m.hours = cells.positive(row, hours);
    m.utilisation = cells.positive(row, utilisation);
    m.power_w = cells.positive(row, power);
    models.push_back(std::move(m));
  }
  return models;
}

}  // namespace isoflop
