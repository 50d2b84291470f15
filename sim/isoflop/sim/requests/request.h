// What is asked of a server, one request at a time, and what became of it.
#pragma once
#include <cstdint>

namespace isoflop::sim {

struct Request {
  double arrival_s = 0;         ///< from the start of the run; a closed loop replaces it
  std::int64_t prompt = 1;      ///< tokens
  std::int64_t output = 1;      ///< tokens, the first of which comes with the prompt's last pass
  std::int64_t prefix = -1;     ///< requests with equal numbers share their first tokens; -1 = with nobody
  std::int64_t prefix_tokens = 0;
};

struct Outcome {  ///< What became of a request.
  double arrival_s = 0, admitted_s = 0, first_token_s = 0, finish_s = 0;
  std::int64_t preemptions = 0;
  std::int64_t cached_tokens = 0;  ///< prompt tokens found in the prefix cache, summed over admissions
  std::int64_t tokens = 0;         ///< produced
  std::int64_t finishes = 0;       ///< 1 once done
  int replica = -1;                ///< that finished it
  bool refused = false;            ///< its cache alone exceeds the memory of a replica

  double ttft_s() const { return first_token_s - arrival_s; }
  double e2e_s() const { return finish_s - arrival_s; }
  /// (end to end - TTFT) / (tokens - 1); 0 for a single token.
  double tpot_s() const { return tokens > 1 ? (finish_s - first_token_s) / static_cast<double>(tokens - 1) : 0; }
};

}  // namespace isoflop::sim
