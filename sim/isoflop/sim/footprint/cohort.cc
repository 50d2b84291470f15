#include "isoflop/sim/footprint/cohort.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "isoflop/catalogue/name_index.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

constexpr std::array cohort_models = {"llama-2-7b", "llama-2-13b", "Llama-2-34B",   "llama-2-70b", "gemma-7b",
                                      "command-r",  "dbrx",        "mixtral-8x22b", "llama-3-8b",  "llama-3-70b",
                                      "phi-3-mini", "phi-3-small", "phi-3-medium",  "arctic",      "deepseek-v2"};
constexpr const char* blog = "AIMLbling post llama3-cohort, ahgraber/AIMLbling-about@b09dc15";

std::optional<double> as_number(const Count& count) {
  return count ? std::optional(static_cast<double>(*count)) : std::nullopt;
}

std::string times(double ratio) {
  const double r = ratio >= 1 ? ratio : 1 / ratio;
  return fmt::format("{:.1f}x {}", r, ratio >= 1 ? "high" : "low");
}

CohortLine line_of(const std::string& name, const ModelCatalogue& models, const PublishedTable& published,
                   const AcceleratorCatalogue& devices, const GridCatalogue& grids, const MfuPrior& prior,
                   const PropagationOptions& options) {
  CohortLine line;
  const ModelRecord* record = models.find(name);
  const auto rows = published.find(name);
  const PublishedFootprint* row = rows.empty() ? nullptr : rows.front();
  line.model = record ? record->name : row ? row->model : name;
  if (record) {
    line.organisation = record->organisation;
    line.release_date = record->release_date;
    line.params_active = as_number(record->params_active());
    line.tokens = as_number(record->training_tokens);
  }
  if (row && !line.params_active) line.params_active = row->active();
  if (row && !line.tokens) line.tokens = row->tokens;
  if (line.params_active && line.tokens) line.training_flop = 6 * *line.params_active * *line.tokens;
  if (!row) return line;
  const Accelerator* device = device_of(*row, devices);
  line.device = row->accelerator;
  line.hours_published = row->accelerator_hours;
  line.operational_published_t = row->operational_tco2e;
  line.is_metered = row->is_measured() || row->energy_basis == "reported_power";
  if (!device) return line;
  if (line.training_flop && training_peak_flop_per_s(*device)) {
    const auto mfu = prior.estimate(*device, *line.params_active, {row->family_group}, row->release_date);
    const double hours =
        device_hours_6nd(*line.params_active, *line.tokens, *training_peak_flop_per_s(*device), mfu.median);
    const double spread = std::exp(normal_quantile(0.95) * mfu.sigma_ln);
    line.hours_from_6nd = Estimate{hours / spread, hours, hours * spread, "6ND, family left out"};
  }
  if (row->accelerator_hours || (row->active() && row->tokens)) {
    PublishedFootprint known = *row;
    known.params_active = line.params_active;
    known.tokens = line.tokens;
    line.footprint = assess(inputs_of(known, *device, grids, prior), options);
  }
  return line;
}

/// Device-hours x a peak without tensor cores x 0.3 is what the well-known table multiplied: 78 TFLOP/s for an A100,
/// 134 for an H100 (data sheets, fp16 without tensor cores; its H100 rows come to 130-174).
std::string why_other_flop(const CohortLine& line, double flop) {
  if (!line.hours_published) return "";
  const double rate = flop / (*line.hours_published * 3600);
  const bool a100 = line.device.starts_with("A100"), h100 = line.device.starts_with("H100");
  const double low = a100 ? 70e12 : 120e12, high = a100 ? 90e12 : 180e12;
  if ((a100 || h100) && rate / 0.3 > low && rate / 0.3 < high)
    return ": hours x 0.3 of a peak without tensor cores";
  return fmt::format(": {} a device over the hours", format_si(rate, "FLOP/s"));
}

void compare(CohortLine& line, const Claim& claim) {
  if (claim.quantity == "training_flop" && line.training_flop &&
      std::fabs(claim.value / *line.training_flop - 1) > 0.25)
    line.disagreements.push_back(fmt::format("FLOP printed {}, 6ND is {} ({}){}", format_number(claim.value, 2),
                                             format_number(*line.training_flop, 2),
                                             times(claim.value / *line.training_flop),
                                             why_other_flop(line, claim.value)));
  if (claim.quantity == "accelerator_hours" && line.hours_published &&
      std::fabs(claim.value / *line.hours_published - 1) > 0.02)
    line.disagreements.push_back(
        fmt::format("hours printed {}, the owner's figures give {} ({}){}", format_count(claim.value),
                    format_count(*line.hours_published), times(claim.value / *line.hours_published),
                    line.tokens && std::fabs(*line.hours_published / claim.value / (*line.tokens / 1e12) - 1) < 0.02
                        ? ": they are per trillion tokens"
                        : ""));
  if (claim.quantity == "tco2e" && line.operational_published_t &&
      std::fabs(claim.value / *line.operational_published_t - 1) > 0.02)
    line.disagreements.push_back(fmt::format("t CO2e printed {}, the owner prints {}", format_number(claim.value),
                                             format_number(*line.operational_published_t)));
}

}  // namespace

std::vector<Claim> known_claims() {
  return {{"llama-2-7b", "training_flop", 1.6e22, blog},     {"llama-2-13b", "training_flop", 3.1e22, blog},
          {"llama-2-70b", "training_flop", 1.4e23, blog},    {"llama-3-8b", "training_flop", 2.4e23, blog},
          {"llama-3-70b", "training_flop", 1.2e24, blog},    {"arctic", "training_flop", 7.1e22, blog},
          {"deepseek-v2", "accelerator_hours", 172800, blog}};
}

std::vector<Claim> read_claims(const CsvTable& table) {
  const auto model = table.column("model");
  std::vector<std::pair<std::size_t, std::string>> columns;
  for (const auto& [name, quantity] : {std::pair{"training_flop", "training_flop"},
                                       {"accelerator_hours", "accelerator_hours"},
                                       {"claimed_tco2e", "tco2e"},
                                       {"operational_tco2e", "tco2e"}})
    if (const auto column = table.find_column(name)) columns.emplace_back(*column, quantity);
  if (columns.empty())
    throw Error(Fault::BadInput,
                table.name() + ": none of the columns training_flop, accelerator_hours, claimed_tco2e");
  std::vector<Claim> claims;
  for (std::size_t r = 0; r < table.rows(); ++r)
    for (const auto& [column, quantity] : columns)
      if (const auto value = table.number(r, column)) {
        if (!(*value > 0)) table.reject(r, column, "must be positive");
        claims.push_back({std::string(table.text(r, model)), quantity, *value, table.name()});
      }
  return claims;
}

CohortTable cohort(const ModelCatalogue& models, const PublishedTable& published, const AcceleratorCatalogue& devices,
                   const GridCatalogue& grids, const std::vector<Claim>& claims, const PropagationOptions& options) {
  const MfuPrior prior(observed_runs(published.all(), devices));
  CohortTable result;
  for (const char* name : cohort_models)
    result.lines.push_back(line_of(name, models, published, devices, grids, prior, options));
  std::vector<std::string> claimed;
  double claimed_llama2 = 0;
  for (const Claim& claim : claims) {
    const ModelRecord* record = models.find(claim.model);
    const std::string name = record ? record->name : claim.model;
    claimed.push_back(comparable_name(name));
    if (claim.quantity == "tco2e" && name.starts_with("Llama-2-")) claimed_llama2 += claim.value;
    const auto of_model = [&](const CohortLine& line) { return comparable_name(line.model) == comparable_name(name); };
    auto line = std::find_if(result.lines.begin(), result.lines.end(), of_model);
    if (line == result.lines.end() && !record && published.find(claim.model).empty()) {
      if (std::find(result.not_compared.begin(), result.not_compared.end(), claim.model) == result.not_compared.end())
        result.not_compared.push_back(claim.model);
      continue;
    }
    if (line == result.lines.end()) {
      result.lines.push_back(line_of(claim.model, models, published, devices, grids, prior, options));
      line = result.lines.end() - 1;
    }
    compare(*line, claim);
  }
  if (claimed_llama2 == 0)  // the well-known table prints the cards' own tonnes
    for (const CohortLine& line : result.lines)
      if (line.model.starts_with("Llama-2-") && line.model != "Llama-2-34B")
        claimed_llama2 += line.operational_published_t.value_or(0);
  const bool about_llama2 = std::any_of(claimed.begin(), claimed.end(), [](const std::string& name) {
    return name.starts_with(comparable_name("Llama-2-"));
  });
  if (about_llama2 &&
      std::find(claimed.begin(), claimed.end(), comparable_name("Llama-2-34B")) == claimed.end()) {
    double all = 0;
    for (const CohortLine& line : result.lines)
      if (line.model.starts_with("Llama-2-")) all += line.operational_published_t.value_or(0);
    result.remarks.push_back(
        fmt::format("the table leaves out Llama-2-34B: its Llama 2 rows sum to {:.0f} t, the family to {:.0f} t",
                    claimed_llama2, all));
  }
  const bool none_metered = std::none_of(result.lines.begin(), result.lines.end(), [](const CohortLine& line) {
    return line.operational_published_t && line.is_metered;
  });
  if (none_metered)
    result.remarks.push_back("every published tonne here is device-hours x TDP x a constant: the owners meter nothing");
  return result;
}

}  // namespace isoflop::sim
