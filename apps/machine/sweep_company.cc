#include "apps/machine/sweep_company.h"

#include "isoflop/report/value.h"

namespace isoflop::app {

std::optional<SweepCompany>& sweep_company() {
  static std::optional<SweepCompany> company;
  return company;
}

std::string sweep_order(const sim::SweepPlan& plan, const sim::SweepOptions& options) {
  return to_json(Value::object({{"plan", plan.json()},
                                {"folder", options.folder},
                                {"jobs", options.jobs},
                                {"checkpoint_every_s", options.checkpoint_every_s}}));
}

void follow_sweep_order(const std::string& order, std::size_t process, std::size_t processes,
                        const std::function<void()>& wait) {
  const Value root = parse_json(order, "order");
  sim::SweepOptions options;
  options.folder = root.at("folder").text();
  options.jobs = static_cast<int>(root.at("jobs").number());
  options.checkpoint_every_s = root.at("checkpoint_every_s").number();
  options.shard = process;
  options.shards = processes;
  sim::run_sweep_together(sim::SweepPlan::from_json(root.at("plan").text(), "order"), options, wait);
}

}  // namespace isoflop::app
