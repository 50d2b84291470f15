// The result of `fit` as JSON members and tables for people.
#pragma once
#include "apps/losses/fit_analysis.h"
#include "isoflop/report/report.h"

namespace isoflop::app {

/// Parameters, exponents, status and the scheme they rest on; MUST keys of the `fit` result.
void report_fit(Report& report, const FitAnalysis& analysis);
/// Optimal N, D, D/N and loss at the budgets; without any, at the runs' highest compute and the decades above it.
void report_allocation(Report& report, const FitAnalysis& analysis, std::vector<double> budgets_flop);
/// Certificate and identifiability: member `diagnostics`, and the chain shown by --explain.
void report_certificate(Report& report, const FitAnalysis& analysis);
/// Standard errors and intervals under every scheme that the runs allow.
void report_schemes(Report& report, const FitAnalysis& analysis);
/// Threshold and outlier sweeps, influence, hindcast, tests of the form, profiles: tables, JSON and plots.
void report_diagnostics(Report& report, const FitAnalysis& analysis);
/// Every replicate, as columns.
void report_draws(Report& report, const FitAnalysis& analysis);

std::string fit_headline(const FitAnalysis& analysis);

/// Unknown where the number is not finite.
TableCell finite_cell(double x);

}  // namespace isoflop::app
