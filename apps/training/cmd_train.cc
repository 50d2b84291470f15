// `isoflop train`: FLOPs, memory, step time, utilisation, days, price, energy and carbon of a training run.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/catalogue/catalogue_report.h"
#include "apps/commands.h"
#include "apps/training/training_plots.h"
#include "apps/training/training_report.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/training/layout_search.h"
#include "isoflop/sim/training/memory_accuracy.h"
#include "isoflop/sim/training/training_simulation.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

class Train : public Command {
 public:
  std::string name() const override { return "train"; }
  std::string summary() const override {
    return "time, memory, utilisation, price, energy and carbon of a training run";
  }
  std::string examples() const override {
    return "isoflop train llama-3-70b --on h100-sxm-80gb --count 2048 --tokens 15T\n"
           "isoflop train llama-3-8b --on h100 --count 64 --tokens 1T --tp 1 --zero zero3 --recompute full --explain\n"
           "isoflop train arctic --on h100 --count 1024 --tokens 3.5T --search\n"
           "isoflop train deepseek-v3 --on h800 --count 2048 --tokens 14.8T --precision fp8\n"
           "isoflop train my-model.json --on a100 --count 8 --tokens 20B --grid FRA --json";
  }

  void declare(OptionSet& options) override {
    options.positional("model", model_,
                       "model of the catalogue, or a .json file (config.json or from `models import`)");
    options.text("--on", device_, "accelerator, e.g. h100-sxm-80gb");
    options.whole("--count", count_, "devices", 1, 10000000);
    options.number("--tokens", tokens_, "training tokens, e.g. 15T; default: those the catalogue states",
                   NumberRange::positive());
    options.choice("--precision", precision_, {"bf16", "fp16", "fp8", "fp4", "int8"},
                   "format of the large matrix products; default bf16, or fp16 where the accelerator has no bf16");
    options.whole("--sequence", sequence_, "tokens per sequence; default: the model's context, at most 8192", 1,
                  10000000);
    options.number("--batch-tokens", batch_tokens_, "tokens per step; default about 4 million",
                   NumberRange::positive());
    options.group("Layout (what is not given is searched for)");
    options.flag("--search", search_, "list the fastest layouts that fit");
    options.whole("--top", top_, "how many layouts --search lists", 1, 1000);
    options.whole("--tp", fixed_.tensor_, "tensor parallel size", 1, 1024);
    options.whole("--pp", fixed_.pipeline_, "pipeline stages", 1, 1024);
    options.whole("--vp", fixed_.interleave_, "pipeline chunks per device (interleaved schedule)", 1, 1024);
    options.whole("--cp", fixed_.context_, "context parallel size", 1, 1024);
    options.whole("--ep", fixed_.expert_, "expert parallel size", 1, 1024);
    options.whole("--micro-batch", fixed_.micro_, "sequences per replica and micro-batch", 1, 1000000);
    options.text("--recompute", recompute_, 
                 "none, selective (attention core; frees nothing with flash attention), elementwise (norms and "
                 "activation functions) or full; searched are none and full, with --attention eager also selective");
    options.text("--zero", sharding_, "none, zero1, zero2, zero3 (= fsdp)");
    options.group("Memory: what the training program keeps");
    options.choice("--optimizer", states_, {"mixed", "16bit", "autocast", "8bit"},
                   "weights and moments: 16-bit with 32-bit master and moments; all in 16 bits; all in 32 bits with "
                   "16-bit copies; moments in 8 bits");
    options.choice("--attention", attention_, {"flash", "eager"}, "eager keeps the scores, tokens squared times heads");
    options.choice("--memory-counts", counts_, {"needed", "allocated", "reserved", "process"},
                   "what the printed peak counts: what must fit; live tensors; with the allocator's cache; what "
                   "nvidia-smi shows");
    options.group("Efficiencies and overheads");
    options.flag("--uncalibrated", uncalibrated_, "data sheet and generic efficiencies only");
    options.text("--stack", stack_,
                 "software stack whose measured efficiencies to use, e.g. megatron-bridge, llm-foundry-bench");
    options.number("--overhead", overhead_, "share of the run's time for restarts, evaluation, checkpoints",
                   NumberRange::fraction());
    options.number("--routing-skew", skew_, "experts' popularity falls as rank^-skew", NumberRange::not_negative());
    options.group("Price");
    options.number("--price", price_, "USD per device-hour; default: the catalogue's", NumberRange::not_negative());
    place_.declare_site(options);
  }

  Report run(const Settings& settings) override {
    if (device_.empty()) throw Error(Fault::Usage, "--on is missing; name an accelerator such as h100-sxm-80gb");
    const NamedArchitecture model = named_architecture(model_, settings.data);
    const AcceleratorCatalogue accelerators = AcceleratorCatalogue::load(settings.data);
    const Accelerator& accelerator = accelerators.require(device_);
    TrainingRun run = describe_run(model, accelerator);
    const ResolvedTraining efficiencies = efficiencies_for(accelerator, settings);
    const SearchResult found = search(run, efficiencies, settings.threads);
    if (found.best.empty() && !found.smallest) refuse(run);
    const bool fits = !found.best.empty();
    run = fits ? found.best.front().run : found.smallest->run;
    const FrameworkMemory counted = framework_memory(*memory_count_named(counts_), run.program.allocator);
    const TrainingOutcome outcome = simulate_training(run, efficiencies, counted);

    Report report;
    report.command = "train";
    TrainingReportInput input{model, run, outcome, efficiencies, {}, {}};
    input.price_usd_per_hour = price_ ? price_ : accelerator.price_usd_per_hour;
    input.price_source = price_ ? "--price" : accelerator.price_source + " (" + accelerator.price_confidence + ")";
    add_training(report, input);
    add_cautions(report, input);
    add_published_runs(report, input, settings);
    add_training_footprint(report, input, place_, settings);
    if (search_) add_layouts(report, found, count_);
    else report.result["layouts_considered"] = found.candidates;
    const std::vector<MemoryVariant> variants = memory_variants(run, efficiencies.constants, counted);
    add_memory_choices(report, input, variants);
    report.plots = training_plots(input, counted, variants, search_ ? found.best : std::vector<FoundLayout>{});
    if (!fits)
      report.distrust = fmt::format("no layout fits in the {} of memory; shown is the one that needs least",
                                    format_bytes(accelerator.memory_bytes));
    report.inputs.push_back(input_of(model.origin, 1));
    report.inputs.push_back(input_of(accelerators.origin(), 1));
    report.assumptions.push_back(
        {"tokens per step", run.tokens_per_step(), "tokens", batch_tokens_ ? "given" : "assumed: about 4 million"});
    report.assumptions.push_back(
        {"sequence length", run.sequence_length, "tokens", sequence_ ? "given" : "the model's context, at most 8192"});
    report.assumptions.push_back(
        {"overhead of restarts, evaluation, checkpoints", run.overhead_fraction, "share of time",
         "Llama 3 reports over 90 % effective training time (arXiv:2407.21783, section 3.3.4)"});
    report.assumptions.push_back(
        {"cluster",
         fmt::format("{} devices per node, {} inside, {} between nodes, per device and direction",
                     run.cluster.devices_per_node, format_si(run.cluster.link_bytes_per_s, "B/s"),
                     format_si(run.cluster.network_bytes_per_s, "B/s")),
         "", run.cluster.source});
    report.assumptions.push_back({"efficiencies", efficiencies.origin, "", "data/training_profiles.csv"});
    report.assumptions.push_back(
        {"training program",
         fmt::format("optimiser {}, attention {}, peak memory counts what is {}", states_, attention_, counts_), "",
         "--optimizer, --attention, --memory-counts"});
    report.assumptions.push_back({"published peaks of memory over ours",
                                  fmt::format("{:.2f} to {:.2f}", published_peaks.low, published_peaks.high),
                                  "90 % of runs of sources left out", "data/training_memory.csv"});
    return report;
  }

 private:
  TrainingRun describe_run(const NamedArchitecture& model, const Accelerator& accelerator) const {
    TrainingRun run;
    run.architecture = model.architecture;
    run.accelerator = accelerator;
    run.cluster = default_cluster(accelerator);
    run.precision = precision_of(accelerator);
    const std::int64_t context = model.architecture.context_tokens;
    run.sequence_length = sequence_ ? *sequence_ : context > 0 ? std::min<std::int64_t>(context, 8192) : 4096;
    if (model.architecture.learned_positions > 0 && run.sequence_length > model.architecture.learned_positions)
      throw Error(Fault::Usage, fmt::format("--sequence: {} has {} learned positions, and {} tokens do not fit",
                                            model_, model.architecture.learned_positions, run.sequence_length));
    run.overhead_fraction = overhead_;
    if (run.overhead_fraction >= 1) throw Error(Fault::Usage, "--overhead: must be below 1");
    run.routing.skew = skew_;
    if (skew_ > 0 && !has_experts(model.architecture))
      throw Error(Fault::Usage, "--routing-skew: " + model_ + " has no experts");
    run.program.states = state_format_named(states_).value();
    run.program.flash_attention = attention_ == "flash";
    if (states_ == "16bit" || states_ == "8bit") run.gradient_bytes = 2;
    if (tokens_) run.tokens = *tokens_;
    else if (model.record && model.record->training_tokens)
      run.tokens = static_cast<double>(*model.record->training_tokens);
    else
      throw Error(Fault::Usage,
                  "--tokens is missing, and the catalogue does not know how many tokens " + model_ + " saw");
    run.global_batch = default_global_batch(count_, run.sequence_length);
    if (batch_tokens_) {
      run.global_batch = std::round(*batch_tokens_ / static_cast<double>(run.sequence_length));
      if (run.global_batch < 1)
        throw Error(Fault::Usage,
                    fmt::format("--batch-tokens: less than one sequence of {} tokens", run.sequence_length));
    }
    return run;
  }

  // What was asked for must be there; what was not asked for is the best 16-bit format.
  TrainingPrecision precision_of(const Accelerator& accelerator) const {
    if (precision_.empty()) return accelerator.bf16_flop_per_s ? TrainingPrecision::Bf16 : TrainingPrecision::Fp16;
    const TrainingPrecision precision = training_precision_named(precision_).value();
    if (!accelerator.peak_flop_per_s(compute_format(precision)))
      throw Error(Fault::Usage, fmt::format("accelerator {}: no {} peak is known", accelerator.id, precision_));
    return precision;
  }

  ResolvedTraining efficiencies_for(const Accelerator& accelerator, const Settings& settings) const {
    if (uncalibrated_) {
      if (!stack_.empty()) throw Error(Fault::Usage, "--uncalibrated and --stack exclude each other");
      return TrainingProfile::datasheet(accelerator);
    }
    const TrainingProfile profile = TrainingProfile::load(settings.data);
    const std::vector<std::string> stacks = profile.stacks();
    if (!stack_.empty() && std::find(stacks.begin(), stacks.end(), stack_) == stacks.end())
      throw unknown_name("software stack", stack_, stacks);
    return profile.resolve(accelerator.id, stack_);
  }

  SearchResult search(const TrainingRun& run, const ResolvedTraining& efficiencies, int threads) const {
    SearchRequest request;
    request.run = run;
    request.devices = count_;
    request.constants = efficiencies.constants;
    request.keep = static_cast<std::size_t>(top_);
    request.threads = threads;
    request.fixed = fixed_.sizes();
    if (!recompute_.empty()) {
      request.fixed.recompute = recompute_named(recompute_);
      if (!request.fixed.recompute) throw unknown_name("recomputation", recompute_, recompute_names());
    }
    if (!sharding_.empty()) {
      request.fixed.sharding = sharding_named(sharding_);
      if (!request.fixed.sharding)
        throw unknown_name("sharding", sharding_, {"none", "zero1", "zero2", "zero3", "fsdp"});
    }
    return search_layouts(request);
  }

  // Nothing is possible: say what stands against the layout that was asked for.
  [[noreturn]] void refuse(const TrainingRun& run) const {
    Layout l;
    const FixedSizes fixed = fixed_.sizes();
    l.tensor = fixed.tensor.value_or(1);
    l.pipeline = fixed.pipeline.value_or(1);
    l.interleave = fixed.interleave.value_or(1);
    l.context = fixed.context.value_or(1);
    l.expert = fixed.expert.value_or(1);
    l.micro_batch = fixed.micro_batch.value_or(1);
    const std::int64_t group = l.tensor * l.pipeline * l.context;
    if (count_ % group != 0)
      throw Error(Fault::Usage, fmt::format("{} devices do not divide by tp x pp x cp = {}", count_, group));
    l.data = count_ / group;
    const auto reason = why_not(l, run.architecture, run.sequence_length, run.global_batch);
    throw Error(Fault::Usage,
                "no such layout: " + reason.value_or("no combination of sizes is possible") +
                    fmt::format(" (batch of {} sequences; set it with --batch-tokens)", run.global_batch));
  }

  struct GivenSizes {
    std::optional<long> tensor_, pipeline_, interleave_, context_, expert_, micro_;
    FixedSizes sizes() const {
      FixedSizes f;
      const auto copy = [](const std::optional<long>& given, std::optional<std::int64_t>& to) {
        if (given) to = *given;
      };
      copy(tensor_, f.tensor);
      copy(pipeline_, f.pipeline);
      copy(interleave_, f.interleave);
      copy(context_, f.context);
      copy(expert_, f.expert);
      if (micro_) f.micro_batch = static_cast<double>(*micro_);
      return f;
    }
  };

  std::string model_, device_, precision_, recompute_, sharding_, stack_;
  std::string states_ = "mixed", attention_ = "flash", counts_ = "needed";
  long count_ = 8, top_ = 10;
  std::optional<long> sequence_;
  std::optional<double> tokens_, batch_tokens_, price_;
  double overhead_ = 0.1, skew_ = 0;
  FootprintOptions place_;
  bool search_ = false, uncalibrated_ = false;
  GivenSizes fixed_;
};

}  // namespace

std::unique_ptr<Command> make_train() { return std::make_unique<Train>(); }

}  // namespace isoflop::app
