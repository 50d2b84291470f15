// How likely each expert of a mixture is chosen by one token.
#pragma once
#include <cstdint>
#include <vector>

namespace isoflop {

/// q_i of the experts from most to least popular: proportional to rank^-skew, none above 1, sum = per_token. A token
/// chooses expert i with probability q_i, independently between tokens.
std::vector<double> inclusion_probabilities(std::int64_t experts, std::int64_t per_token, double skew);

}  // namespace isoflop
