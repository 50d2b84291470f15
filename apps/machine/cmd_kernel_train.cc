#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "apps/commands.h"
#include "apps/machine/energy_report.h"
#include "apps/machine/kernel_options.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/kernel/training_run.h"

namespace isoflop::app {
namespace {

PlotSpec loss_plot(const sim::TrainingRunResult& run, const std::string& source, const std::optional<double>& floor) {
  PlotSpec plot;
  plot.name = "loss";
  plot.title = "Training loss";
  plot.subtitle = fmt::format("{} parameters, {}", format_count(static_cast<double>(run.parameters)), source);
  plot.source = "Measured by isoflop kernel train on this machine.";
  plot.description = fmt::format("Loss per step, from {:.3f} to {:.3f} nats per token.", run.curve.front().loss,
                                 run.curve.back().loss);
  plot.x.title = "step";
  plot.y.title = "loss (nats per token)";
  LineLayer line;
  line.legend = "training batch";
  for (const auto& point : run.curve) {
    line.x.push_back(static_cast<double>(point.step));
    line.y.push_back(point.loss);
  }
  plot.lines.push_back(std::move(line));
  if (floor) plot.rules.push_back({"a perfect model", std::nullopt, *floor, Dash::Dashed});
  return plot;
}

constexpr long most_steps = 100000000;

class KernelTrain : public Command {
 public:
  std::string name() const override { return "kernel train"; }
  std::string summary() const override {
    return "Train a small transformer for real on this CPU: loss curve, speed, counted FLOP.";
  }
  std::string examples() const override {
    return "isoflop kernel train --layers 2 --width 64 --steps 200\n"
           "isoflop kernel train --layers 4 --width 256 --precision bf16 --length 256 --batch 8 -o loss.svg\n"
           "isoflop kernel train --experts 8 --wiring dense-hybrid --steps 100\n"
           "isoflop kernel train --latent 32 --latent-query 48 --steps 100                 MLA, as DeepSeek-V2\n"
           "isoflop kernel train --text book.txt --steps 2000 --checkpoint bytes.ckpt\n"
           "isoflop kernel train --text book.txt --tokenizer bpe --vocabulary 1024 --steps 2000 --checkpoint "
           "pairs.ckpt\n"
           "isoflop kernel run --checkpoint pairs.ckpt --prompt-text \"It was\" --temperature 0.8   writes on";
  }
  void declare(OptionSet& options) override {
    shape_.declare(options);
    options.group("Run");
    options.text("--source", source_,
                 "zipf-markov (exactly known entropy), hierarchy[:DEPTH[,RULES]] (needs depth, entropy known too) or a "
                 "text file, as --text");
    options.text("--text", text_, "file of any bytes to train on; its last tenth is held out");
    options.choice("--tokenizer", tokenizer_, {"bytes", "bpe"},
                   "of the text: its bytes, or byte pairs learnt from the part that is trained on");
    options.whole("--length", length_, "tokens per sequence", 2, 1 << 20);
    options.whole("--batch", batch_, "sequences per batch", 1, 1 << 16);
    options.whole("--accumulate", accumulate_, "batches whose gradients are added before an update", 1, 1 << 16);
    options.whole("--steps", steps_, "optimiser steps", 1, most_steps);
    options.number("--tokens", tokens_, "train on about this many tokens instead of --steps", NumberRange::positive());
    options.choice("--precision", precision_, {"fp32", "bf16"}, "arithmetic of the matrix products; weights stay fp32");
    options.number("--lr", rate_, "peak learning rate", NumberRange::positive());
    options.choice("--schedule", schedule_, {"cosine", "wsd", "constant"},
                   "learning rate after the warm-up (wsd: warm-up, stable, decay)");
    options.number("--warmup", warmup_, "fraction of steps that warm up", NumberRange::fraction());
    options.number("--weight-decay", decay_, "AdamW decay of matrices", NumberRange::not_negative());
    options.number("--clip", clip_, "largest gradient norm; 0: none", NumberRange::not_negative());
    options.number("--tdp", tdp_, "watts of the processor at full load, for energy where it is not counted",
                   NumberRange::positive());
    options.text("--checkpoint", checkpoint_,
                 "file to save to, and to continue from when it exists: the same command again after a stop");
    options.whole("--checkpoint-every", checkpoint_every_, "steps between checkpoints (and every half minute)", 1,
                  most_steps);
  }

  Report run(const Settings& settings) override {
    const auto source = make_source(settings.seed);
    sim::TrainingRunSettings s = run_settings(settings, *source);
    sim::EnergyMeter meter(tdp_.value_or(0));
    const auto result = sim::run_training(s, *source, [&](const sim::CurvePoint& point) {
      meter.sample();
      settings.progress(static_cast<double>(point.step + 1) / static_cast<double>(s.steps),
                        fmt::format("step {}, loss {:.3f}", point.step + 1, point.loss));
    });
    const auto energy = meter.read();
    Report report = report_of(s, result, *source, settings.seed);
    const auto steps = static_cast<double>(static_cast<std::int64_t>(result.curve.size()) - result.first_step);
    report_energy(report, energy, steps * static_cast<double>(s.sequences * s.length * s.micro_batches));
    return report;
  }

 private:
  std::unique_ptr<sim::TokenSource> make_source(std::uint64_t seed) {
    if (text_.empty() && !sim::is_generated_source(source_)) text_ = source_;
    else if (!text_.empty() && source_ != "zipf-markov") throw Error(Fault::Usage, "--text and --source: give one");
    if (text_.empty()) {
      if (tokenizer_ != "bytes") throw Error(Fault::Usage, "--tokenizer " + tokenizer_ + " needs a --text");
      return sim::token_source(source_, static_cast<std::size_t>(shape_.vocabulary.value_or(128)), seed);
    }
    const bool pairs = tokenizer_ == "bpe";
    auto source = sim::text_source(
        text_, seed, pairs ? static_cast<std::size_t>(shape_.vocabulary.value_or(1024)) : std::size_t{256});
    // A text that supports fewer pairs than asked for has a model with fewer rows.
    if (pairs) shape_.vocabulary = static_cast<long>(source->vocabulary());
    return source;
  }

  sim::TrainingRunSettings run_settings(const Settings& settings, const sim::TokenSource& source) const {
    sim::TrainingRunSettings s;
    s.architecture = shape_.architecture(static_cast<long>(source.vocabulary()));
    s.sequences = static_cast<std::size_t>(batch_);
    s.length = static_cast<std::size_t>(length_);
    s.micro_batches = static_cast<std::size_t>(accumulate_);
    s.steps = tokens_ ? steps_for(*tokens_) : steps_;
    s.precision = precision_ == "bf16" ? sim::Precision::Bf16 : sim::Precision::Fp32;
    s.optimiser.weight_decay = decay_;
    s.optimiser.clip_norm = clip_;
    s.schedule.kind = schedule_ == "cosine" ? sim::ScheduleKind::Cosine
                      : schedule_ == "wsd"  ? sim::ScheduleKind::WarmupStableDecay
                                            : sim::ScheduleKind::Constant;
    s.schedule.peak = rate_;
    s.schedule.warmup_fraction = warmup_;
    s.seed = settings.seed;
    s.threads = settings.threads;
    s.checkpoint = checkpoint_;
    s.checkpoint_every = checkpoint_every_;
    s.checkpoint_every_s = 30;
    return s;
  }

  long steps_for(double tokens) const {
    const double steps = std::round(tokens / static_cast<double>(batch_ * length_ * accumulate_));
    if (steps > static_cast<double>(most_steps))
      throw Error(Fault::Usage, fmt::format("--tokens {} are {} steps, more than {}", format_count(tokens),
                                            format_count(steps), most_steps));
    return std::max(1L, static_cast<long>(steps));
  }

  static Report report_of(const sim::TrainingRunSettings& s, const sim::TrainingRunResult& run,
                          const sim::TokenSource& source, std::uint64_t seed) {
    Report report;
    report.seed = seed;
    const double tokens =
        static_cast<double>(run.curve.size()) * static_cast<double>(s.sequences * s.length * s.micro_batches);
    Value& r = report.result;
    r["params"] = static_cast<std::int64_t>(run.parameters);
    r["tokens"] = tokens;
    r["steps"] = static_cast<std::int64_t>(run.curve.size());
    r["resumed_at_step"] = run.first_step;
    const bool good = run.diverged.empty();
    r["loss"] = r["loss_nats"] = good ? Value(run.held_out_loss) : Value();
    if (!good) r["loss_before_divergence_nats"] = run.held_out_loss;
    r["loss_of_perfect_model_nats"] = run.perfect_loss;
    r["entropy_rate_nats"] = source.entropy_rate();
    const auto bits = run.bits_per_byte();
    if (source.tokenizer()) {
      r["vocabulary"] = static_cast<std::int64_t>(source.vocabulary());
      r["bytes_per_token"] = run.bytes_per_token;
      r["loss_bits_per_byte"] = good && bits ? Value(*bits) : Value();
    }
    const bool timed = run.seconds > 0;
    const auto measured = [&](double value) { return timed ? Value(value) : Value(); };
    r["tokens_per_s"] = measured(run.tokens_per_s);
    r["flops_per_s"] = measured(run.executed_flop_per_s);
    r["model_flops_per_s"] = measured(run.model_flop_per_s);
    r["flops_counted"] = run.executed_flop_per_step * static_cast<double>(run.curve.size());
    r["model_flops_counted"] = run.model_flop_per_step * static_cast<double>(run.curve.size());
    r["memory_bytes"] = static_cast<std::int64_t>(run.memory_bytes);
    r["instruction_set"] = sim::instruction_set_name(sim::instruction_set());
    ReportTable curve{"Loss curve", {{"step", "step"}, {"loss, nats/token", "loss_nats_per_token", Align::Right, 5},
                      {"learning rate", "learning_rate"}, {"gradient norm", "gradient_norm"}}, {}, ""};
    Value points = Value::array();
    const std::size_t stride = std::max<std::size_t>(1, run.curve.size() / 20);
    for (std::size_t i = 0; i < run.curve.size(); ++i) {
      const auto& p = run.curve[i];
      points.push_back(Value::object({{"step", p.step},
                                      {"loss", p.loss},
                                      {"learning_rate", p.learning_rate},
                                      {"gradient_norm", p.gradient_norm}}));
      if (i % stride == 0 || i + 1 == run.curve.size())
        curve.rows.push_back({p.step, p.loss, p.learning_rate, p.gradient_norm});
    }
    r["curve"] = points;
    report.tables.push_back(std::move(curve));
    report.headline =
        good ? fmt::format("{} parameters on {} tokens reach {:.4f} nats/token on held-out text",
                           format_count(static_cast<double>(run.parameters)), format_count(tokens), run.held_out_loss)
             : fmt::format("Training {} parameters diverged after {} tokens: no loss to report",
                           format_count(static_cast<double>(run.parameters)), format_count(tokens));
    if (good && run.perfect_loss)
      report.headline += fmt::format(", {:.4f} above a perfect model", run.held_out_loss - *run.perfect_loss);
    if (good && bits)
      report.headline +=
          fmt::format(", {:.3f} bits/byte at {:.2f} bytes/token in a vocabulary of {}", *bits, *run.bytes_per_token,
                      source.vocabulary());
    report.headline += timed ? fmt::format("; {} tokens/s, {}.", format_count(run.tokens_per_s),
                                           format_si(run.model_flop_per_s, "FLOP/s of model arithmetic"))
                             : ".";
    report.assumptions.push_back(
        {"flop_convention",
         "model FLOP = 3 x matrix products of the forward pass, causal pairs counted once; executed FLOP adds "
         "norms, activations, softmax and the scores computed again in the backward pass",
         "", "op list of this program, counted"});
    if (run.perfect_loss)
      report.assumptions.push_back({"perfect_model", "mean -log P of the true law on the same held-out tokens",
                                    "nats/token", "the source's own transition table"});
    if (bits)
      report.assumptions.push_back({"bits_per_byte",
                                    "nats per token / ln 2 / bytes per token of the same held-out targets: comparable "
                                    "between tokenisations of one text, up to their windows",
                                    "bits/byte", "definition"});
    report.distrust = run.diverged;
    const double guessing = std::log(static_cast<double>(s.architecture.vocabulary));
    if (good && run.held_out_loss > guessing)
      report.warnings.push_back(fmt::format(
          "the loss is above that of guessing, ln {} = {:.4f}: too few steps, or too high a learning rate",
          s.architecture.vocabulary, guessing));
    if (run.first_step == s.steps)
      report.messages.push_back("The checkpoint held the whole run; nothing was trained now.");
    if (run.curve.size() > 1) report.plots.push_back(loss_plot(run, source.name(), run.perfect_loss));
    return report;
  }

  KernelShape shape_;
  std::string source_ = "zipf-markov", text_, tokenizer_ = "bytes", precision_ = "fp32", schedule_ = "cosine",
              checkpoint_;
  long length_ = 64, batch_ = 16, accumulate_ = 1, steps_ = 200, checkpoint_every_ = 100;
  std::optional<double> tokens_, tdp_;
  double rate_ = 5e-3, warmup_ = 0.05, decay_ = 0.1, clip_ = 1;
};

}  // namespace

std::unique_ptr<Command> make_kernel_train() { return std::make_unique<KernelTrain>(); }

}  // namespace isoflop::app
