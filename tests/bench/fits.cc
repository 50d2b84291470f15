// Speed of the certified fit, the bootstraps and the four-term law, against scipy on the same machine in the same run.
// Ours and scipy's jobs alternate for ROUNDS rounds (default 5); medians are printed with the spread. scipy runs a
// stated share of its starts and resamples, scaled up. CPU seconds are given beside the wall clock: other work on the
// machine disturbs them less. Usage: bench_fits [ROUNDS]
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/fits/bootstrap.h"
#include "isoflop/fits/kernel/loss_kernel.h"
#include "isoflop/fits/power_sum_fit.h"
#include "isoflop/random.h"
#include "isoflop/report/value.h"
#include "isoflop/statistics.h"

#ifndef SOURCE_DIR
#define SOURCE_DIR "."
#endif

using namespace isoflop;
using namespace isoflop::fits;

namespace {

constexpr std::size_t replicates = 4000, scipy_replicates = 80, grid_step = 60, grid_starts = 4500;
const ChinchillaLaw hoffmann{std::exp(.5267228), std::exp(6.0073404), std::exp(6.0179186), .33917084, .2849083};

struct Span {
  double wall_s = 0, cpu_s = 0;
};

double process_cpu_s() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

Span seconds(const std::function<void()>& job) {
  const double cpu = process_cpu_s();
  const auto began = std::chrono::steady_clock::now();
  job();
  return {std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count(), process_cpu_s() - cpu};
}

struct Times {
  std::vector<double> s, cpu;
  void add(Span span) {
    s.push_back(span.wall_s);
    cpu.push_back(span.cpu_s);
  }
  double cpu_median() const { return isoflop::median(cpu); }
  double median() const { return isoflop::median(s); }
  std::string text() const {
    const double unit = median() < 0.1 ? 1e3 : 1;
    const auto [low, high] = std::minmax_element(s.begin(), s.end());
    return fmt::format("{:.4g} {} ({:.4g}-{:.4g}, {} times), CPU {:.4g}", median() * unit, unit > 1 ? "ms" : "s",
                       *low * unit, *high * unit, s.size(), cpu_median() * unit);
  }
};

void bar(const std::string& what, bool met) { fmt::print("    {}: {}\n", met ? "met" : "NOT MET", what); }

std::optional<Value> scipy(const std::string& folder, std::size_t round) {
  const std::string command = fmt::format(
      "OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 /usr/bin/python3 '{}/tests/bench/fits_scipy.py' {}/runs.csv "
      "{}/counts.bin {} {} {} {} 2>/dev/null",
      SOURCE_DIR, folder, folder, round * scipy_replicates, (round + 1) * scipy_replicates, round * 7 % grid_step,
      grid_step);
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return {};
  std::string text;
  char buffer[4096];
  while (const std::size_t got = fread(buffer, 1, sizeof buffer, pipe)) text.append(buffer, got);
  if (pclose(pipe) != 0 || text.empty()) return {};
  return parse_json(text, "fits_scipy.py");
}

// The counts of the first resamples, so that scipy fits the same ones.
void write_inputs(const RunTable& runs, const std::string& folder, std::size_t rounds, std::uint64_t seed) {
  std::string csv = "params,tokens,loss\n";
  for (const Run& run : runs.runs()) csv += fmt::format("{:.17g},{:.17g},{:.17g}\n", run.params, run.tokens, run.loss);
  write_file(folder + "/runs.csv", csv);
  std::ofstream counts(folder + "/counts.bin", std::ios::binary);
  for (std::size_t i = 0; i < rounds * scipy_replicates; ++i) {
    Random random(seed, i);
    std::vector<std::int32_t> row(runs.size(), 0);
    for (std::size_t k = 0; k < runs.size(); ++k) ++row[random.index(runs.size())];
    counts.write(reinterpret_cast<const char*>(row.data()), static_cast<std::streamsize>(row.size() * sizeof row[0]));
  }
}

double objective_of_replicate(const RunTable& runs, std::size_t i, std::uint64_t seed, const ChinchillaLaw& law) {
  Random random(seed, i);
  auto list = runs.runs();
  for (Run& run : list) run.weight = 0;
  for (std::size_t k = 0; k < list.size(); ++k) list[random.index(list.size())].weight += 1;
  return chinchilla_objective(RunTable(list), law);
}

RunTable simulated(std::size_t count) {
  Random random(1);
  std::vector<Run> runs(count);
  const ChinchillaLaw truth{1.8172, 482.01, 2085.43, .3478, .3658};
  for (Run& run : runs) {
    run.params = std::exp(random.uniform(17, 24));
    run.tokens = run.params * std::exp(random.uniform(-1, 5));
    run.loss = truth.loss(run.params, run.tokens) * std::exp(0.005 * random.normal());
  }
  return RunTable(std::move(runs));
}

// Gemstones' law: width, depth, parameters, tokens; 5^4 x 6^4 x 5 = 4.05 million starts in its own code.
PowerSumData gemstones_like(std::size_t count) {
  Random random(3);
  PowerSumData data;
  data.names = {"width", "depth", "params", "tokens"};
  data.x.resize(4);
  for (std::size_t i = 0; i < count; ++i) {
    const double width = 64 * std::floor(random.uniform(4, 64)), depth = std::floor(random.uniform(3, 80));
    const double x[] = {width, depth, 12 * depth * width * width, 1e9 * std::exp(random.uniform(0, 6))};
    for (std::size_t k = 0; k < 4; ++k) data.x[k].push_back(x[k]);
    data.loss.push_back((1.7 + 40 / std::pow(x[0], 0.8) + 0.5 / std::pow(x[1], 0.9) + 300 / std::pow(x[2], 0.33) +
                         1500 / std::pow(x[3], 0.36)) *
                        std::exp(0.004 * random.normal()));
  }
  return data;
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t rounds = argc > 1 ? static_cast<std::size_t>(std::atoi(argv[1])) : 5;
  double load[3] = {};
  if (getloadavg(load, 3) < 0) load[0] = -1;
  fmt::print("kernel {}, load average {:.2f} at the start: {}\n", kernel::best().name, load[0],
             load[0] > 0.5 ? "a LOADED machine, times are upper bounds" : "quiet");
  const RunTable runs = open_runs("chinchilla").excluding_highest(5);
  char pattern[] = "/tmp/bench_fits_XXXXXX";
  const std::string folder = mkdtemp(pattern);
  write_inputs(runs, folder, rounds, 42);

  ChinchillaOptions one, two;
  one.threads = 1;
  two.threads = 2;
  const auto fit = fit_chinchilla(runs, one);
  BootstrapOptions same_start, global;
  same_start.replicates = global.replicates = replicates;
  same_start.threads = global.threads = 2;
  same_start.global_search = false;
  same_start.start = hoffmann;

  Times fit_one, fit_two, boot_two, boot_one, global_two, scipy_grid, scipy_boot;
  double scipy_best = std::numeric_limits<double>::infinity(), worst_excess = -1, largest_gain = 0;
  std::size_t compared = 0, hits = 0, tried = 0;
  bool have_scipy = true;
  for (std::size_t round = 0; round < rounds; ++round) {
    for (int k = 0; k < 20; ++k) {
      fit_one.add(seconds([&] { fit_chinchilla(runs, one); }));
      fit_two.add(seconds([&] { fit_chinchilla(runs, two); }));
    }
    Draws draws;
    boot_two.add(seconds([&] { draws = bootstrap(runs, fit, two, same_start); }));
    BootstrapOptions single = same_start;
    single.threads = 1;
    boot_one.add(seconds([&] { bootstrap(runs, fit, one, single); }));
    Draws searched;
    global_two.add(seconds([&] { searched = bootstrap(runs, fit, two, global); }));
    if (!have_scipy) continue;
    const auto theirs = scipy(folder, round);
    if (!theirs) {
      have_scipy = false;
      continue;
    }
    const double starts = theirs->at("grid_starts").number();
    const double grid_scale = static_cast<double>(grid_starts) / starts;
    const double boot_scale = static_cast<double>(replicates) / scipy_replicates;
    scipy_grid.add({theirs->at("grid_s").number() * grid_scale, theirs->at("grid_cpu_s").number() * grid_scale});
    scipy_boot.add(
        {theirs->at("bootstrap_s").number() * boot_scale, theirs->at("bootstrap_cpu_s").number() * boot_scale});
    scipy_best = std::min(scipy_best, theirs->at("grid_best").number());
    for (const Value& value : theirs->at("grid_values").items()) {
      ++tried;
      if (value.number() < fit.objective + 1e-8) ++hits;
    }
    const auto& objectives = theirs->at("bootstrap_objectives").items();
    for (std::size_t k = 0; k < objectives.size(); ++k) {
      const std::size_t i = round * scipy_replicates + k;
      const double ours = objective_of_replicate(runs, i, 42, searched.laws[i]);
      worst_excess = std::max(worst_excess, ours - objectives[k].number());
      largest_gain = std::max(largest_gain, objectives[k].number() - ours);
      ++compared;
    }
  }

  fmt::print("\ncertified fit of 240 runs ({}: {} of {} starts agree, objective {:.16g})\n", status_name(fit.status),
             fit.starts_agreeing, fit.starts_tried, fit.objective);
  fmt::print("    1 thread   {}\n    2 threads  {}\n", fit_one.text(), fit_two.text());
  const double best_fit = std::min(fit_one.median(), fit_two.median());
  bar(fmt::format("at most 5 ms: {:.2f} ms", best_fit * 1e3), best_fit <= 5e-3);
  fmt::print(
      "\n{} bootstraps\n    from Hoffmann's constants, 1 thread   {}\n    from Hoffmann's constants, 2 threads  {}\n"
      "    a global search in each, 2 threads    {}\n",
      replicates, boot_one.text(), boot_two.text(), global_two.text());
  bar(fmt::format("global searches at most 1 s: {:.2f} s", global_two.median()), global_two.median() <= 1);

  if (!have_scipy || scipy_grid.s.empty()) {
    fmt::print("\nscipy: skipped, /usr/bin/python3 has no scipy here\n");
  } else {
    fmt::print(
        "\nscipy, one process, analytic gradients\n    4500 starts, L-BFGS-B  {} (every {}th start timed, x {})\n",
        scipy_grid.text(), grid_step, grid_step);
    fmt::print("      {} of {} timed starts end within 1e-8 of the optimum; best {:.16g}\n", hits, tried, scipy_best);
    fmt::print("    4000 bootstraps, BFGS  {} ({} timed per round, x {})\n", scipy_boot.text(), scipy_replicates,
               replicates / scipy_replicates);
    const double grid_ratio = scipy_grid.median() / best_fit;
    bar(fmt::format("certified fit at least 1000x the 4500-start grid: {:.0f}x (CPU {:.0f}x)", grid_ratio,
                    scipy_grid.cpu_median() / fit_one.cpu_median()),
        grid_ratio >= 1000);
    const double boot_ratio = scipy_boot.median() / boot_two.median();
    bar(fmt::format(
            "same-start bootstrap on 2 threads at least 200x scipy BFGS: {:.0f}x ({:.0f}x on 1 thread; CPU {:.0f}x)",
            boot_ratio, scipy_boot.median() / boot_one.median(), scipy_boot.cpu_median() / boot_one.cpu_median()),
        boot_ratio >= 200);
    bar(fmt::format(
            "objective never above scipy's: fit {:+.2g}, {} resamples: at worst {:+.2g} above, at best {:.2g} below",
            fit.objective - scipy_best, compared, worst_excess, largest_gain),
        fit.objective <= scipy_best + 1e-17 && worst_excess <= 1e-16);
  }

  fmt::print("\nfour-term law (width, depth, parameters, tokens), 3000 runs; its own code takes 4.05 million starts\n");
  const PowerSumData data = gemstones_like(3000);
  PowerSumOptions terms;
  terms.threads = 2;
  Times gemstones;
  PowerSumFit four;
  for (std::size_t k = 0; k < 3; ++k) gemstones.add(seconds([&] { four = fit_power_sum(data, terms); }));
  fmt::print("    2 threads  {}; {} cells, {} of {} starts agree, {}\n", gemstones.text(), four.cells,
             four.starts_agreeing, four.starts_tried, status_name(four.status));
  bar("under 10 s", gemstones.median() < 10);

  fmt::print("\ncost in rows (certified fit, 2 threads)\n");
  double first = 0, last = 0;
  for (std::size_t n : {240u, 1000u, 10000u, 100000u, 1000000u}) {
    const RunTable many = simulated(n);
    ChinchillaFit large;
    const double s = seconds([&] { large = fit_chinchilla(many, two); }).wall_s;
    last = s / static_cast<double>(n);
    if (first == 0) first = last;
    fmt::print("    {:>8} rows  {:>9.4g} s  {:.3g} us per row  {}\n", n, s, last * 1e6, status_name(large.status));
  }
  bar(fmt::format("at most linear up to a million rows: {:.2f}x the time per row of 240", last / first),
      last < 3 * first);
  if (std::system(("rm -r '" + folder + "'").c_str()) != 0) return 1;
  return 0;
}
