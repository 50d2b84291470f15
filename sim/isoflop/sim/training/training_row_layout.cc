#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoflop/model/parameters.h"
#include "isoflop/sim/training/layout_search.h"
#include "isoflop/sim/training/training_memory.h"
#include "isoflop/sim/training/training_row.h"

namespace isoflop::sim {
namespace {

class LayoutReader {
 public:
  LayoutReader(const TrainingRow& row, TrainingSample& sample) : row_(row), sample_(sample) {}

  void read_layout() {
    TrainingRun& run = sample_.run;
    Layout& l = run.layout;
    const std::string source = sample_.source;
    if (source == "gpu-hours") return read_whole_run();
    const std::int64_t devices = row_.whole_or("n_devices", 0);
    if (devices < 1) throw TableRefusal{"the number of devices is not stated"};
    l.tensor = row_.whole_or("tp", 1);
    l.pipeline = row_.whole_or("pp", 1);
    l.interleave = row_.whole_or("vp", 1);
    l.context = row_.whole_or("cp", 1);
    l.expert = row_.whole_or("ep", 1);
    l.sequence_parallel = l.tensor > 1;
    const std::string sharding = row_.text("sharding"), recompute = row_.text("act_ckpt");
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
    if (word_in(row_.extra, "sequence_parallel") == "no") l.sequence_parallel = false;
    if (source == "ml-engineering-seqlen") l.cpu_optimizer = true;
    if (source == "llama3-tab4") {
      while (2 * l.pipeline * l.interleave <= static_cast<std::int64_t>(run.architecture.layers.size()) + 2)
        l.interleave *= 2;
      sample_.assumed.push_back(
          "interleaved pipeline with one or two layers per chunk for Llama 3, whose paper names the schedule but not "
          "the size");
    }
    if (source == "maxtext-tpu") read_maxtext();
    if (source == "tpu-recipes" || row_.text("hardware").rfind("tpu", 0) == 0) {
      l.sharding = Sharding::Zero3;
      if (source != "maxtext-tpu") sample_.assumed.push_back("weights sharded over all devices for " + source);
    }
    const std::int64_t group = l.tensor * l.pipeline * l.context;
    if (devices % group != 0)
      throw TableRefusal{fmt::format("{} devices do not divide by tp x pp x cp = {}", devices, group)};
    l.data = devices / group;
    read_batch(devices);
    if (row_.text("precision") == "bf16" && source == "llm-foundry-bench") run.gradient_bytes = 2;
    if (recompute == "recipe" || source == "tpu-recipes") choose_recompute();
    if (const auto reason = why_not(l, run.architecture, run.sequence_length, run.global_batch))
      throw TableRefusal{"layout: " + *reason};
  }

  void choose_unstated() {
    TrainingRun& run = sample_.run;
    const bool sharding = row_.text("sharding").empty() && run.layout.replicas() > 1,
               recompute = row_.text("act_ckpt").empty(),
               states = word_in(row_.extra, "states").empty() && !run.layout.cpu_optimizer;
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

 private:
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
        const double slices = std::max(1.0, number_in(row_.extra, "slices"));
        sample_.run.cluster.devices_per_node =
            static_cast<std::int64_t>(static_cast<double>(row_.whole_or("n_devices", 1)) / slices);
        sample_.run.global_batch = c.per_device * static_cast<double>(row_.whole_or("n_devices", 1));
        return;
      }
    throw TableRefusal{"the batch of this MaxText configuration is not known"};
  }

  void read_batch(std::int64_t devices) {
    TrainingRun& run = sample_.run;
    Layout& l = run.layout;
    const double micro = row_.number("micro_batch").value_or(0);
    double batch = row_.number("global_batch").value_or(run.global_batch > 1 ? run.global_batch : 0);
    if (const double tokens = number_in(row_.extra, "tokens_per_step"); batch <= 0 && tokens > 0)
      batch = std::round(tokens / static_cast<double>(run.sequence_length));
    if (batch <= 0 && row_.memory && micro > 0) {
      batch = micro * static_cast<double>(l.data);
      sample_.assumed.push_back("one micro-batch per step, where a row states only the micro-batch");
    }
    if (batch <= 0) throw TableRefusal{fmt::format("the batch is not stated ({} devices)", devices)};
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
        throw TableRefusal{"fewer sequences than devices"};
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
    run.tokens = 1e12 * number_in(row_.extra, "tokens_T");
    if (!(run.tokens > 0)) throw TableRefusal{"the number of tokens is not stated"};
    // As many devices as finish in two months at 40 % of peak, and a batch that grows with the run, both powers of two.
    const double flops = 6 * static_cast<double>(count_parameters(run.architecture).active) * run.tokens;
    const double peak = run.accelerator.bf16_flop_per_s.value_or(run.accelerator.fp16_flop_per_s.value_or(0));
    auto devices =
        static_cast<std::int64_t>(std::exp2(std::round(std::log2(std::max(8.0, flops / (0.4 * peak * 60 * 86400))))));
    if (const std::int64_t stated = row_.whole_or("n_devices", 0); stated > 0) devices = stated;
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
    if (found.best.empty()) throw TableRefusal{"no layout fits in memory"};
    run = found.best.front().run;
  }

  const TrainingRow& row_;
  TrainingSample& sample_;
};

}  // namespace

void read_layout(const TrainingRow& row, TrainingSample& sample) { LayoutReader(row, sample).read_layout(); }
void choose_unstated(const TrainingRow& row, TrainingSample& sample) { LayoutReader(row, sample).choose_unstated(); }

}  // namespace isoflop::sim
