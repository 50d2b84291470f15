// isoflop kernel predict: what the built-in kernel would take on a calibrated machine, without running it.
#include <fmt/format.h>

#include <algorithm>

#include "apps/commands.h"
#include "apps/machine/kernel_options.h"
#include "isoflop/catalogue/csv_table.h"
#include "isoflop/number_text.h"
#include "isoflop/sha256.h"
#include "isoflop/sim/machine/machine_profile.h"

namespace isoflop::app {
namespace {

Value to_value(const sim::PredictedTime& t) {
  return Value::object({{"low", t.low_s}, {"central", t.seconds}, {"high", t.high_s}});
}

class KernelPredict : public Command {
 public:
  std::string name() const override { return "kernel predict"; }
  std::string summary() const override {
    return "Predict training steps and decoding of the built-in kernel from this machine's profile.";
  }
  std::string examples() const override {
    return "isoflop kernel predict machine_profile.json --layers 6 --width 384 --heads 6 --vocabulary 4096 --batch 8 "
           "--length 256\n"
           "isoflop kernel predict machine_profile.json --layers 12 --width 768 --heads 12 --precision bf16 -j 2 "
           "--explain\n"
           "isoflop calibrate --this-machine --write-profile .      writes that profile, once";
  }
  void declare(OptionSet& options) override {
    options.positional("PROFILE", profile_, "machine_profile.json, as isoflop calibrate --this-machine writes it");
    shape_.declare(options);
    options.group("Run");
    options.whole("--length", length_, "tokens per sequence; of the prompt, for decoding", 2, 1 << 20);
    options.whole("--batch", batch_, "sequences per batch", 1, 1 << 16);
    options.choice("--precision", precision_, {"fp32", "bf16"}, "arithmetic of training and of prompts");
    options.choice("--format", format_, {"fp32", "bf16", "int8", "int4"}, "of the weights that decoding reads");
  }

  Report run(const Settings& settings) override {
    const std::string text = read_file(profile_);
    const sim::MachineProfile profile = sim::machine_profile_from(parse_json(text, profile_));
    const Architecture architecture = shape_.architecture();
    const auto precision = precision_ == "bf16" ? sim::Precision::Bf16 : sim::Precision::Fp32;
    const auto format = format_ == "fp32"   ? sim::WeightFormat::Fp32
                        : format_ == "bf16" ? sim::WeightFormat::Bf16
                        : format_ == "int8" ? sim::WeightFormat::Int8
                                            : sim::WeightFormat::Int4;
    const int threads = settings.threads > 0 ? std::min(settings.threads, profile.threads) : profile.threads;
    const auto step = sim::predict_training_step(profile, architecture, batch_, length_, precision, threads);
    const auto prefill = sim::predict_prefill(profile, architecture, batch_, length_, precision);
    const auto decode = sim::predict_decode_step(profile, architecture, batch_, length_, format);
    Report report;
    report.inputs.push_back({profile_, sha256_hex(text), profile.ops.size(), 0});
    Value& r = report.result;
    const double tokens = static_cast<double>(batch_ * length_);
    r["threads"] = threads;
    r["step_time_s"] = step.seconds;
    r["step_time_s_interval"] = to_value(step);
    r["tokens_per_s"] = tokens / step.seconds;
    r["prefill_s"] = prefill.seconds;
    r["prefill_s_interval"] = to_value(prefill);
    r["decode_step_s"] = decode.seconds;
    r["decode_step_s_interval"] = to_value(decode);
    r["decode_tokens_per_s"] = static_cast<double>(batch_) / decode.seconds;
    const auto row = [&](const std::string& what, std::int64_t on, const sim::PredictedTime& t, double per) {
      return std::vector<TableCell>{what, on, 1e3 * t.seconds, 1e3 * t.low_s, 1e3 * t.high_s, per / t.seconds};
    };
    report.tables.push_back(
        {"Predicted",
         {{"what", "what", Align::Left},
          {"threads", "threads"},
          {"ms", "ms"},
          {"low", "low_ms", Align::Right, 3},
          {"high", "high_ms", Align::Right, 3},
          {"tokens/s", "tokens_per_s"}},
         {row("training step, " + precision_, threads, step, tokens), row("prefill, " + precision_, 1, prefill, tokens),
          row("decode step, " + format_, 1, decode, static_cast<double>(batch_))},
         "Interval: 90 %, from operations left out of the calibration."});
    ReportTable parts{
        "Where a training step goes",
        {{"kind of work", "kind", Align::Left}, {"ms", "ms"}, {"share %", "share_percent", Align::Right, 3}},
        {},
        ""};
    std::vector<std::pair<double, std::string>> order;
    for (const auto& [kind, seconds] : step.by_kind) order.emplace_back(-seconds, kind);
    std::sort(order.begin(), order.end());
    for (const auto& [negative, kind] : order)
      parts.rows.push_back({kind, -1e3 * negative, -100 * negative / step.seconds});
    report.explanation.push_back(parts);
    report.headline = fmt::format("{} ms per training step of {} tokens on {} {} ({} to {} ms): {} tokens/s.",
                                  format_number(1e3 * step.seconds, 3), format_count(tokens), threads,
                                  threads == 1 ? "thread" : "threads", format_number(1e3 * step.low_s, 3),
                                  format_number(1e3 * step.high_s, 3), format_number(tokens / step.seconds, 3));
    for (const auto* t : {&step, &prefill, &decode})
      for (const auto& kind : t->unknown) {
        const std::string warning =
            "\"" + kind + "\" was not calibrated: priced at the speed of light, interval a factor of 3";
        if (std::find(report.warnings.begin(), report.warnings.end(), warning) == report.warnings.end())
          report.warnings.push_back(warning);
      }
    report.assumptions.push_back({"machine", profile.processor + ", " + profile.instruction_set, "", profile_});
    if (settings.threads > profile.threads)
      report.warnings.push_back(fmt::format("the profile knows {} threads; more are not predicted", profile.threads));
    return report;
  }

 private:
  KernelShape shape_;
  std::string profile_, precision_ = "fp32", format_ = "fp32";
  long batch_ = 8, length_ = 128;
};

}  // namespace

std::unique_ptr<Command> make_kernel_predict() { return std::make_unique<KernelPredict>(); }

}  // namespace isoflop::app
