#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "apps/commands.h"
#include "apps/machine/energy_report.h"
#include "apps/machine/kernel_options.h"
#include "isoflop/catalogue/csv_table.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/random.h"
#include "isoflop/sha256.h"
#include "isoflop/sim/kernel/checkpoint.h"
#include "isoflop/sim/kernel/decoder.h"
#include "isoflop/sim/kernel/read_bandwidth.h"
#include "isoflop/statistics.h"

namespace isoflop::app {
namespace {

double seconds_of(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The next token of each sequence, likeliest or drawn; only tokens that the tokenizer knows.
class NextTokens {
 public:
  NextTokens(double temperature, std::size_t batch, std::uint64_t seed, const std::optional<sim::BytePairs>& tokenizer)
      : temperature_(temperature) {
    for (std::size_t b = 0; b < batch; ++b) random_.emplace_back(seed, b);
    if (tokenizer) known_ = tokenizer->vocabulary();
  }
  std::vector<std::int32_t> operator()(const sim::View& logits) {
    std::vector<std::int32_t> ids;
    for (std::size_t b = 0; b < logits.rows; ++b) {
      const float *row = logits.row(b), *end = row + std::min(known_, logits.width), *top = std::max_element(row, end);
      if (temperature_ > 0) top = drawn(row, end, *top, random_[b].uniform());
      ids.push_back(static_cast<std::int32_t>(top - row));
    }
    return ids;
  }

 private:
  const float* drawn(const float* row, const float* end, float top, double uniform) const {
    const auto share = [&](float logit) {
      return std::exp((static_cast<double>(logit) - static_cast<double>(top)) / temperature_);
    };
    double total = 0;
    for (const float* at = row; at < end; ++at) total += share(*at);
    double left = uniform * total;
    const float* at = row;
    while (at + 1 < end && (left -= share(*at)) >= 0) ++at;
    return at;
  }
  double temperature_;
  std::size_t known_ = SIZE_MAX;
  std::vector<Random> random_;
};

// Half the distance between the quartiles over the median: how far repeats disagree.
double disagreement(const std::vector<double>& sample) {
  return sample.size() < 4 ? 0 : 0.5 * (quantile(sample, 0.75) - quantile(sample, 0.25)) / median(sample);
}

class KernelRun : public Command {
 public:
  std::string name() const override { return "kernel run"; }
  std::string summary() const override {
    return "Decode with a small transformer for real on this CPU: speed and MBU against measured bandwidth.";
  }
  std::string examples() const override {
    return "isoflop kernel run --layers 6 --width 288 --heads 6 --vocabulary 32000 --tied\n"
           "isoflop kernel run --layers 16 --width 2048 --heads 32 --kv-heads 8 --mlp-width 5632 --vocabulary 32000 "
           "--tied --format int8\n"
           "isoflop kernel run --layers 4 --width 512 --heads 8 --batch 4 --prompt 128 --generate 32 --json\n"
           "isoflop kernel run --checkpoint run.ckpt --prompt-text \"It was\" --temperature 0.8   what kernel train "
           "made";
  }
  void declare(OptionSet& options) override {
    shape_.declare(options);
    options.group("Run");
    options.text("--checkpoint", checkpoint_,
                 "of kernel train: its model, weights and tokenizer; options of the model are then not read");
    options.text("--prompt-text", prompt_text_, "prompt for a checkpoint of a text (default: --prompt random tokens)");
    options.number("--temperature", temperature_, "of drawing the next token; 0: always the likeliest",
                   NumberRange::not_negative());
    options.choice("--format", format_, {"fp32", "bf16", "int8", "int4"},
                   "of the weights that decoding reads (int8, int4: groups of 64)");
    options.whole("--batch", batch_, "sequences side by side", 1, 256);
    options.whole("--prompt", prompt_, "tokens of the prompt", 1, 1 << 20);
    options.whole("--generate", generate_, "tokens to decode", 4, 1 << 20);
    options.choice("--prefill", prefill_, {"fp32", "bf16"}, "arithmetic of the prompt's matrix products");
    options.number("--tdp", tdp_, "watts of the processor at full load, for energy where it is not counted",
                   NumberRange::positive());
    options.whole("--probe-mb", probe_mb_, "size of the buffer whose reading gives the bandwidth", 64, 1 << 16);
  }

  Report run(const Settings& settings) override {
    sim::TrainedModel model = model_of(settings.seed);
    const Architecture& architecture = model.architecture;
    const auto ids = prompts(model, settings.seed);
    sim::DecoderSettings s;
    s.batch = static_cast<std::size_t>(batch_);
    s.prompt = ids.size() / s.batch;
    s.capacity = s.prompt + static_cast<std::size_t>(generate_) + 1;
    s.format = format_ == "fp32"   ? sim::WeightFormat::Fp32
               : format_ == "bf16" ? sim::WeightFormat::Bf16
               : format_ == "int8" ? sim::WeightFormat::Int8
                                   : sim::WeightFormat::Int4;
    s.prefill_precision = prefill_ == "bf16" ? sim::Precision::Bf16 : sim::Precision::Fp32;
    s.threads = settings.threads;
    const auto layout = sim::weight_layout(architecture);
    sim::Decoder decoder(architecture, std::move(model.weights), s);
    sim::Crew crew(settings.threads);
    sim::ReadBandwidth probe(static_cast<std::size_t>(probe_mb_) << 20, crew);

    NextTokens choose(temperature_, s.batch, settings.seed, model.tokenizer);
    std::vector<std::int32_t> first_sequence;
    sim::View logits;
    std::vector<double> prefill_s, bandwidth, step_s, mbu;
    decoder.prefill(ids);
    for (int i = 0; i < 5; ++i) prefill_s.push_back(seconds_of([&] { logits = decoder.prefill(ids); }));
    const double prefill_flop = decoder.prefill_flop();
    const auto second = choose(logits);
    first_sequence.push_back(second.front());
    logits = decoder.decode(second);
    bandwidth.push_back(probe.measure());
    double bytes = 0, flop = 0;
    sim::EnergyMeter meter(tdp_.value_or(0));
    const long between = std::max(1L, generate_ / 16);
    for (long t = 1; t < generate_; ++t) {
      bytes = decoder.step_bytes();
      flop = decoder.decode_flop();
      const auto next = choose(logits);
      first_sequence.push_back(next.front());
      step_s.push_back(seconds_of([&] { logits = decoder.decode(next); }));
      if (t % between == 0) {
        meter.pause();
        bandwidth.push_back(probe.measure());
        meter.resume();
      }
      mbu.push_back(bytes / step_s.back() / bandwidth.back());
      settings.progress(static_cast<double>(t) / static_cast<double>(generate_), "decoding");
    }
    const auto energy = meter.read();
    const double step = median(step_s), prefill = median(prefill_s), prompt_tokens = static_cast<double>(ids.size());
    Report report;
    report.seed = settings.seed;
    Value& r = report.result;
    std::size_t parameters = 0;
    for (const auto& place : layout.places()) parameters += place.count;
    r["params"] = static_cast<std::int64_t>(parameters);
    r["format"] = format_;
    r["batch"] = batch_;
    r["decode_tokens_per_s"] = static_cast<double>(batch_) / step;
    r["decode_tokens_per_s_per_request"] = 1 / step;
    r["prefill_tokens_per_s"] = prompt_tokens / prefill;
    r["mbu"] = median(mbu);
    r["bandwidth_bytes_per_s"] = median(bandwidth);
    r["bytes_per_step"] = bytes;
    r["flops_per_s"] = flop / step;
    r["prefill_flops_per_s"] = prefill_flop / prefill;
    r["memory_bytes"] = static_cast<std::int64_t>(decoder.memory_bytes());
    r["threads"] = static_cast<std::int64_t>(crew.size());
    r["instruction_set"] = sim::instruction_set_name(sim::instruction_set());
    r["spread"] = Value::object({{"step", disagreement(step_s)}, {"bandwidth", disagreement(bandwidth)}});
    report.tables.push_back({"Measured on this machine",
                             {{"quantity", "quantity", Align::Left},
                              {"value", "value"},
                              {"unit", "unit", Align::Left},
                              {"spread %", "spread_percent", Align::Right, 2}},
                             {{std::string("decode"), static_cast<double>(batch_) / step, std::string("tokens/s"),
                               100 * disagreement(step_s)},
                              {std::string("time per step"), 1e3 * step, std::string("ms"), 100 * disagreement(step_s)},
                              {std::string("prefill"), prompt_tokens / prefill,
                               std::string("tokens/s"), 100 * disagreement(prefill_s)},
                              {std::string("prefill arithmetic"), prefill_flop / prefill / 1e9, std::string("GFLOP/s"),
                               100 * disagreement(prefill_s)},
                              {std::string("bytes per step"), bytes / 1e6, std::string("MB"), {}},
                              {std::string("read bandwidth, interleaved"), median(bandwidth) / 1e9, std::string("GB/s"),
                               100 * disagreement(bandwidth)},
                              {std::string("MBU"), 100 * median(mbu), std::string("%"), 100 * disagreement(mbu)}},
                             "spread: half the distance between the quartiles over the median"});
    report.headline = fmt::format(
        "{} parameters in {}: {} decoded tokens/s, {:.0f} % of the read bandwidth measured between the tokens ({:.1f} "
        "GB/s, {} threads).",
        format_count(static_cast<double>(parameters)), format_, format_number(static_cast<double>(batch_) / step, 3),
        100 * median(mbu), median(bandwidth) / 1e9, crew.size());
    if (!checkpoint_.empty()) {
      r["steps_trained"] = model.steps;
      r["token_ids"] = first_sequence;
      report.inputs.push_back({checkpoint_, sha256_hex(read_file(checkpoint_)), 0, 0});
    }
    if (model.tokenizer) {
      const std::string written = sim::printable(model.tokenizer->decode(first_sequence));
      r["text"] = written;
      report.messages.push_back("Written on" + (prompt_text_.empty() ? "" : " from \"" + prompt_text_ + "\"") + ": " +
                                written);
    }
    report.assumptions.push_back({"mbu",
                                  "bytes of the matrices as stored plus keys and values of the visible context, over "
                                  "time per step, over the read bandwidth measured "
                                  "in this process between the tokens",
                                  "", "definition after Databricks 2023, with measured bandwidth"});
    report_energy(report, energy, static_cast<double>(batch_ * (generate_ - 1)));
    if (architecture.layers.front().experts)
      report.warnings.push_back(
          "mixture of experts: the bytes per step count every expert; MBU is then an upper bound");
    if (bytes < 64e6)
      report.warnings.push_back("the weights may fit into a cache; MBU against memory bandwidth can exceed 100 %");
    if (disagreement(step_s) > 0.2 || disagreement(bandwidth) > 0.2)
      report.distrust = "repeats disagree by more than 20 %: another load on this machine? The figures are medians.";
    return report;
  }

 private:
  sim::TrainedModel model_of(std::uint64_t seed) const {
    if (!checkpoint_.empty()) return sim::read_model(checkpoint_);
    if (!prompt_text_.empty()) throw Error(Fault::Usage, "--prompt-text needs the --checkpoint of a run on a text");
    sim::TrainedModel model{shape_.architecture(), std::nullopt, {}, 0};
    const auto layout = sim::weight_layout(model.architecture);
    model.weights = sim::initial_weights(layout, model.architecture.layers.size(), seed);
    return model;
  }

  std::vector<std::int32_t> prompts(const sim::TrainedModel& model, std::uint64_t seed) const {
    std::vector<std::int32_t> ids;
    if (prompt_text_.empty()) {
      Random random(seed);
      const auto known = model.tokenizer ? model.tokenizer->vocabulary()
                                         : static_cast<std::size_t>(model.architecture.vocabulary);
      for (long i = 0; i < batch_ * prompt_; ++i) ids.push_back(static_cast<std::int32_t>(random.index(known)));
      return ids;
    }
    if (!model.tokenizer)
      throw Error(Fault::Usage, checkpoint_ + ": was not trained on a text; --prompt-text needs its tokenizer");
    const auto one = model.tokenizer->encode(prompt_text_);
    for (long b = 0; b < batch_; ++b) ids.insert(ids.end(), one.begin(), one.end());
    return ids;
  }

  KernelShape shape_;
  std::string format_ = "fp32", prefill_ = "fp32", checkpoint_, prompt_text_;
  double temperature_ = 0;
  std::optional<double> tdp_;
  long batch_ = 1, prompt_ = 64, generate_ = 32, probe_mb_ = 256;
};

}  // namespace

std::unique_ptr<Command> make_kernel_run() { return std::make_unique<KernelRun>(); }

}  // namespace isoflop::app
