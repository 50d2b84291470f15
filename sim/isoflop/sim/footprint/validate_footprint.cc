#include "isoflop/sim/footprint/validate_footprint.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "isoflop/catalogue/model_architecture.h"
#include "isoflop/catalogue/models.h"
#include "isoflop/error.h"
#include "isoflop/model/parameters.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/footprint/inference_energy.h"
#include "isoflop/sim/footprint/mfu_prior.h"
#include "isoflop/sim/footprint/run_inputs.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

PredictedRow predicted_row(const std::string& id, const std::string& group, const std::string& metric,
                           const std::string& category, double measured, const Estimate& e) {
  return {id, group, metric, category, measured, e.central, e.low, e.high};
}

// ---- published training footprints

/// A table without our own columns (active parameters, ids, release dates) gets them from the model catalogue and our
/// own rows.
void complete(std::vector<PublishedFootprint>& rows, const DataFolder& data) {
  const auto models = ModelCatalogue::load(data);
  const auto ours = PublishedTable::load(data);
  for (auto& row : rows) {
    const ModelRecord* record = models.find(row.model_id.empty() ? row.model : row.model_id);
    for (const auto* known : ours.find(row.model))
      if (row.release_date.empty()) row.release_date = known->release_date;
    if (row.release_date.empty() && record) row.release_date = record->release_date;
    if (row.params_active) continue;
    for (const auto* known : ours.find(row.model))
      if (known->params_active) row.params_active = known->params_active;
    if (!row.params_active && record && record->is_mixture() && record->params_active())
      row.params_active = static_cast<double>(*record->params_active());
  }
}

std::string row_name(const PublishedFootprint& row) { return fmt::format("{}:{}", row.line, row.label()); }

std::string why_no_hours(const PublishedFootprint& row, const AcceleratorCatalogue& devices) {
  if (!row.accelerator_hours) return "no device-hours disclosed";
  if (!row.active() || !row.tokens) return "no parameters or tokens disclosed";
  if (!device_of(row, devices)) return "device not in the catalogue";
  if (!row.is_single_run()) return "one figure for several runs";
  if (row.energy_basis == "inconsistent") return "the row contradicts itself";
  if (row.model.starts_with("Llama-3.2")) return "pruned and distilled: its compute is not 6ND";
  return "MFU above 0.65: the columns cannot belong together";
}

ValidationResult validate_training(const ValidationRequest& request) {
  const auto devices = AcceleratorCatalogue::load(request.data);
  const auto grids = GridCatalogue::load(request.data);
  auto rows = PublishedTable::from(request.table).all();
  complete(rows, request.data);
  std::vector<PublishedFootprint> learn_from = rows;
  if (request.calibration) {
    learn_from = PublishedTable::from(*request.calibration).all();
    complete(learn_from, request.data);
  } else {
    // Our own table adds what it knows; a family in both is left out when predicted.
    for (const auto& row : PublishedTable::load(request.data).all())
      if (std::none_of(rows.begin(), rows.end(), [&](const auto& r) { return r.model == row.model; }))
        learn_from.push_back(row);
  }
  const MfuPrior prior(request.uncalibrated ? std::vector<ObservedRun>{} : observed_runs(learn_from, devices));
  const auto scored = observed_runs(rows, devices);

  ValidationResult result;
  result.category_heading = "device";
  result.method = request.uncalibrated ? "Device-hours from 6ND and a generic MFU of 0.32"
                  : request.calibration
                      ? "Device-hours from 6ND and the MFU of the calibration rows"
                      : "Device-hours from 6ND and the MFU of other runs, those of the same family and another size "
                            "included; device_hours_family_left_out without them";
  for (const auto& row : rows) {
    const Accelerator* device = device_of(row, devices);
    const auto run = std::find_if(scored.begin(), scored.end(), [&](const ObservedRun& r) {
      return r.model == row.model && r.family == row.family_group && row.accelerator_hours == r.device_hours;
    });
    if (run != scored.end()) {
      const auto add = [&](const std::string& metric, const MfuEstimate& mfu) {
        const double hours =
            device_hours_6nd(*row.active(), *row.tokens, *training_peak_flop_per_s(*device), mfu.median);
        const double spread = std::exp(normal_quantile(0.95) * mfu.sigma_ln);
        result.rows.push_back(predicted_row(row_name(row), row.family_group, metric, device->id,
                                            *row.accelerator_hours, {hours / spread, hours, hours * spread, ""}));
      };
      add("device_hours", request.calibration || request.uncalibrated
                              ? prior.estimate(*device, *row.active(), {}, row.release_date)
                              : prior.estimate_sibling(*device, *row.active(), row.family_group, row.release_date));
      if (!request.calibration && !request.uncalibrated)
        add("device_hours_family_left_out",
            prior.estimate(*device, *row.active(), {row.family_group}, row.release_date));
    } else {
      result.unsupported.push_back({row_name(row), "device-hours: " + why_no_hours(row, devices)});
    }
    // Metered energy: from hours (or N and D), chip and priors; the row's own energy and power are not shown.
    if (!row.is_measured() || !row.energy_mwh || !device || !row.is_single_run()) continue;
    PublishedFootprint blind = row;
    blind.energy_mwh.reset();
    blind.power_w_low.reset();
    blind.power_w_high.reset();
    blind.energy_basis = "hours_reported";
    if (!blind.accelerator_hours && !(blind.active() && blind.tokens)) continue;
    ActivityInputs inputs = inputs_of(blind, *device, grids, prior);
    if (row.energy_basis == "measured_gpu_power") inputs.host_factor.distribution = Distribution::fixed(1);
    const FootprintEstimate e = assess(inputs, {4096, request.seed, request.threads});
    const Estimate& kwh = row.energy_includes_pue.value_or(false) ? e.facility_kwh : e.it_kwh;
    result.rows.push_back(predicted_row(row_name(row), row.family_group, "energy_mwh", device->id, *row.energy_mwh,
                                        {kwh.low / 1e3, kwh.central / 1e3, kwh.high / 1e3, ""}));
  }
  result.assumptions.push_back(
      {"mfu_prior", "ln MFU = a + b ln(N/1e10) + 0.03 (years of the chip - 2) + family + noise", "",
       "learnt from published runs; the rate per year is assumed"});
  result.plots.push_back(predicted_against_measured(
      "footprint-hours", "Device-hours and energy, predicted and published", "hours or MWh", result.rows));
  return result;
}

// ---- measured serving energy

/// The catalogue record of a served checkpoint: the name, then shorter and shorter ("-FP8", "-Instruct" dropped).
const ModelRecord* record_of(const ModelCatalogue& models, std::string name) {
  for (int tries = 0; tries < 4; ++tries) {
    if (const auto* record = models.find(name)) return record;
    const auto dash = name.rfind('-');
    if (dash == std::string::npos) return nullptr;
    name.resize(dash);
  }
  return nullptr;
}

struct ServingTable {
  std::vector<MeasuredServing> rows;
  std::vector<bool> batch_known;
  std::vector<std::string> category;
  std::vector<UnsupportedRow> unsupported;
};

ServingTable read_serving(const CsvTable& t, const AcceleratorCatalogue& devices, const ModelCatalogue& models) {
  const auto model = t.column("model"), total = t.column("total_params_billion"),
             active = t.column("active_params_billion"), precision = t.column("precision"), gpu = t.column("gpu"),
             count = t.column("gpu_count"), batch = t.column("average_batch"),
             output = t.column("average_output_tokens"), energy = t.column("energy_j"), per = t.column("energy_per");
  const auto id = t.find_column("row_id"), most = t.find_column("max_concurrent_sequences"),
             prompt = t.find_column("average_prompt_tokens");
  ServingTable result;
  for (std::size_t r = 0; r < t.rows(); ++r) {
    const std::string name = id ? std::string(t.text(r, *id)) : "line " + std::to_string(t.line(r));
    const auto refuse = [&](const std::string& reason) { result.unsupported.push_back({name, reason}); };
    MeasuredServing row;
    row.id = name;
    row.model = t.text(r, model);
    if (t.text(r, per) != "output_token") {
      refuse("energy per " + std::string(t.text(r, per)) + ", not per output token");
      continue;
    }
    row.joules_per_token = t.required_number(r, energy);
    if (!(row.joules_per_token > 0)) t.reject(r, energy, "must be positive");
    const Accelerator* device = t.text(r, gpu).empty() ? nullptr : devices.find(t.text(r, gpu));
    if (!device || !device->tdp_w) {
      refuse("no device, or one without TDP");
      continue;
    }
    const ModelRecord* record = record_of(models, row.model);
    const auto params = t.number(r, total), active_params = t.number(r, active);
    if (!params && !(record && record->params_total())) {
      refuse("no parameter count");
      continue;
    }
    ServingPoint& p = row.point;
    p.device = device;
    p.params_total = params ? *params * 1e9 : static_cast<double>(*record->params_total());
    p.params_active = active_params ? *active_params * 1e9 : p.params_total;
    const std::string_view format = t.text(r, precision);
    p.bytes_per_weight =
        format.find("fp8") != std::string_view::npos || format.find("int8") != std::string_view::npos ? 1
        : format.find("fp4") != std::string_view::npos || format.find("int4") != std::string_view::npos ||
                format.find("mxfp4") != std::string_view::npos
            ? 0.53
            : 2;
    p.device_count = t.number(r, count).value_or(1);
    p.output_tokens = std::max(1.0, t.number(r, output).value_or(assumed_output_tokens));
    if (const auto tokens = prompt ? t.number(r, *prompt) : std::nullopt) p.prompt_tokens = std::max(0.0, *tokens);
    if (record && record->layers) {
      p.layers = static_cast<double>(*record->layers);
      try {
        p.kv_bytes_per_token = 2 * static_cast<double>(kv_elements_per_token(architecture_of(*record)));
      } catch (const Error&) {
        // no recount for this design: the size rule stands in
      }
    }
    std::optional<double> sequences = t.number(r, batch);
    if (!sequences && most) sequences = t.number(r, *most);
    p.batch = std::max(1.0, sequences.value_or(unknown_batch().median()));
    result.rows.push_back(row);
    result.batch_known.push_back(sequences.has_value());
    result.category.push_back(device->id);
  }
  return result;
}

Estimate interval_of(const Distribution& d) { return {d.quantile(0.05), d.median(), d.quantile(0.95), ""}; }

ValidationResult validate_serving(const ValidationRequest& request) {
  const auto devices = AcceleratorCatalogue::load(request.data);
  const auto models = ModelCatalogue::load(request.data);
  const ServingTable table = read_serving(request.table, devices, models);
  std::vector<MeasuredServing> learn_from;
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    if (table.batch_known[i]) learn_from.push_back(table.rows[i]);
  std::vector<std::string> names;
  for (const auto& row : learn_from)
    if (std::find(names.begin(), names.end(), row.model) == names.end()) names.push_back(row.model);

  ValidationResult result;
  result.category_heading = "device";
  result.unsupported = table.unsupported;
  const InferenceConstants shipped;
  const bool leave_out = !request.uncalibrated && !request.calibration && names.size() >= 4 && learn_from.size() >= 16;
  InferenceConstants fixed = shipped;
  if (request.calibration) {
    fixed = fit_inference(read_measured_serving(*request.calibration, devices, request.data), request.seed);
  }
  result.method = leave_out             ? "Joules per token from constants fitted to the other models of the file"
                  : request.calibration ? "Joules per token from constants fitted to the calibration rows only"
                                        : "Joules per token from the shipped constants (" + shipped.source + ")";
  std::vector<double> rival;
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const MeasuredServing& row = table.rows[i];
    InferenceConstants constants = fixed;
    if (leave_out) {
      std::vector<MeasuredServing> others;
      for (const auto& other : learn_from)
        if (other.model != row.model) others.push_back(other);
      constants = fit_inference(others, request.seed);
    }
    if (table.batch_known[i])
      result.rows.push_back(predicted_row(row.id, row.model, "joules_per_token", table.category[i],
                                          row.joules_per_token,
                                          interval_of(token_energy_distribution(row.point, constants))));
    ServingPoint blind = row.point;
    result.rows.push_back(predicted_row(row.id, row.model, "joules_per_token_batch_unknown", table.category[i],
                                        row.joules_per_token,
                                        interval_of(token_energy_distribution_any_batch(blind, constants))));
    rival.push_back(std::fabs(
        ecologits_joules_per_token(row.point.params_total, row.point.params_active) / row.joules_per_token - 1));
  }
  if (!rival.empty())
    result.warnings.push_back(fmt::format("EcoLogits as shipped on the same {} rows: median error {} %", rival.size(),
                                          format_number(100 * median(rival), 3)));
  result.assumptions.push_back(
      {"prompt_tokens", assumed_prompt_tokens, "token", "assumed where the table has no average_prompt_tokens"});
  result.assumptions.push_back({"batch_when_unknown", unknown_batch().text(), "sequences", "assumed"});
  std::vector<PredictedRow> known;
  for (const auto& row : result.rows)
    if (row.metric == "joules_per_token") known.push_back(row);
  if (!known.empty())
    result.plots.push_back(
        predicted_against_measured("footprint-joules", "Accelerator energy per output token", "J", known));
  return result;
}

}  // namespace

std::vector<MeasuredServing> read_measured_serving(const CsvTable& table, const AcceleratorCatalogue& devices,
                                                   const DataFolder& data) {
  const ServingTable read = read_serving(table, devices, ModelCatalogue::load(data));
  std::vector<MeasuredServing> known;
  for (std::size_t i = 0; i < read.rows.size(); ++i)
    if (read.batch_known[i]) known.push_back(read.rows[i]);
  return known;
}

ValidationResult validate_footprint(const ValidationRequest& request) {
  if (request.table.find_column("energy_j")) return validate_serving(request);
  if (request.table.find_column("accelerator_hours")) return validate_training(request);
  throw Error(Fault::BadInput,
              request.table.name() +
                  ": neither a table of published footprints (accelerator_hours) nor of serving energy (energy_j)");
}

}  // namespace isoflop::sim
