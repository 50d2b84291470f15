// What falls on the busiest of the groups of devices that share a layer's experts. All wait for it: it sets the time.
//
// Experts are dealt to x equal groups without regard to popularity (with a skew: mean over 8 fixed random deals). With
// q_i the chance that a token chooses expert i and T tokens, chosen independently:
//   touched experts of a group  sum of independent events 1 - (1 - q_i)^T
//   token copies of a group     normal, mean T sum q_i, variance T sum q_i (1 - q_i); that copies sum to T k over the
//                               groups is in the variance already (x/(x-1) of exchangeable groups cancels 1 - 1/x)
// and the expected largest of x independent such groups is taken, at least the mean and at least one. Against brute
// force (tests): touched within 15 % for a single token, 4 % from 8 tokens on; copies within 5 % from 64 tokens on.
#pragma once
#include <cstdint>

namespace isoflop::sim {

struct ExpertSpread {
  double copies = 0;   ///< token-expert pairs of the busiest group, expected
  double touched = 0;  ///< distinct experts with a token on the group that has most of them, expected
};

/// `experts` must be a multiple of `groups`; each token chooses `per_token` experts by `skew` as Routing.
ExpertSpread busiest_group(std::int64_t experts, std::int64_t per_token, std::int64_t groups, double tokens,
                           double skew);

}  // namespace isoflop::sim
