// Options of commands that serve a model: load, formats, hardware.
#pragma once
#include <string>

#include "apps/command.h"
#include "isoflop/sim/serving/serving.h"

namespace isoflop::app {

struct ServeOptions {
  std::string on;
  long batch = 1, prompt = 2048, generate = 256, group = 128;
  long tensor_parallel = 1, pipeline_parallel = 1, expert_parallel = 1;
  std::string attention = "tp";
  double routing_skew = 0;
  std::string weights = "bf16", kv = "bf16", compute = "bf16";
  std::string engine, profile;
  std::optional<double> price;

  void declare(OptionSet& options);
  sim::ServingLoad load() const;
  sim::ServingOptions options() const;
};

}  // namespace isoflop::app
