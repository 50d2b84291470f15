// The shape of a small transformer from options: shared by the commands that run the built-in kernel.
#pragma once
#include "apps/command.h"
#include "isoflop/model/architecture.h"

namespace isoflop::app {

struct KernelShape {
  long layers = 4, width = 128, heads = 4;
  std::optional<long> vocabulary, kv_heads, mlp_width, window, experts, experts_per_token, latent, latent_query;
  std::string mlp = "swiglu", norm = "rms", wiring = "pre";
  bool tied = false, alibi = false;

  void declare(OptionSet& options);
  /// Throws Error (Usage) when the numbers do not fit together.
  Architecture architecture(long default_vocabulary = 128) const;
};

}  // namespace isoflop::app
