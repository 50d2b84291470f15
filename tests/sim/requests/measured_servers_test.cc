// The simulator against published serving benchmarks in closed loop. Nothing is fitted to serving rows: pass times rest
// on kernel measurements, the rest is scheduling. Dense models, one engine instance (not disaggregated).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/sim/requests/closed_form_passes.h"
#include "isoflop/sim/requests/request_metrics.h"
#include "isoflop/sim/requests/workload.h"
#include "paths.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

struct Key {
  std::string model, hardware, precision, measured_by, backend;
  std::int64_t isl, osl, concurrency, tp;
  auto operator<=>(const Key&) const = default;
};

struct Errors {
  std::vector<double> ratios;
  std::size_t covered = 0;
  void add(double measured, double low, double central, double high) {
    ratios.push_back(central / measured);
    covered += std::min({low, central, high}) <= measured && measured <= std::max({low, central, high});
  }
  double mape() const {
    double sum = 0;
    for (double r : ratios) sum += std::fabs(r - 1);
    return 100 * sum / static_cast<double>(ratios.size());
  }
  double median() const {
    std::vector<double> errors;
    for (double r : ratios) errors.push_back(100 * std::fabs(r - 1));
    std::nth_element(errors.begin(), errors.begin() + static_cast<std::ptrdiff_t>(errors.size() / 2), errors.end());
    return errors[errors.size() / 2];
  }
  double bias() const {
    double sum = 0;
    for (double r : ratios) sum += std::log(r);
    return std::exp(sum / static_cast<double>(ratios.size()));
  }
  std::string text() const {
    return "n " + std::to_string(ratios.size()) + ", MAPE " + std::to_string(mape()) + " %, median " +
           std::to_string(median()) + " %, bias " + std::to_string(bias()) + ", covered " +
           std::to_string(100.0 * static_cast<double>(covered) / static_cast<double>(ratios.size())) + " %";
  }
};

const std::map<std::string, std::string> model_names = {{"meta-llama/Llama-3.1-70B", "llama-3-70b"},  // the same shape
                                                        {"Qwen/Qwen3-32B", "qwen3-32b"},
                                                        {"meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"},
                                                        {"nvidia/Llama-3.1-8B-Instruct-FP8", "llama-3.1-8b"}};
const std::map<std::string, std::string> device_names = {
    {"h100_sxm", "h100-sxm-80gb"}, {"h200_sxm", "h200-sxm-141gb"}, {"b200_sxm", "b200-sxm-180gb"}};

}  // namespace

TEST_SUITE("slow") {
  TEST_CASE("closed loops of dense models against measured servers with nothing fitted to them") {
    const std::string path = std::string(ground_truth_dir) + "/ground_truth/serving_dev.csv";
    if (!std::filesystem::exists(path)) {
      MESSAGE("skipped: " << path << " is not there");
      return;
    }
    const CsvTable table = CsvTable::read(path);
    const auto text = [&](std::size_t row, const char* column) {
      return std::string(table.text(row, table.column(column)));
    };
    std::map<Key, std::map<std::string, double>> measured;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      const auto concurrency = table.whole(row, table.column("concurrency")), tp = table.whole(row, table.column("tp"));
      const std::string precision = text(row, "precision");
      if (text(row, "mode") != "agg" || !model_names.count(text(row, "model")) ||
          !device_names.count(text(row, "hardware")) || !concurrency || !tp)
        continue;
      if (!precision.empty() && precision != "fp8" && precision != "bf16") continue;
      measured[{text(row, "model"), text(row, "hardware"), precision, text(row, "measured_by"), text(row, "backend"),
                *table.whole(row, table.column("isl")), *table.whole(row, table.column("osl")), *concurrency, *tp}]
              [text(row, "metric")] = table.required_number(row, table.column("value")) / 1e3;
    }
    const auto devices = AcceleratorCatalogue::load();
    const OpProfile profile = OpProfile::load();
    std::map<std::string, Errors> errors;
    std::size_t no_room = 0;
    for (const auto& [key, values] : measured) {
      const Architecture architecture = named_architecture(model_names.at(key.model), {}).architecture;
      const Accelerator& device = devices.require(device_names.at(key.hardware));
      ServingLoad load;
      load.tensor_parallel = key.tp;
      if (key.precision == "fp8")
        load.weights = WeightFormat::Fp8, load.arithmetic = Arithmetic::Fp8, load.kv = CacheFormat::Fp8;
      // InferenceX draws lengths between 0.8 and 1 of nominal and sends ten requests per client; the latter is assumed
      // for the others, as it is that rows are means over requests.
      const bool drawn = key.measured_by == "InferenceX";
      WorkloadOptions workload;
      workload.requests = std::min<std::int64_t>(10 * key.concurrency, 2500);
      workload.prompt_mean = (drawn ? 0.9 : 1) * static_cast<double>(key.isl);
      workload.output_mean = (drawn ? 0.9 : 1) * static_cast<double>(key.osl);
      if (drawn) workload.lengths = LengthShape::Uniform, workload.spread = 1.0 / 9;
      EngineOptions engine;
      engine.step_tokens = std::max<std::int64_t>(8192, key.concurrency);  // the engines' usual setting (assumed)
      engine.max_sequences = std::max<std::int64_t>(256, key.concurrency);
      engine.blocks = cache_room(architecture, device, MemoryModel(architecture, device), load, engine.max_sequences,
                                 engine.step_tokens, engine.block_tokens)
                          .blocks;
      if (engine.blocks < blocks_of(engine, key.isl + key.osl)) {
        ++no_room;
        continue;
      }
      const StepPricer pricer(architecture, device, profile);
      const PassTables tables =
          price_passes(pricer, load, {engine.max_sequences, engine.step_tokens, key.isl + key.osl});
      const auto requests = make_requests(workload, 42);
      RequestMetrics low, central, high;
      for (const auto& [passes, into] :
           {std::pair{&tables.low, &low}, std::pair{&tables.central, &central}, std::pair{&tables.high, &high}})
        *into = request_metrics(serve_requests(*passes, engine, {}, requests, key.concurrency), requests, {});
      for (const auto& [metric, value] : values) {
        const LatencySummary RequestMetrics::* of = metric == "ttft" ? &RequestMetrics::ttft : &RequestMetrics::tpot;
        for (const std::string& group : {std::string("all"), key.hardware + " " + key.backend, key.model})
          errors[metric + " " + group].add(value, (low.*of).mean_s, (central.*of).mean_s, (high.*of).mean_s);
      }
    }
    for (const auto& [name, e] : errors) MESSAGE(name << ": " << e.text());
    MESSAGE("configurations without room: " << no_room);
    CHECK(errors["tpot all"].ratios.size() > 500);
    CHECK(errors["tpot all"].mape() < 17);
    CHECK(errors["ttft all"].mape() < 42);
    CHECK(static_cast<double>(errors["tpot all"].covered) >
          0.85 * static_cast<double>(errors["tpot all"].ratios.size()));
  }
}
