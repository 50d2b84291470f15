#include "isoflop/sim/training/training_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "isoflop/error.h"
#include "isoflop/model/conventions.h"
#include "isoflop/model/parameters.h"
#include "isoflop/sim/training/benchmark_models.h"
#include "isoflop/sim/training/layout_search.h"
#include "isoflop/sim/training/table_fields.h"
#include "isoflop/sim/training/training_memory.h"
#include "isoflop/sim/training/training_time.h"

namespace isoflop::sim {
namespace {

using Refusal = TableRefusal;

constexpr double gibibytes = 1.073741824;  // "80 GB" of these devices' data sheets are 80 GiB

class RowReader {
 public:
  RowReader(const CsvTable& table, std::size_t row, const ModelCatalogue& models,
            const AcceleratorCatalogue& accelerators)
      : t_(table), row_(row), models_(models), accelerators_(accelerators) {}

  bool is_memory() const { return is_memory_metric(text("metric")); }

  TrainingMemorySample read_memory() {
    memory_ = true;
    TrainingMemorySample m;
    m.unit_bytes = bytes_of_unit(text("unit"));
    sample_.row_id = m.row_id = text("row_id");
    sample_.group = m.group = text("group");
    sample_.source = m.source = text("source");
    sample_.metric = m.metric = text("metric");
    m.measured = sample_.measured = t_.required_number(row_, t_.column("value"));
    if (!(m.measured > 0)) throw Refusal{"the measured value is not positive"};
    extra_ = parse_extra(text("extra"));
    refuse_by_extra();
    read_hardware();
    read_model();
    m.fine_tuning = is_fine_tuning(extra_);
    m.count = read_program(extra_, m.metric, text("sharding"), sample_.run, sample_.assumed);
    read_layout();
    choose_unstated();
    m.accelerator = sample_.accelerator;
    m.run = std::move(sample_.run);
    m.assumed = std::move(sample_.assumed);
    const double stated = number_in(extra_, "device_memory_gb");
    m.device_bytes = stated > 0 ? stated * 1e9 : m.run.accelerator.memory_bytes;
    m.device_bytes *= gibibytes;
    return m;
  }

  TrainingSample read() {
    sample_.row_id = text("row_id");
    sample_.group = text("group");
    sample_.source = text("source");
    sample_.metric = text("metric");
    sample_.measured = t_.required_number(row_, t_.column("value"));
    if (!(sample_.measured > 0)) throw Refusal{"the measured value is not positive"};
    extra_ = parse_extra(text("extra"));
    refuse_by_extra();
    read_hardware();
    read_model();
    read_layout();
    set_conversion();
    return std::move(sample_);
  }

 private:
  std::string text(const char* column) const { return std::string(t_.text(row_, t_.column(column))); }
  std::int64_t whole_or(const char* column, std::int64_t absent) const {
    const auto value = t_.number(row_, t_.column(column));
    return value ? static_cast<std::int64_t>(std::llround(*value)) : absent;
  }

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
    std::int64_t length = whole_or("seq_len", 0);
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

  // Rows that say nothing of sharding, recomputation or states: the least of each with which the run fits its device,
  // mixed precision before states in 16 bits.
  void choose_unstated() {
    TrainingRun& run = sample_.run;
    const bool sharding = text("sharding").empty() && run.layout.replicas() > 1, recompute = text("act_ckpt").empty(),
               states = word_in(extra_, "states").empty() && !run.layout.cpu_optimizer;
    const double gradient_bytes = run.gradient_bytes;
    const auto fits = [&] { return training_memory(run).peak.total() < run.accelerator.memory_bytes * gibibytes; };
    if (!sharding && !recompute && (!states || fits())) return;
    for (const StateFormat format : {StateFormat::Mixed, StateFormat::SixteenBit})
      for (const Sharding s : {Sharding::None, Sharding::Zero1, Sharding::Zero3})
        for (const Recompute r : {Recompute::None, Recompute::Full}) {
          if (states) {
            run.program.states = format;
            run.gradient_bytes = format == StateFormat::SixteenBit ? 2 : gradient_bytes;
          }
          if (sharding) run.layout.sharding = s;
          if (recompute) run.layout.recompute = r;
          if (!fits()) continue;
          sample_.assumed.push_back(
              "sharding, recomputation and format of the states, where a row states none: the least that fits");
          return;
        }
    if (states) {
      run.program.states = StateFormat::Mixed;
      run.gradient_bytes = gradient_bytes;
    }
  }

  // tpu-recipes leaves it out where the model has one usual length.
  static std::int64_t default_length(const std::string& model) {
    if (model.rfind("gpt3", 0) == 0) return 2048;
    if (model.rfind("deepseek", 0) == 0) return 4096;
    return 8192;
  }

  void read_layout() {
    TrainingRun& run = sample_.run;
    Layout& l = run.layout;
    const std::string source = sample_.source;
    if (source == "gpu-hours") return read_whole_run();
    const std::int64_t devices = whole_or("n_devices", 0);
    if (devices < 1) throw Refusal{"the number of devices is not stated"};
    l.tensor = whole_or("tp", 1);
    l.pipeline = whole_or("pp", 1);
    l.interleave = whole_or("vp", 1);
    l.context = whole_or("cp", 1);
    l.expert = whole_or("ep", 1);
    l.sequence_parallel = l.tensor > 1;
    const std::string sharding = text("sharding"), recompute = text("act_ckpt");
    if (sharding == "FULL_SHARD" || sharding == "ZeRO-3" || sharding == "FSDP" || sharding == "FSDP2")
      l.sharding = Sharding::Zero3;
    else if (sharding == "SHARD_GRAD_OP" || sharding == "ZeRO-2" || sharding.rfind("FSDP", 0) == 0)
      l.sharding = Sharding::Zero2;
    else if (sharding == "dist-opt" || sharding == "ZeRO-1") l.sharding = Sharding::Zero1;
    else l.sharding = Sharding::None;
    if (recompute == "full") l.recompute = Recompute::Full;
    else if (recompute == "seqsel" || recompute.rfind("selective", 0) == 0) l.recompute = Recompute::Selective;
    else if (recompute == "elementwise") l.recompute = Recompute::Elementwise;
    else l.recompute = Recompute::None;
    if (source.rfind("korthikanti", 0) == 0 && recompute == "full") l.sequence_parallel = false;
    if (source.rfind("narayanan", 0) == 0) l.sequence_parallel = false;
    if (word_in(extra_, "sequence_parallel") == "no") l.sequence_parallel = false;
    if (source == "ml-engineering-seqlen") l.cpu_optimizer = true;
    if (source == "llama3-tab4") {
      while (2 * l.pipeline * l.interleave <= static_cast<std::int64_t>(run.architecture.layers.size()) + 2)
        l.interleave *= 2;
      sample_.assumed.push_back(
          "interleaved pipeline with one or two layers per chunk for Llama 3, whose paper names the schedule but not "
          "the size");
    }
    if (source == "maxtext-tpu") read_maxtext();
    if (source == "tpu-recipes" || text("hardware").rfind("tpu", 0) == 0) {
      l.sharding = Sharding::Zero3;
      if (source != "maxtext-tpu") sample_.assumed.push_back("weights sharded over all devices for " + source);
    }
    const std::int64_t group = l.tensor * l.pipeline * l.context;
    if (devices % group != 0)
      throw Refusal{fmt::format("{} devices do not divide by tp x pp x cp = {}", devices, group)};
    l.data = devices / group;
    read_batch(devices);
    if (text("precision") == "bf16" && source == "llm-foundry-bench") run.gradient_bytes = 2;
    if (recompute == "recipe" || source == "tpu-recipes") choose_recompute();
    if (const auto reason = why_not(l, run.architecture, run.sequence_length, run.global_batch))
      throw Refusal{"layout: " + *reason};
  }

  // Batch, parallel sizes and rematerialisation of MaxText/configs/{v5e,v5p}/SIZE.sh.
  void read_maxtext() {
    struct Config {
      const char *chip, *model;
      std::int64_t tensor;
      double per_device;
      bool full;
    };
    static constexpr Config configs[] = {
        {"tpu-v5e", "maxtext-16b", 1, 6, true},   {"tpu-v5e", "maxtext-32b", 1, 4, true},
        {"tpu-v5e", "maxtext-64b", 1, 2, true},   {"tpu-v5e", "maxtext-128b", 16, 1, false},
        {"tpu-v5p", "maxtext-32b", 4, 7, false},  {"tpu-v5p", "maxtext-64b", 4, 3, false},
        {"tpu-v5p", "maxtext-128b", 8, 1, false}, {"tpu-v5p", "maxtext-256b", 8, 1, false},
        {"tpu-v5p", "maxtext-512b", 8, 2, true},  {"tpu-v5p", "maxtext-1024b", 8, 2, true}};
    for (const Config& c : configs)
      if (sample_.accelerator == c.chip && sample_.run.architecture.name == c.model) {
        Layout& l = sample_.run.layout;
        l.tensor = c.tensor;
        l.sequence_parallel = c.tensor > 1;
        l.micro_batch = c.per_device * static_cast<double>(c.tensor);
        l.recompute = c.full ? Recompute::Full : Recompute::None;
        // Each slice holds a copy of the model; slices are joined by the data-centre network.
        const double slices = std::max(1.0, number_in(extra_, "slices"));
        sample_.run.cluster.devices_per_node =
            static_cast<std::int64_t>(static_cast<double>(whole_or("n_devices", 1)) / slices);
        sample_.run.global_batch = c.per_device * static_cast<double>(whole_or("n_devices", 1));
        return;
      }
    throw Refusal{"the batch of this MaxText configuration is not known"};
  }

  void read_batch(std::int64_t devices) {
    TrainingRun& run = sample_.run;
    Layout& l = run.layout;
    const double micro = t_.number(row_, t_.column("micro_batch")).value_or(0);
    double batch = t_.number(row_, t_.column("global_batch")).value_or(run.global_batch > 1 ? run.global_batch : 0);
    if (const double tokens = number_in(extra_, "tokens_per_step"); batch <= 0 && tokens > 0)
      batch = std::round(tokens / static_cast<double>(run.sequence_length));
    if (batch <= 0 && memory_ && micro > 0) {
      batch = micro * static_cast<double>(l.data);
      sample_.assumed.push_back("one micro-batch per step, where a row states only the micro-batch");
    }
    if (batch <= 0) throw Refusal{fmt::format("the batch is not stated ({} devices)", devices)};
    run.global_batch = batch;
    if (micro > 0) {
      l.micro_batch = micro;
    } else if (sample_.source != "maxtext-tpu") {
      choose_micro_batch();
    }
  }

  // The largest of 1, 2, 4, 8 sequences that divides the batch and fits; one pass where there is no pipeline.
  void choose_micro_batch() {
    TrainingRun& run = sample_.run;
    Layout& l = run.layout;
    const double per_replica = run.global_batch / static_cast<double>(l.data);
    if (per_replica < 1) {
      // Fewer sequences than devices: a sequence is split over several of them.
      const auto pieces = static_cast<std::int64_t>(std::round(static_cast<double>(l.data) / run.global_batch));
      if (l.data % pieces != 0 || run.sequence_length % (2 * pieces) != 0)
        throw Refusal{"fewer sequences than devices"};
      l.data /= pieces;
      l.context *= pieces;
    }
    l.micro_batch = 1;
    for (const double candidate : {2.0, 4.0, 8.0}) {
      Layout trial = l;
      trial.micro_batch = candidate;
      if (why_not(trial, run.architecture, run.sequence_length, run.global_batch)) continue;
      TrainingRun larger = run;
      larger.layout = trial;
      if (training_memory(larger).peak.total() < 0.9 * run.accelerator.memory_bytes) l.micro_batch = candidate;
    }
    sample_.assumed.push_back(
        "micro-batch: the largest of 1, 2, 4, 8 sequences that fits in 90 % of memory, where a row states none");
  }

  // What recipes do not state: the least recomputation, then the least sharding, that fits.
  void choose_recompute() {
    TrainingRun& run = sample_.run;
    sample_.assumed.push_back(
        "recomputation: none, or full where that does not fit in memory, for recipes that do not state it");
    for (const Sharding sharding : {run.layout.sharding, Sharding::Zero3}) {
      for (const Recompute recompute : {Recompute::None, Recompute::Full}) {
        run.layout.sharding = sharding;
        run.layout.recompute = recompute;
        if (training_memory(run).peak.total() < run.accelerator.memory_bytes) return;
      }
      if (run.layout.pipeline > 1) break;
    }
  }

  // Device-hours from N, D and hardware alone: the layout is ours, of a cluster of usual size.
  void read_whole_run() {
    TrainingRun& run = sample_.run;
    sample_.whole_run = true;
    run.tokens = 1e12 * number_in(extra_, "tokens_T");
    if (!(run.tokens > 0)) throw Refusal{"the number of tokens is not stated"};
    // As many devices as finish in two months at 40 % of peak, and a batch that grows with the run, both powers of two.
    const double flops = 6 * static_cast<double>(count_parameters(run.architecture).active) * run.tokens;
    const double peak = run.accelerator.bf16_flop_per_s.value_or(run.accelerator.fp16_flop_per_s.value_or(0));
    auto devices =
        static_cast<std::int64_t>(std::exp2(std::round(std::log2(std::max(8.0, flops / (0.4 * peak * 60 * 86400))))));
    if (const std::int64_t stated = whole_or("n_devices", 0); stated > 0) devices = stated;
    else
      sample_.assumed.push_back(
          "whole runs: devices for two months at 40 % of peak, 4 million tokens per step (16 million above 3e24 FLOP), "
          "fastest layout that fits");
    run.global_batch =
        std::exp2(std::round(std::log2((flops > 3e24 ? 16e6 : 4e6) / static_cast<double>(run.sequence_length))));
    SearchRequest request;
    request.run = run;
    request.devices = devices;
    const auto found = search_layouts(request);
    if (found.best.empty()) throw Refusal{"no layout fits in memory"};
    run = found.best.front().run;
  }

  double flops_per_token(FlopConvention convention) const {
    const auto value = training_flops_per_token(sample_.run.architecture, sample_.run.sequence_length, convention);
    if (!value) throw Refusal{"the source's FLOP formula does not hold for this model"};
    return *value;
  }

  void set_conversion() {
    TrainingRun& run = sample_.run;
    const std::string& m = sample_.metric;
    const double devices = static_cast<double>(run.layout.devices());
    double peak = run.accelerator.bf16_flop_per_s.value_or(run.accelerator.fp16_flop_per_s.value_or(0));
    // llm-foundry divides by the peak of the format it computes in.
    if (sample_.source == "llm-foundry-bench")
      peak = run.accelerator.peak_flop_per_s(compute_format(run.precision)).value_or(peak);
    if (m == "tokens_per_s_per_device") return;
    sample_.inverse = m == "step_time" || m == "gpu_hours" || m == "train_days_300B_tokens";
    if (m == "step_time") {
      sample_.factor = run.tokens_per_step() / devices;
    } else if (m == "gpu_hours") {
      sample_.factor = run.tokens / 3600 / (1 - run.overhead_fraction);
    } else if (m == "train_days_300B_tokens") {
      sample_.factor = 300e9 / devices / 86400;
    } else if (m == "mfu") {
      sample_.factor = 100 * flops_per_token(convention_of_source()) / peak;
    } else if (m == "model_tflops_per_device") {
      sample_.factor = flops_per_token(convention_of_source()) / 1e12;
    } else if (m == "hw_tflops_per_device") {
      sample_.factor = flops_per_token(FlopConvention::MegatronRecompute) / 1e12;
    } else if (m == "hfu") {
      sample_.factor = 100 * hardware_flops_per_token() / peak;
    } else {
      throw Refusal{"metric \"" + m + "\" is not supported"};
    }
  }

  FlopConvention convention_of_source() const {
    const std::string& s = sample_.source;
    if (s == "llm-foundry-bench" || s == "maxtext-tpu" || s == "tpu-recipes") return FlopConvention::ExactFull;
    if (s.rfind("korthikanti", 0) == 0) return FlopConvention::MegatronModel;
    if (s.rfind("palm", 0) == 0) return FlopConvention::Palm;
    return FlopConvention::Exact;
  }

  // Korthikanti et al. 2022 add one forward pass of the attention core, counted twice: s/3d for s/6d.
  double hardware_flops_per_token() const {
    const double model = flops_per_token(FlopConvention::MegatronModel);
    const auto layers = static_cast<double>(sample_.run.architecture.layers.size());
    const auto d = static_cast<double>(sample_.run.architecture.width),
               s = static_cast<double>(sample_.run.sequence_length);
    return model + 72 * layers * d * d * s / (6 * d);
  }

  const CsvTable& t_;
  std::size_t row_;
  const ModelCatalogue& models_;
  const AcceleratorCatalogue& accelerators_;
  TrainingSample sample_;
  bool memory_ = false;
  ExtraFields extra_;
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
