#include <cmath>
#include <map>

#include "isoflop/audit/rules.h"
#include "isoflop/number_text.h"

namespace isoflop::audit {

void check_runs(Auditor& auditor) {
  const auto& table = auditor.table();
  const auto params = table.find_any({"params", "N", "Model Size", "model_params", "parameters"});
  const auto tokens = table.find_any({"tokens", "D", "Training Tokens", "training_tokens"});
  const auto flops = table.find_any({"flops", "C", "Training FLOP", "training_flops"});
  const auto loss = table.find_any({"loss"});
  std::map<std::pair<double, double>, std::size_t> first_line;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    for (const auto& column : {params, tokens, flops, loss}) {
      if (!column) continue;
      if (!auditor.number(row, column))
        auditor.report(Severity::Error, Basis::Bounds, "number", row, column, "a plain number");
    }
    const auto n = auditor.number(row, params), c = auditor.number(row, flops), l = auditor.number(row, loss);
    auto d = auditor.number(row, tokens);
    const bool tokens_stated = d.has_value();
    if (!d && n && c && *n > 0) d = *c / (6 * *n);
    const auto bounded = [&](const std::optional<double>& value, const auto& column, double low, double high,
                             const char* what) {
      if (!value || !column) return;
      auditor.tested("range");
      if (*value < low || *value > high)
        auditor.report(Severity::Error, Basis::Bounds, "range", row, column,
                       format_count(low) + " to " + format_count(high) + " " + what + slip_hint(*value, low, high));
    };
    bounded(n, params, 1e3, 2e13, "parameters");
    bounded(tokens_stated ? d : std::nullopt, tokens, 1e3, 1e14, "tokens");
    bounded(l, loss, 0.2, 15, "nats per token");
    if (n && d && c && tokens_stated && *n > 0 && *d > 0) {
      auditor.tested("6ND");
      const double ratio = *c / (6 * *n * *d);
      if (ratio < 0.8 || ratio > 1.25)
        auditor.report(ratio < 0.3 || ratio > 3 ? Severity::Error : Severity::Warning, Basis::Itself, "6ND", row, flops,
                       format_number(6 * *n * *d, 4) + " FLOP = 6 x params x tokens; stated is " +
                           format_number(ratio, 3) + " times that" + slip_hint(ratio, 0.5, 2));
    }
    if (n && d && *n > 0) {
      auditor.tested("tokens per parameter");
      const double ratio = *d / *n;
      if (ratio < 0.25 || ratio > 1e5)
        auditor.report(Severity::Warning, Basis::Bounds, "tokens per parameter", row, tokens ? tokens : flops,
                       "0.25 to 100K tokens per parameter; here " + format_number(ratio, 3));
    }
    if (n && d && l) {
      auditor.tested("repeated run");
      const auto [place, is_new] = first_line.emplace(std::pair{*n, *d}, table.line(row));
      if (!is_new)
        auditor.report(
            Severity::Note, Basis::Itself, "repeated run", row, params,
            "one row per run; line " + std::to_string(place->second) + " has the same parameters and tokens");
    }
  }
}

}  // namespace isoflop::audit
