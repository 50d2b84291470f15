// Layouts with experts spread over devices against published serving benchmarks in closed loop: time per output token.
// Nothing is fitted to these rows. Rows whose sizes contradict each other (tp other than moe_tp x moe_ep) are left out.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <memory>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/sim/serving/chunked_prefill.h"
#include "isoflop/sim/serving/serving.h"
#include "paths.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

struct Errors {
  std::vector<double> ratios;
  double covered = 0;
  void add(double measured, const Estimate& e) {
    ratios.push_back(e.central / measured);
    covered += e.low <= measured && measured <= e.high;
  }
  double mape() const {
    double sum = 0;
    for (const double r : ratios) sum += std::fabs(r - 1) / static_cast<double>(ratios.size());
    return 100 * sum;
  }
  double bias() const {
    double sum = 0;
    for (const double r : ratios) sum += std::log(r) / static_cast<double>(ratios.size());
    return std::exp(sum);
  }
  double inside() const { return 100 * covered / static_cast<double>(ratios.size()); }
};

const std::map<std::string, std::string> models = {{"deepseek-ai/DeepSeek-R1", "deepseek-v3"},  // the same shape
                                                   {"deepseek-ai/DeepSeek-V3", "deepseek-v3"},
                                                   {"Qwen/Qwen3-235B-A22B-FP8", "qwen3-235b-a22b"},
                                                   {"openai/gpt-oss-120b", "gpt-oss-120b"}};
const std::map<std::string, std::string> chips = {
    {"h100_sxm", "h100-sxm-80gb"}, {"h200_sxm", "h200-sxm-141gb"}, {"b200_sxm", "b200-sxm-180gb"}};

}  // namespace

TEST_SUITE("slow") {
  TEST_CASE("layouts of experts against measured closed loops with nothing fitted to them") {
    const std::string path = std::string(ground_truth_dir) + "/ground_truth/serving_dev.csv";
    if (!std::filesystem::exists(path)) {
      MESSAGE("skipped: " << path << " is not there");
      return;
    }
    const CsvTable table = CsvTable::read(path);
    const auto devices = AcceleratorCatalogue::load();
    const OpProfile profile = OpProfile::load();
    std::map<std::string, std::unique_ptr<StepPricer>> pricers;
    std::map<std::string, Errors> errors;
    for (std::size_t row = 0; row < table.rows(); ++row) {
      const auto text = [&](const char* column) { return std::string(table.text(row, table.column(column))); };
      const auto whole = [&](const char* column) { return table.whole(row, table.column(column)).value_or(1); };
      if (text("mode") != "agg" || text("metric") != "tpot" || !models.count(text("model")) ||
          !chips.count(text("hardware")))
        continue;
      ServingLoad load;
      load.tensor_parallel = whole("tp");
      load.expert_parallel = whole("moe_ep");
      load.batch = whole("concurrency");
      load.prompt = whole("isl");
      load.generate = whole("osl");
      const bool repeated = whole("attn_dp") > 1;
      if (repeated) load.attention = AttentionSplit::Data;
      const std::int64_t of_experts = whole("moe_tp") * load.expert_parallel;
      if (load.expert_parallel == 1 || whole("attn_dp") * load.tensor_parallel != of_experts) continue;
      if (repeated && (whole("moe_tp") > 1 || load.tensor_parallel > 1)) continue;
      const Accelerator& chip = devices.require(chips.at(text("hardware")));
      if (text("precision") == "fp8") {
        load.weights = WeightFormat::Fp8, load.arithmetic = Arithmetic::Fp8, load.kv = CacheFormat::Fp8;
      } else if (text("precision") == "fp4") {
        load.weights = chip.fp4_flop_per_s ? WeightFormat::Nvfp4 : WeightFormat::Mxfp4;
        if (chip.fp4_flop_per_s) load.arithmetic = Arithmetic::Fp4, load.kv = CacheFormat::Fp8;
      }
      auto& pricer = pricers[models.at(text("model")) + chip.id];
      if (!pricer)
        pricer = std::make_unique<StepPricer>(named_architecture(models.at(text("model")), {}).architecture, chip,
                                              profile);
      check(load, pricer->architecture());
      Estimate tpot = pricer->time(load, Step::decode(load.batch, load.prompt + load.generate / 2)).seconds;
      if (repeated) {
        // Each replica's own prompts, whole: pieces beside decoding are not modelled for this layout.
        const Estimate one = pricer->time(load, Step::prefill(1, load.prompt)).seconds;
        const double share = static_cast<double>(load.sequences_per_replica(load.batch) - 1) /
                             static_cast<double>(load.generate - 1);
        tpot = {tpot.low + share * one.low, tpot.central + share * one.central, tpot.high + share * one.high, {}};
      } else {
        tpot = chunked_serving(*pricer, load, std::max<std::int64_t>(8192, 2 * load.batch)).tpot_s;
      }
      errors[(repeated ? "attention dp, " : "attention tp, ") + models.at(text("model"))].add(
          table.required_number(row, table.column("value")) / 1e3, tpot);
    }
    for (const auto& [name, e] : errors)
      MESSAGE(name << ": n " << e.ratios.size() << ", MAPE " << e.mape() << " %, bias " << e.bias() << ", inside "
                   << e.inside() << " %");
    CHECK(errors["attention tp, qwen3-235b-a22b"].ratios.size() > 90);
    CHECK(errors["attention tp, qwen3-235b-a22b"].mape() < 32);
    CHECK(errors["attention tp, qwen3-235b-a22b"].inside() > 80);
  }
}
