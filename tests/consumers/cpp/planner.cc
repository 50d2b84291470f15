// A planning tool that links isoflop from an install prefix: reads a training budget in FLOP and prints the
// compute-optimal plan with its interval, and what serving the nearest catalogue model of that size costs.
//   planner 5.76e23 [h100-sxm-80gb]
#include <isoflop/catalogue/named_architecture.h>
#include <isoflop/error.h>
#include <isoflop/fits/bootstrap.h>
#include <isoflop/fits/planning.h>
#include <isoflop/model/parameters.h>
#include <isoflop/number_text.h>
#include <isoflop/sim/serving/serving.h>

#include <cmath>
#include <iostream>

namespace {

using namespace isoflop;

struct Plan {
  FittedValue params, tokens, loss;
};

Plan plan(double budget_flop) {
  const auto runs = fits::open_runs("chinchilla").excluding_highest(5);
  const auto fit = fits::fit_chinchilla(runs);
  if (!fit.usable()) throw Error(Fault::CannotRun, "no law: " + fit.reason);
  fits::BootstrapOptions options;
  options.replicates = 200;
  const auto draws = fits::bootstrap(runs, fit, {}, options);
  const auto interval = [&](const auto& quantity) { return fits::percentile_interval(draws, fit.law, quantity, 0.9); };
  return {interval([&](const fits::ChinchillaLaw& law) { return law.optimum(budget_flop).params; }),
          interval([&](const fits::ChinchillaLaw& law) { return law.optimum(budget_flop).tokens; }),
          interval([&](const fits::ChinchillaLaw& law) { return law.optimum(budget_flop).loss; })};
}

// The dense catalogue model whose size is nearest, as a stand-in for what the plan would build.
const ModelRecord& nearest(const ModelCatalogue& models, double params) {
  const ModelRecord* best = nullptr;
  const auto distance = [&](const ModelRecord& m) {
    return std::fabs(std::log(static_cast<double>(*m.params_total_recounted) / params));
  };
  for (const ModelRecord& m : models.all())
    if (m.params_total_recounted && !m.is_mixture() && m.architecture_confidence == "verified" &&
        (!best || distance(m) < distance(*best)))
      best = &m;
  if (!best) throw Error(Fault::CannotRun, "the catalogue knows no dense model");
  return *best;
}

void print(const std::string& what, const FittedValue& v, const std::string& unit) {
  std::cout << what << " " << format_number(v.estimate) << " [" << format_number(v.low) << ", " << format_number(v.high)
            << "] " << unit << "\n";
}

int run(const std::string& budget, const std::string& on) {
  const auto flop = parse_number(budget);
  if (!flop || !(*flop > 0))
    throw Error(Fault::Usage, "budget: \"" + budget + "\" is not a number of FLOP, such as 5.76e23");
  const Plan p = plan(*flop);
  print("parameters", p.params, "");
  print("tokens", p.tokens, "");
  print("loss", p.loss, "nats/token");

  const auto models = ModelCatalogue::load();
  const ModelRecord& stand_in = nearest(models, p.params.estimate);
  const NamedArchitecture named = named_architecture(stand_in.id);
  const auto accelerators = AcceleratorCatalogue::load();
  const Accelerator& device = accelerators.require(on);
  sim::ServingLoad load;
  load.batch = 16;
  const sim::MemoryModel memory(named.architecture, device);
  load.tensor_parallel = memory.devices_needed(load).value_or(1);
  const sim::StepPricer pricer(named.architecture, device, sim::OpProfile::load());
  const auto answer = sim::serve(pricer, memory, load);
  const auto total = static_cast<double>(count_parameters(named.architecture).total);
  std::cout << "served like " << stand_in.name << " (" << format_count(total) << ") on " << load.tensor_parallel
            << " x " << device.id << ": ";
  if (const auto& usd = answer.usd_per_million_tokens)
    std::cout << format_number(usd->central, 3) << " [" << format_number(usd->low, 3) << ", "
              << format_number(usd->high, 3) << "] USD per million tokens\n";
  else
    std::cout << "no price is known\n";
  const bool sound = p.params.low < p.params.estimate && p.params.estimate < p.params.high && answer.fits &&
                     std::fabs(6 * p.params.estimate * p.tokens.estimate / *flop - 1) < 1e-9;
  return sound ? 0 : 1;
}

}  // namespace

int main(int count, char** words) {
  try {
    return run(count > 1 ? words[1] : "5.76e23", count > 2 ? words[2] : "h100-sxm-80gb");
  } catch (const isoflop::Error& problem) {
    std::cerr << "planner: " << problem.what() << "\n";
    return static_cast<int>(problem.fault());
  }
}
