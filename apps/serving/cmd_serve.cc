// `serve`: latency, throughput, memory, energy and price of a served model in closed form, and the inverse questions;
// request by request with a load of requests (request_simulation.h).
#include <fmt/format.h>

#include "apps/catalogue/catalogue_report.h"
#include "apps/serving/chunked_report.h"
#include "apps/serving/request_simulation.h"
#include "apps/serving/serve_commands.h"
#include "apps/serving/serve_footprint.h"
#include "apps/serving/serve_options.h"
#include "apps/serving/serve_plots.h"
#include "apps/serving/serve_questions.h"
#include "apps/serving/serve_report.h"
#include "apps/serving/speculation_options.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/engines/engine_serving.h"
#include "isoflop/sim/footprint/inference_energy.h"

namespace isoflop::app {
namespace {

using namespace isoflop::sim;

class ServeCommand : public Command {
 public:
  std::string name() const override { return "serve"; }
  std::string summary() const override { return "latency, throughput, memory, energy and price of serving a model"; }
  std::string examples() const override {
    return "isoflop serve llama-3-8b --on h100 --batch 32\n"
           "isoflop serve llama-3-70b --on h100 --tp 4 --weights fp8 --compute fp8 --explain\n"
           "isoflop serve llama-3-70b --on h200 --tp 4 --weights fp8 --compute fp8 --engine vllm --batch 32   as its "
           "published runs behave\n"
           "isoflop serve phi-3-mini --on iphone-14-pro --weights int4 --prompt 256\n"
           "isoflop serve mixtral-8x7b --on a100 --tp 2 --max-batch\n"
           "isoflop serve arctic --fits                        which machines can hold it at all\n"
           "isoflop serve llama-3.1-405b --on h100 --tp 8 --pp 2 --batch 32       two nodes, layers in two stages\n"
           "isoflop serve deepseek-v3 --on h200 --ep 16 --attention dp --batch 256 --weights fp8 --compute fp8   "
           "experts spread over two nodes\n"
           "isoflop serve llama-3-8b --on h100 --batch 32 --chunk 1024           prompts in pieces beside decoding\n"
           "isoflop serve llama-3-70b --on h100 --tp 4 --draft llama-3-8b --draft-tokens 4 --acceptance 0.8\n"
           "isoflop serve llama-3-8b --on h100 --batch 32 --grid FRA --busy 0.5     energy and carbon of its tokens\n"
           "isoflop serve llama-3-8b --on l40s --best-format\n"
           "isoflop serve llama-3-8b --on h100 --rate 8 --lengths lognormal --slo-ttft 500ms --slo-tpot 30ms    "
           "request by request\n"
           "isoflop serve llama-3-8b --on h100 --trace requests.csv --replicas 2 --vllm-json result.json";
  }

  void declare(OptionSet& options) override {
    options.positional("model", model_, "id or alias of a model, or a JSON file (config.json)");
    options_.declare(options);
    options.group("Engine");
    options.choice("--engine", options_.engine, sim::engine_names,
                   "time by constants fitted to this engine's published runs instead of by operation");
    options.text("--profile", options_.profile,
                 "with --engine: constants from this profile.json (isoflop calibrate --write-profile)");
    options.whole("--chunk", chunk_,
                  "steady state of --batch clients: passes of at most so many tokens, prompts cut to fit beside "
                  "decoding",
                  2, 1000000);
    speculation_.declare(options);
    place_.declare(options);
    options.group("Inverse questions");
    options.flag("--max-batch", max_batch_, "largest batch that fits in memory");
    options.flag("--max-context", max_context_, "longest context that fits in memory");
    options.flag("--fits", fits_, "which accelerators hold it, and how many of them");
    options.flag("--best-format", best_format_, "storage formats side by side, fastest first");
    requests_.declare(options);
  }

  Report run(const Settings& settings) override {
    if (max_batch_ + max_context_ + fits_ + best_format_ > 1)
      throw Error(Fault::Usage, "--max-batch, --max-context, --fits and --best-format: ask one at a time");
    if (options_.on.empty() && !fits_)
      throw Error(Fault::Usage, "serve needs --on ACCELERATOR (or --fits); isoflop accelerators list");
    const bool by_request = requests_.asked();
    if (by_request && max_batch_ + max_context_ + fits_ + best_format_ > 0)
      throw Error(Fault::Usage,
                  "--max-batch, --max-context, --fits and --best-format are of the closed form: leave the load of "
                  "requests out");
    if (by_request && (options_.pipeline_parallel > 1 || options_.attention == "dp"))
      throw Error(Fault::Usage,
                  "requests are simulated on replicas of one stage: leave --pp and --attention dp out (--tp and --ep "
                  "with --attention tp are simulated)");
    if (chunk_ && (by_request || fits_ || best_format_ || max_batch_ || max_context_ || !options_.engine.empty() ||
                   speculation_.asked()))
      throw Error(Fault::Usage,
                  "--chunk is a steady state in closed form: leave --engine, --draft, the inverse questions and the "
                  "load of requests (which has --step-tokens) out");
    if (speculation_.asked() && (by_request || fits_ || best_format_ || !options_.engine.empty()))
      throw Error(Fault::Usage,
                  "--draft is of the closed form for one load: leave the load of requests, --fits, --best-format and "
                  "--engine out");
    if (place_.given() && (by_request || fits_ || best_format_ || max_batch_ || max_context_ || speculation_.asked()))
      throw Error(Fault::Usage,
                  "where and overheads belong to the footprint of one load in closed form: leave the load of requests, "
                  "--draft and the inverse questions out, or those options");
    if (!options_.profile.empty() && options_.engine.empty())
      throw Error(Fault::Usage, "--profile needs --engine NAME");
    if (!options_.engine.empty() &&
        (options_.pipeline_parallel > 1 || options_.expert_parallel > 1 || options_.routing_skew > 0))
      throw Error(Fault::Usage,
                  "--engine knows its published tensor-parallel runs: leave --pp, --ep and --routing-skew out, or "
                  "--engine");
    if (!options_.engine.empty() && (by_request || max_batch_ + max_context_ + fits_ + best_format_ > 0))
      throw Error(Fault::Usage,
                  "--engine answers for one load: leave the inverse questions and the load of requests out");
    const NamedArchitecture model = named_architecture(model_, settings.data);
    const auto devices = AcceleratorCatalogue::load(settings.data);
    Report report;
    report.inputs = {input_of(model.origin, 1), input_of(devices.origin(), fits_ ? devices.all().size() : 1)};
    report.result["model"] = model.architecture.name;
    for (const std::string& note : model.architecture.notes) report.warnings.push_back(note);
    const ServingLoad load = options_.load();
    if (fits_) {
      answer_fits(model.architecture, devices, options_, report);
      return report;
    }
    const Accelerator& device = devices.require(options_.on);
    check(load, model.architecture);
    if (by_request) {
      report.result["accelerator"] = device.id;
      answer_requests(model.architecture, device, options_, requests_, settings, report);
      return report;
    }
    add_load(load, device, report);
    MemoryModel memory(model.architecture, device);
    if (speculation_.asked())
      drafting_ = speculation_.prepare(model.architecture, device, options_, settings, memory, report);
    if (max_batch_ || max_context_) {
      answer_limit(max_batch_ ? Limit::Batch : Limit::Context, memory, load, device, report);
      return report;
    }
    const StepPricer pricer(model.architecture, device, OpProfile::load(settings.data));
    if (!options_.engine.empty())
      profile_ =
          options_.profile.empty()
              ? EngineProfile::load(settings.data)
              : EngineProfile::from_json(parse_json(read_file(options_.profile), options_.profile), options_.profile);
    if (best_format_)
      answer_formats(pricer, memory, options_, report);
    else
      answer_serving(pricer, memory, load, settings, report);
    return report;
  }

 private:
  void add_load(const ServingLoad& load, const Accelerator& device, Report& report) const {
    report.result["accelerator"] = device.id;
    report.result["load"] = Value::object({{"batch", load.batch},
                                           {"prompt_tokens", load.prompt},
                                           {"generate_tokens", load.generate},
                                           {"weights", options_.weights},
                                           {"kv", options_.kv},
                                           {"compute", options_.compute},
                                           {"tensor_parallel", load.tensor_parallel},
                                           {"pipeline_parallel", load.pipeline_parallel},
                                           {"expert_parallel", load.expert_parallel},
                                           {"attention", options_.attention},
                                           {"routing_skew", load.routing_skew},
                                           {"devices", load.devices()}});
  }

  void answer_serving(const StepPricer& pricer, const MemoryModel& memory, const ServingLoad& load,
                      const Settings& settings, Report& report) const {
    const Accelerator& device = pricer.accelerator();
    ServingOptions options = options_.options();
    if (drafting_) options.speculation = &drafting_->speculation;
    std::optional<EngineAnswer> engine;
    if (!options_.engine.empty()) {
      engine = engine_answer(profile_, options_.engine, pricer.architecture(), device, load);
      options.ttft_s = engine->ttft_s;
      options.tpot_s = engine->tpot_s;
      options.closed_loop = engine->closed_loop;
    }
    std::optional<ChunkedServing> chunked;
    if (chunk_) {
      chunked = chunked_serving(pricer, load, *chunk_);
      options.ttft_s = chunked->ttft_s;
      options.tpot_s = chunked->tpot_s;
      options.ttft_floor_s = chunked->ttft_floor_s;
      options.tpot_floor_s = chunked->tpot_floor_s;
      options.closed_loop = true;
    }
    const ServingAnswer answer = serve(pricer, memory, load, options);
    add_serving_values(report.result, answer);
    report.headline = fmt::format(
        "{} on {}, batch {}: first token after {} ({} to {}), then one every {} ({} to {}); {} tokens/s in all, "
        "bound by {}.",
        pricer.architecture().name, where_text(load, device), load.batch,
        format_duration_s(answer.ttft_s.central), format_duration_s(answer.ttft_s.low),
        format_duration_s(answer.ttft_s.high), format_duration_s(answer.tpot_s.central),
        format_duration_s(answer.tpot_s.low), format_duration_s(answer.tpot_s.high),
        format_number(answer.output_tokens_per_s.central, 3), name_of(answer.decode.bound));
    report.tables = {serving_table(answer), serving_memory_table(answer, load, device)};
    add_pipeline(report, load, answer, pricer.architecture());
    if (const auto doubt = layout_doubt(load, pricer.architecture())) report.warnings.push_back(*doubt);
    if (chunked) add_chunked(report, *chunked, load, *chunk_, answer.decode.seconds);
    if (drafting_) add_speculation(report, *drafting_, answer);
    if (engine) {
      report.result["engine"] = options_.engine;
      report.result["basis"] = engine->basis;
      report.tables.front().note =
          options_.engine + ", " + engine->basis + "; 90 % ranges from groups of runs left out";
      for (const std::string& warning : engine->warnings) report.warnings.push_back(warning);
      report.assumptions.push_back({"engine", options_.engine, "", engine->basis});
      report.warnings.push_back("memory, energy and the tables of --explain are the closed form's, not the engine's");
    }
    const std::string of = answer.parts > 1 ? fmt::format(", one of {} parts of the batch", answer.parts) : "";
    report.explanation = {pass_table("The pass over the prompts" + of, answer.prefill),
                          pass_table("A decode step, middle of the generation" + of, answer.decode)};
    report.assumptions = serving_assumptions(load, answer);
    if (answer.usd_per_million_tokens)
      report.assumptions.push_back(
          {"usd_per_device_hour", options_.price ? *options_.price : *device.price_usd_per_hour, "USD/h",
           options_.price ? "--price" : device.price_source + " (" + device.price_confidence + ")"});
    else
      report.warnings.push_back(device.id +
                                " has no price in the catalogue: --price USD_PER_HOUR gives the price of a token");
    add_serving_footprint(report, answer, load, device, place_, settings);
    if (answer.joules_per_token)
      report.assumptions.push_back({"energy", "joules_per_token: accelerators only; footprint adds host, idle and PUE",
                                    "", InferenceConstants{}.source});
    else
      report.warnings.push_back(device.id + " states no TDP: no energy per token");
    if (answer.joules_per_token && drafting_)
      report.assumptions.push_back({"energy_of_drafts", "bytes, FLOP and launches of checking and drafting passes", "",
                                    "as plain decoding prices them; no such step was measured: wider range"});
    const auto stated = pricer.architecture().context_tokens;
    if (stated > 0 && load.last_context() > stated)
      report.warnings.push_back(fmt::format("prompt and generation need {} tokens, the model states a context of {}",
                                            load.last_context(), stated));
    if (answer.max_context >= longest_searched_context) report.warnings.push_back(no_context_limit);
    report.plots = serving_plots(pricer, memory, load, answer);
    report.plots.push_back(roofline_plot(pricer, load, answer));
    report.plots.push_back(cache_variants_plot(pricer.architecture(), load));
    if (!answer.fits)
      report.distrust =
          load.devices() == load.tensor_parallel
              ? fmt::format("does not fit: {} needed, {} available on {}; times hold only if it did",
                            format_bytes(answer.memory.total()),
                            format_bytes(static_cast<double>(load.devices()) * device.memory_bytes),
                            where_text(load, device))
              : fmt::format("does not fit: the fullest device needs {} and has {}; times hold only if it did",
                            format_bytes(answer.memory.fullest_device), format_bytes(device.memory_bytes));
  }

  std::string model_;
  ServeOptions options_;
  RequestOptions requests_;
  std::optional<long> chunk_;
  ServingPlace place_;
  SpeculationOptions speculation_;
  std::unique_ptr<Drafting> drafting_;
  EngineProfile profile_;
  bool max_batch_ = false, max_context_ = false, fits_ = false, best_format_ = false;
};

}  // namespace

std::unique_ptr<Command> make_serve() { return std::make_unique<ServeCommand>(); }

}  // namespace isoflop::app
