#include "apps/machine/sweep_options.h"

#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/parallel.h"

namespace isoflop::app {

double SweepClock::seconds(const sim::SweepPlan& plan, const sim::PlannedRun& run) {
  const std::string size = sim::rung_name(run.model.rung);
  const auto found = flop_per_s_.find(size);
  const double rate =
      found != flop_per_s_.end() ? found->second : (flop_per_s_[size] = sim::probe_flop_per_s(plan, run.model));
  return (run.flop + plan.evaluation_flop(run)) / rate;
}

double SweepClock::seconds(const sim::SweepPlan& plan) {
  double sum = 0;
  for (const auto& run : plan.tuning()) sum += seconds(plan, run);
  for (const auto& run : plan.runs()) sum += seconds(plan, run);
  return sum;
}

void SweepOptionSet::declare(OptionSet& options) {
  options.group("Grid");
  options.choice("--grid", grid_, {"isoflop", "random"}, "budgets times sizes, or budgets and sizes drawn at random");
  options.number("--lowest", lowest_, "smallest compute of a run, FLOP", NumberRange::positive());
  options.number("--highest", highest_, "largest compute of a run, FLOP; overruled by --flop and --time",
                 NumberRange::positive());
  options.number("--flop", total_flop_, "training FLOP of the whole sweep: sets --highest", NumberRange::positive());
  options.duration("--time", total_s_, "time for the whole sweep at the speed probed now: sets --highest");
  options.whole("--budgets", budgets_, "isoflop: log-spaced budgets", 1, 1000);
  options.whole("--sizes", sizes_, "sizes around the expected optimum at each budget", 1, 1000);
  options.whole("--runs", runs_, "random: runs", 1, 1000000);
  options.number("--tokens-per-param", tokens_per_param_, "where the optimum is expected", NumberRange::positive());
  options.list("--ladder", ladder_,
               "sizes to choose from, layers x width [x heads]: 2x32,2x64x4 (default 2x8 to 6x256)");
  options.whole("--replicates", replicates_, "seeds per grid point", 1, 1000);
  options.group("Training");
  options.text("--source", source_, "zipf-markov, hierarchy[:DEPTH[,RULES]] or a text file, read byte by byte");
  options.whole("--vocabulary", vocabulary_, "tokens in the vocabulary (text needs 256)", 2, 4096);
  options.whole("--batch", batch_, "sequences per batch", 1, 65536);
  options.whole("--length", length_, "tokens per sequence", 2, 65536);
  options.choice("--precision", precision_, {"bf16", "fp32"}, "arithmetic of the matrix products; weights stay fp32");
  options.number("--lr", rate_, "peak learning rate at 1e5 parameters and 1e6 tokens", NumberRange::positive());
  options.number("--lr-params-exponent", rate_params_, "its power of parameters", {-4, 4});
  options.number("--lr-tokens-exponent", rate_tokens_, "its power of tokens", {-4, 4});
  options.number("--lr-cap", rate_cap_, "never more than this", NumberRange::positive());
  options.list("--tune", tune_,
               "try these factors on that rate per size, on its cheapest run, and keep the best: 0.5,1,2");
  options.whole("--held-out", held_out_, "held-out batches that measure a loss", 1, 100000);
  options.whole("--curve-points", curve_points_, "held-out losses along each run", 1, 1000);
}

sim::SweepPlan SweepOptionSet::plan(const Settings& settings, SweepClock& clock) const {
  sim::SweepSettings s;
  s.grid = grid_ == "random" ? sim::SweepGrid::Random : sim::SweepGrid::Isoflop;
  s.lowest_flop = lowest_;
  s.highest_flop = highest_;
  s.budgets = budgets_;
  s.sizes = sizes_;
  s.runs = runs_;
  s.tokens_per_param = tokens_per_param_;
  if (!ladder_.empty()) {
    s.ladder.clear();
    for (const auto& size : ladder_) s.ladder.push_back(sim::read_rung(size));
  }
  s.replicates = replicates_;
  s.source = source_;
  s.vocabulary = vocabulary_;
  s.sequences = batch_;
  s.length = length_;
  s.precision = precision_;
  s.rule = {rate_, rate_params_, rate_tokens_, rate_cap_};
  for (const auto& text : tune_) {
    const auto factor = parse_number(text);
    if (!factor || !(*factor > 0)) throw Error(Fault::Usage, "--tune: \"" + text + "\" is not a positive factor");
    s.tune_factors.push_back(*factor);
  }
  s.held_out_batches = held_out_;
  s.curve_points = curve_points_;
  s.seed = settings.seed;
  if (total_flop_ && total_s_) throw Error(Fault::Usage, "--flop and --time are two budgets; give one");
  if (total_flop_)
    return sim::SweepPlan(sim::fitted_to(s, *total_flop_, "FLOP", [](const sim::SweepPlan& p) { return p.flop(); }));
  if (total_s_) {
    const double side_by_side = static_cast<double>(thread_count(settings.threads));
    return sim::SweepPlan(
        sim::fitted_to(s, *total_s_ * side_by_side, "seconds of one thread",
                       [&](const sim::SweepPlan& p) { return clock.seconds(p); }));
  }
  return sim::SweepPlan(s);
}

}  // namespace isoflop::app
