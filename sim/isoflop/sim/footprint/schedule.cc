#include "isoflop/sim/footprint/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numeric>

#include "isoflop/error.h"
#include "isoflop/random.h"
#include "isoflop/sim/footprint/carbon.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

/// Minutes since 1970 of "2020-01-31T13:30", with blank or T, seconds ignored, and an offset like +01:00 or Z.
std::optional<long> minutes_of(std::string_view text) {
  const auto digits = [&](std::size_t from, std::size_t count) -> std::optional<long> {
    if (from + count > text.size()) return {};
    long value = 0;
    for (std::size_t i = from; i < from + count; ++i) {
      if (text[i] < '0' || text[i] > '9') return {};
      value = 10 * value + (text[i] - '0');
    }
    return value;
  };
  const auto year = digits(0, 4), month = digits(5, 2), day = digits(8, 2), hour = digits(11, 2),
             minute = digits(14, 2);
  if (!year || !month || !day || !hour || !minute) return {};
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 24 || *minute > 59) return {};
  long offset = 0;
  if (const auto sign = text.find_first_of("+-", 16); sign != std::string_view::npos) {
    const auto h = digits(sign + 1, 2);
    const auto m = digits(sign + (text.size() > sign + 3 && text[sign + 3] == ':' ? 4 : 3), 2);
    if (!h) return {};
    offset = (60 * *h + m.value_or(0)) * (text[sign] == '-' ? -1 : 1);
  }
  return std::chrono::sys_days(date).time_since_epoch().count() * 1440L + *hour * 60 + *minute - offset;
}

struct Scaled {
  std::size_t column;
  double factor;
};

std::optional<Scaled> find_scaled(const CsvTable& t, const std::string& name) {
  if (const auto kg = t.find_column(name + "kgco2e_per_kwh")) return Scaled{*kg, 1};
  if (const auto g = t.find_column(name + "gco2e_per_kwh")) return Scaled{*g, 1e-3};
  return {};
}

constexpr const char* summer_time = " (local time across a change of the clocks? give UTC or an offset such as +01:00)";

void check_factor(const CsvTable& t, std::size_t row, std::size_t column, double kg_per_kwh) {
  if (kg_per_kwh < 0) t.reject(row, column, "a grid factor is not negative");
  if (kg_per_kwh > implausible_grid_kg_per_kwh)
    t.reject(row, column, fmt::format("{:.3g} kg/kWh is dirtier than any grid; are these grams? (column gco2e_per_kwh)",
                                      kg_per_kwh));
}

double sum(const std::vector<double>& values, std::size_t from, std::size_t count) {
  return std::accumulate(values.begin() + static_cast<std::ptrdiff_t>(from),
                         values.begin() + static_cast<std::ptrdiff_t>(from + count), 0.0);
}

/// Start of the block of `count` values with the least sum; the earliest of equals.
std::size_t cheapest_block(const std::vector<double>& window, std::size_t count) {
  std::size_t best = 0;
  double least = sum(window, 0, count);
  for (std::size_t start = 1; start + count <= window.size(); ++start) {
    const double cost = sum(window, start, count);
    if (cost < least * (1 - 1e-12)) least = cost, best = start;
  }
  return best;
}

/// True cost of the `count` hours that `judged` calls cheapest.
double cost_of_cheapest_hours(const std::vector<double>& judged, const std::vector<double>& truth, std::size_t count) {
  const auto order = sorted_order(judged);
  double cost = 0;
  for (std::size_t i = 0; i < count; ++i) cost += truth[order[i]];
  return cost;
}

}  // namespace

GridSeries read_grid_series(const CsvTable& t) {
  const auto time = t.find_any({"time", "timestamp", "datetime", "date"});
  if (!time) throw Error(Fault::BadInput, t.name() + ": no column time, timestamp, datetime or date");
  auto average = find_scaled(t, "");
  if (!average)
    if (const auto intensity = t.find_column("carbon_intensity")) average = Scaled{*intensity, 1e-3};
  if (!average) throw Error(Fault::BadInput, t.name() + ": no column kgco2e_per_kwh or gco2e_per_kwh");
  const auto marginal = find_scaled(t, "marginal_");
  const auto water = t.find_column("offsite_water_l_per_kwh");
  GridSeries series;
  long before = 0, step = 0;
  for (std::size_t r = 0; r < t.rows(); ++r) {
    const auto minutes = minutes_of(t.text(r, *time));
    if (!minutes) t.reject(r, *time, "\"" + std::string(t.text(r, *time)) + "\" is no time like 2020-01-31T13:00");
    if (r == 0) series.first_time = t.text(r, *time);
    const long apart = *minutes - before;
    if (r == 1) step = apart;
    if (r > 0 && apart <= 0)
      t.reject(r, *time, fmt::format("{} minutes after the row before: times must rise{}", apart,
                                     apart == 0 ? summer_time : ""));
    if (r > 1 && apart != step)
      t.reject(r, *time, fmt::format("{} minutes after the row before, expected {}{}", apart, step,
                                     apart == 2 * step || apart == step + 60 ? summer_time : ""));
    before = *minutes;
    const double value = t.required_number(r, average->column) * average->factor;
    check_factor(t, r, average->column, value);
    series.average_kg_per_kwh.push_back(value);
    if (marginal) {
      series.marginal_kg_per_kwh.push_back(t.required_number(r, marginal->column) * marginal->factor);
      check_factor(t, r, marginal->column, series.marginal_kg_per_kwh.back());
    }
    if (water) {
      series.offsite_water_l_per_kwh.push_back(t.required_number(r, *water));
      if (series.offsite_water_l_per_kwh.back() < 0) t.reject(r, *water, "water is not negative");
    }
  }
  if (t.rows() < 2) throw Error(Fault::BadInput, t.name() + ": a series of fewer than two rows has no step");
  const double total = sum(series.average_kg_per_kwh, 0, series.average_kg_per_kwh.size());
  if (total > 0 && total / static_cast<double>(t.rows()) < implausibly_clean_kg_per_kwh)
    throw Error(Fault::BadInput,
                fmt::format("{}: a mean of {:.2g} kg/kWh is cleaner than any grid; are these kilograms in a column of "
                            "grams?",
                            t.name(), total / static_cast<double>(t.rows())));
  if (step > 1440 || (step > 0 && 1440 % step != 0))
    throw Error(Fault::BadInput, fmt::format("{}: a step of {} minutes does not divide a day", t.name(), step));
  series.step_hours = static_cast<double>(step) / 60;
  return series;
}

ScheduleResult schedule(const GridSeries& series, const FlexibleJob& job, std::size_t random_starts,
                        std::uint64_t seed) {
  const auto& truth = series.average_kg_per_kwh;
  const double job_steps = job.hours / series.step_hours, slack_steps = job.slack_hours / series.step_hours;
  if (!(job_steps >= 1) || std::fabs(job_steps - std::round(job_steps)) > 1e-9 || slack_steps < 0)
    throw Error(Fault::BadInput, fmt::format("a job of {} h with {} h of slack is no whole number of {} h steps",
                                             job.hours, job.slack_hours, series.step_hours));
  const auto work = static_cast<std::size_t>(std::llround(job_steps));
  const std::size_t window = work + static_cast<std::size_t>(slack_steps);
  const auto day = static_cast<std::size_t>(std::llround(24 / series.step_hours));
  if (truth.size() < day + window + 1)
    throw Error(Fault::BadInput, fmt::format("the series has {} steps; a day of history, the job and its slack take {}",
                                             truth.size(), day + window));
  ScheduleResult result;
  result.starts = random_starts;
  std::array<double, 5> cost{};  // at once, shift by forecast, shift by oracle, pause by forecast, pause by oracle
  std::array<double, 3> marginal{}, water_used{};
  for (std::size_t i = 0; i < random_starts; ++i) {
    const std::size_t start = day + Random(seed, i).index(truth.size() - day - window + 1);
    const std::vector<double> real(truth.begin() + static_cast<std::ptrdiff_t>(start),
                                   truth.begin() + static_cast<std::ptrdiff_t>(start + window));
    std::vector<double> forecast(window);
    for (std::size_t h = 0; h < window; ++h) forecast[h] = truth[start - day + h % day];
    const std::size_t by_forecast = cheapest_block(forecast, work), by_oracle = cheapest_block(real, work);
    cost[0] += sum(real, 0, work);
    cost[1] += sum(real, by_forecast, work);
    cost[2] += sum(real, by_oracle, work);
    cost[3] += cost_of_cheapest_hours(forecast, real, work);
    cost[4] += cost_of_cheapest_hours(real, real, work);
    const auto follow = [&](const std::vector<double>& other, std::array<double, 3>& totals) {
      if (other.empty()) return;
      totals[0] += sum(other, start, work);
      totals[1] += sum(other, start + by_forecast, work);
      totals[2] += sum(other, start + by_oracle, work);
    };
    follow(series.marginal_kg_per_kwh, marginal);
    follow(series.offsite_water_l_per_kwh, water_used);
  }
  const auto saved = [](double chosen, double at_once) { return at_once > 0 ? 1 - chosen / at_once : 0; };
  result.baseline_kg_per_kwh = cost[0] / static_cast<double>(random_starts * work);
  result.shift = {saved(cost[1], cost[0]), saved(cost[2], cost[0])};
  result.pause = {saved(cost[3], cost[0]), saved(cost[4], cost[0])};
  if (!series.marginal_kg_per_kwh.empty())
    result.shift_marginal = Savings{saved(marginal[1], marginal[0]), saved(marginal[2], marginal[0])};
  if (!series.offsite_water_l_per_kwh.empty())
    result.shift_water = Savings{saved(water_used[1], water_used[0]), saved(water_used[2], water_used[0])};
  std::vector<double> swings;
  for (std::size_t d = 0; d + day <= truth.size(); d += day) {
    const auto [low, high] = std::minmax_element(truth.begin() + static_cast<std::ptrdiff_t>(d),
                                                 truth.begin() + static_cast<std::ptrdiff_t>(d + day));
    if (*low > 0) swings.push_back(*high / *low);
  }
  if (!swings.empty()) result.median_daily_max_over_min = median(swings);
  return result;
}

}  // namespace isoflop::sim
