// What a set of runs can and cannot tell about a law with separate terms in N and D, before any number is fitted.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "isoflop/fits/chinchilla_fit.h"
#include "isoflop/fits/run_table.h"

namespace isoflop::fits {

/// Group of each value when sorted values are split where ln x jumps by more than `gap`; groups count from 0 upwards
/// in x. Sizes read off a figure jitter, so equality would not group them.
std::vector<std::size_t> log_groups(const std::vector<double>& values, double gap = 0.01);
std::size_t group_count(const std::vector<std::size_t>& groups);

/// Values that differ: counted upwards, a new one where it exceeds the last counted by more than `gap` in ln x.
std::size_t level_count(const std::vector<double>& values, double gap = 0.01);

/// Empty when the runs can determine the free parameters in principle; otherwise a sentence saying what they lack:
/// fewer runs than parameters, too few distinct N or D, or D a power of N in every run (the terms then swap freely).
std::string identifiability_problem(const RunTable& runs, const ChinchillaOptions& options);

}  // namespace isoflop::fits
