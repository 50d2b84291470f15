#include "isoflop/sim/training/training_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "isoflop/error.h"
#include "isoflop/sim/training/benchmark_models.h"
#include "isoflop/sim/training/training_row.h"

namespace isoflop::sim {
namespace {

using Refusal = TableRefusal;

class RowReader {
 public:
  RowReader(const CsvTable& table, std::size_t row, const ModelCatalogue& models,
            const AcceleratorCatalogue& accelerators)
      : row_{table, row, {}}, models_(models), accelerators_(accelerators) {}

  bool is_memory() const { return is_memory_metric(text("metric")); }

  TrainingMemorySample read_memory() {
    row_.memory = true;
    TrainingMemorySample m;
    m.unit_bytes = bytes_of_unit(text("unit"));
    sample_.row_id = m.row_id = text("row_id");
    sample_.group = m.group = text("group");
    sample_.source = m.source = text("source");
    sample_.metric = m.metric = text("metric");
    m.measured = sample_.measured = row_.table.required_number(row_.row, row_.table.column("value"));
    if (!(m.measured > 0)) throw Refusal{"the measured value is not positive"};
    row_.extra = parse_extra(text("extra"));
    refuse_by_extra();
    read_hardware();
    read_model();
    m.fine_tuning = is_fine_tuning(row_.extra);
    m.count = read_program(row_.extra, m.metric, text("sharding"), sample_.run, sample_.assumed);
    read_layout(row_, sample_);
    choose_unstated(row_, sample_);
    m.accelerator = sample_.accelerator;
    m.run = std::move(sample_.run);
    m.assumed = std::move(sample_.assumed);
    const double stated = number_in(row_.extra, "device_memory_gb");
    m.device_bytes = stated > 0 ? stated * 1e9 : m.run.accelerator.memory_bytes;
    m.device_bytes *= gibibytes;
    return m;
  }

  TrainingSample read() {
    sample_.row_id = text("row_id");
    sample_.group = text("group");
    sample_.source = text("source");
    sample_.metric = text("metric");
    sample_.measured = row_.table.required_number(row_.row, row_.table.column("value"));
    if (!(sample_.measured > 0)) throw Refusal{"the measured value is not positive"};
    row_.extra = parse_extra(text("extra"));
    refuse_by_extra();
    read_hardware();
    read_model();
    read_layout(row_, sample_);
    set_conversion(sample_);
    return std::move(sample_);
  }

 private:
  std::string text(const char* column) const { return row_.text(column); }

  void refuse_by_extra() const {
    const std::string extra = text("extra");
    if (extra.find("task=LoRA") != std::string::npos) throw Refusal{"LoRA fine-tuning is not pre-training"};
    if (extra.find("task=SFT") != std::string::npos) throw Refusal{"fine-tuning on packed samples is not pre-training"};
    if (sample_.metric == "time_to_train") throw Refusal{"time to a quality target depends on the tokens it takes"};
  }

  void read_hardware() {
    const std::string hardware = text("hardware"), id = accelerator_id(hardware);
    const Accelerator* accelerator = accelerators_.find(id);
    if (!accelerator) throw Refusal{fmt::format("accelerator \"{}\" is not in the catalogue", hardware)};
    sample_.accelerator = accelerator->id;
    sample_.run.accelerator = *accelerator;
    sample_.run.cluster = default_cluster(*accelerator);
    sample_.run.precision = training_precision_of(text("precision"));
    if (sample_.run.precision == TrainingPrecision::Bf16 && !accelerator->bf16_flop_per_s)
      sample_.run.precision = TrainingPrecision::Fp16;
    if (!accelerator->bf16_flop_per_s && !accelerator->fp16_flop_per_s)
      throw Refusal{"no 16-bit peak of " + id + " is known"};
    if (!accelerator->peak_flop_per_s(compute_format(sample_.run.precision)))
      throw Refusal{fmt::format("no {} peak of {} is known", name_of(sample_.run.precision), id)};
    // Large published runs before 2023 are one stack: Megatron-LM on A100s.
    if (sample_.source.rfind("korthikanti", 0) == 0 || sample_.source.rfind("narayanan", 0) == 0)
      sample_.stack = "megatron-lm";
    else if (sample_.source.rfind("megatron-bridge", 0) == 0) sample_.stack = "megatron-bridge";
    else sample_.stack = sample_.source;
    if (sample_.source.rfind("narayanan", 0) == 0 && text("sharding") == "ZeRO-3") sample_.stack = "deepspeed-zero3";
  }

  void read_model() {
    const std::string model = sample_.model = text("model");
    if (model.rfind("Nemotron_3", 0) == 0) throw Refusal{"hybrid state-space models are not supported (" + model + ")"};
    std::int64_t length = row_.whole_or("seq_len", 0);
    if (length == 0) {
      length = default_length(model);
      sample_.assumed.push_back(fmt::format("sequence length {} for {}", length, model));
    }
    sample_.run.sequence_length = length;
    std::optional<Architecture> a;
    try {
      a = benchmark_architecture(model, length, models_);
    } catch (const Error& problem) {
      throw Refusal{problem.what()};
    }
    if (!a) throw Refusal{"the architecture of \"" + model + "\" is not known"};
    sample_.run.architecture = std::move(*a);
  }

  // tpu-recipes leaves it out where the model has one usual length.
  static std::int64_t default_length(const std::string& model) {
    if (model.rfind("gpt3", 0) == 0) return 2048;
    if (model.rfind("deepseek", 0) == 0) return 4096;
    return 8192;
  }

  TrainingRow row_;
  const ModelCatalogue& models_;
  const AcceleratorCatalogue& accelerators_;
  TrainingSample sample_;
};

// Rows that state the same configuration of one publication and metric but differ by more than a factor of two leave
// out what made the difference: none of them can be predicted from what is stated.
void refuse_contradictions(TrainingSamples& samples) {
  std::map<std::string, std::pair<double, double>> range;
  const auto key_of = [](const TrainingSample& s) {
    return fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}", s.group, s.metric, s.run.architecture.name, s.accelerator,
                       name_of(s.run.precision), s.run.sequence_length, s.run.global_batch, describe(s.run.layout),
                       s.run.layout.devices());
  };
  for (const TrainingSample& s : samples.samples) {
    auto [found, fresh] = range.try_emplace(key_of(s), s.measured, s.measured);
    found->second = {std::min(found->second.first, s.measured), std::max(found->second.second, s.measured)};
  }
  std::erase_if(samples.samples, [&](const TrainingSample& s) {
    const auto [low, high] = range.at(key_of(s));
    if (high <= 2 * low) return false;
    samples.refused.push_back(
        {s.row_id,
         fmt::format("contradictory: the same stated configuration is measured at {:.4g} and at {:.4g}", low, high)});
    return true;
  });
}

}  // namespace

TrainingSamples read_training_table(const CsvTable& table, const DataFolder& data) {
  for (const char* column : {"row_id",       "source",      "model", "hardware", "n_devices", "precision", "seq_len",
                             "global_batch", "micro_batch", "tp",    "pp",       "vp",        "cp",        "ep",
                             "sharding",     "act_ckpt",    "extra", "metric",   "value",     "group"})
    table.column(column);
  const ModelCatalogue models = ModelCatalogue::load(data);
  const AcceleratorCatalogue accelerators = AcceleratorCatalogue::load(data);
  TrainingSamples result;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    try {
      RowReader reader(table, row, models, accelerators);
      if (reader.is_memory()) result.memory.push_back(reader.read_memory());
      else result.samples.push_back(reader.read());
    } catch (const Refusal& refusal) {
      result.refused.push_back({std::string(table.text(row, table.column("row_id"))), refusal.reason});
    }
  }
  refuse_contradictions(result);
  return result;
}

}  // namespace isoflop::sim
