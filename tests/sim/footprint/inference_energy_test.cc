#include "isoflop/sim/footprint/inference_energy.h"

#include <filesystem>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/sim/footprint/validate_footprint.h"
#include "isoflop/statistics.h"
#include "paths.h"
#include "sim/footprint/printed.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

const AcceleratorCatalogue& devices() {
  static const AcceleratorCatalogue loaded = AcceleratorCatalogue::load();
  return loaded;
}

ServingPoint llama8b(double batch) {
  ServingPoint p;
  p.params_total = p.params_active = 8.03e9;
  p.layers = 32;
  p.kv_bytes_per_token = 131072;
  p.device = &devices().require("h100-sxm-80gb");
  p.batch = batch;
  return p;
}

std::string dev_rows() { return std::string(ground_truth_dir) + "/ground_truth/inference_energy_dev.csv"; }

}  // namespace

TEST_CASE("at batch one and no waiting, energy is that of reading the weights: TDP x bytes / bandwidth") {
  InferenceConstants only_bytes{1, 0, 0, 0, 0.1, ""};
  auto p = llama8b(1);
  CHECK(agrees(token_energy(p, only_bytes).weights_j, 700 * 2 * 8.03e9 / 3.35e12, 10));
  p.bytes_per_weight = 1;
  CHECK(agrees(token_energy(p, only_bytes).weights_j, 700 * 8.03e9 / 3.35e12, 10));
}

TEST_CASE(
    "parts sum to the total; weights fall with the batch, cache and arithmetic do not; prefill grows with the prompt") {
  const auto one = token_energy(llama8b(1)), many = token_energy(llama8b(64));
  CHECK(agrees(one.weights_j, 64 * many.weights_j, 10));
  CHECK(agrees(one.cache_j, many.cache_j, 10));
  CHECK(agrees(one.arithmetic_j, many.arithmetic_j, 10));
  auto longer = llama8b(64);
  longer.prompt_tokens *= 3;
  CHECK(agrees(token_energy(longer).prefill_j, 3 * many.prefill_j, 10));
  const double sum =
      many.weights_j + many.cache_j + many.prefill_j + many.arithmetic_j + many.layers_j + many.host_wait_j;
  CHECK(agrees(many.total_j(), sum, 14));
}

TEST_CASE("a mixture of experts reads its active weights for one sequence and nearly all for many") {
  InferenceConstants only_bytes{1, 0, 0, 0, 0.1, ""};
  auto p = llama8b(1);
  p.params_total = 30e9;
  p.params_active = 3e9;
  CHECK(agrees(token_energy(p, only_bytes).weights_j, 700 * 2 * 3e9 / 3.35e12, 10));
  p.batch = 256;
  CHECK(agrees(256 * token_energy(p, only_bytes).weights_j, 700 * 2 * 30e9 / 3.35e12, 4));
}

TEST_CASE("an unmeasured device, a mixture and an unknown batch each widen the interval") {
  const auto width = [](const Distribution& d) { return d.quantile(0.95) / d.quantile(0.05); };
  auto p = llama8b(64);
  const double dense = width(token_energy_distribution(p));
  p.device = &devices().require("mi300x");
  CHECK(width(token_energy_distribution(p)) > dense);
  p = llama8b(64);
  p.params_active = 1e9;
  CHECK(width(token_energy_distribution(p)) > dense);
  CHECK(width(token_energy_distribution_any_batch(llama8b(64))) > 5 * dense);
}

TEST_CASE(
    "anchors: Llama-3.1-8B on one H100 0.455 J at batch 8 and 0.077 at 256, 70B on four 3.76 to 0.48, within 30 %") {
  const auto close = [](double actual, double expected) { CHECK(std::fabs(actual / expected - 1) < 0.30); };
  auto p = llama8b(8);
  p.output_tokens = 389;
  close(token_energy(p).total_j(), 0.455);
  p.batch = 256;
  close(token_energy(p).total_j(), 0.0766);
  p.params_total = p.params_active = 70.6e9;
  p.layers = 80;
  p.kv_bytes_per_token = 327680;
  p.device_count = 4;
  p.output_tokens = 350;
  p.batch = 8;
  close(token_energy(p).total_j(), 3.76);
  p.batch = 256;
  close(token_energy(p).total_j(), 0.479);
}

TEST_CASE(
    "idle capacity: 648 J per request saturated become 12.9 kJ, twenty times, when a server works 3 % of its time") {
  CHECK(printed_to(with_idle_capacity_j(648, 0.03, 0.585) / 1e3, 1) == "13");
  CHECK(printed(12888.0 / 648, 0) == "20");
  CHECK(with_idle_capacity_j(648, 1, 0.6) == 648);
  CHECK_THROWS_AS(with_idle_capacity_j(648, 0, 0.6), Error);
}

TEST_CASE("EcoLogits as shipped: an 8B model on one GPU 0.162 J, a 70B on four") {
  const double one = (1.16653e-6 * std::exp(-0.0112059 * 64) * 8 + 4.05293e-5) * 3600;
  CHECK(agrees(ecologits_joules_per_token(8e9, 8e9), one, 12));
  CHECK(agrees(ecologits_joules_per_token(70e9, 70e9) / 4,
               (1.16653e-6 * std::exp(-0.0112059 * 64) * 70 + 4.05293e-5) * 3600, 12));
}

TEST_CASE("a serving point without power, with batch zero or more active than total parameters is refused") {
  auto p = llama8b(0.5);
  CHECK_THROWS_AS(token_energy(p), Error);
  p = llama8b(1);
  p.params_active = 9e9;
  CHECK_THROWS_AS(token_energy(p), Error);
  p = llama8b(1);
  p.device = &devices().require("tpu-v5e");
  CHECK_THROWS_AS(token_energy(p), Error);
}

TEST_CASE("constants are recovered from noise-free rows made with other constants") {
  const InferenceConstants truth{0.8, 1.1, 80e-6, 20e-6, 0, ""};
  std::vector<MeasuredServing> rows;
  for (double size : {1e9, 3e9, 8e9, 30e9, 70e9})
    for (double batch : {1.0, 8.0, 64.0, 512.0}) {
      MeasuredServing row;
      row.model = std::to_string(size);
      row.id = row.model + std::to_string(batch);
      row.point = llama8b(batch);
      row.point.params_total = row.point.params_active = size;
      row.point.layers = 0;
      row.point.kv_bytes_per_token = 0;
      row.joules_per_token = token_energy(row.point, truth).total_j();
      rows.push_back(row);
    }
  const auto fitted = fit_inference(rows);
  CHECK(agrees(fitted.bytes, truth.bytes, 2));
  CHECK(agrees(fitted.flop, truth.flop, 1.8));
  CHECK(agrees(fitted.layer_s, truth.layer_s, 2));
  CHECK(agrees(fitted.token_s, truth.token_s, 2));
  CHECK(fitted.sigma_ln < 0.02);
}

TEST_CASE("the shipped constants are what our code fits to the measured configurations") {
  if (!std::filesystem::exists(dev_rows())) {
    MESSAGE("skipped: no " << dev_rows());
    return;
  }
  const auto catalogue = AcceleratorCatalogue::load();
  const auto rows = read_measured_serving(CsvTable::read(dev_rows()), catalogue, {});
  CHECK(rows.size() == 35);
  const auto fitted = fit_inference(rows);
  const InferenceConstants shipped;
  MESSAGE("bytes ", fitted.bytes, " flop ", fitted.flop, " layer ", fitted.layer_s * 1e6, " us token ",
          fitted.token_s * 1e6, " us sigma ", fitted.sigma_ln);
  CHECK(agrees(shipped.bytes, fitted.bytes, 1.7));
  CHECK(agrees(shipped.flop, fitted.flop, 1.7));
  CHECK(agrees(shipped.layer_s, fitted.layer_s, 1.7));
  CHECK(agrees(shipped.token_s, fitted.token_s, 1.7));
  CHECK(agrees(shipped.sigma_ln, fitted.sigma_ln, 1));
}

TEST_CASE(
    "joules per token, each model predicted without it: median error within 20 % with the batch and 50 % without") {
  if (!std::filesystem::exists(dev_rows())) {
    MESSAGE("skipped: no " << dev_rows());
    return;
  }
  const auto result = validate_footprint({CsvTable::read(dev_rows()), {}, false, {}, 42, 0});
  std::vector<PredictedRow> with, without;
  for (const auto& row : result.rows) (row.metric == "joules_per_token" ? with : without).push_back(row);
  const auto known = accuracy_of(with), unknown = accuracy_of(without);
  MESSAGE("n ", known.n, ": median ", known.median, " %, coverage ", *known.coverage, "; batch unknown ",
          unknown.median, " %, coverage ", *unknown.coverage);
  CHECK(known.n == 35);
  CHECK(known.median < 20);
  CHECK(*known.coverage >= 0.85);
  CHECK(unknown.median < 50);
  CHECK(*unknown.coverage >= 0.85);
  CHECK(result.unsupported.size() == 5);
}

TEST_CASE("a table of neither kind is refused, and an unmetered one is told what it lacks") {
  CHECK_THROWS_AS(validate_footprint({CsvTable::parse("a,b\n1,2\n", "t.csv"), {}, false, {}, 42, 0}), Error);
  CHECK_THROWS_AS(validate_footprint({CsvTable::parse("model,energy_j\nx,1\n", "t.csv"), {}, false, {}, 42, 0}), Error);
}
