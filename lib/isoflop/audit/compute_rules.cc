// Stated training compute against 6 N D.
#include <cmath>

#include "isoflop/audit/model_row.h"
#include "isoflop/number_text.h"

namespace isoflop::audit {
namespace {

double as_double(const Count& count) { return static_cast<double>(*count); }

void check_product(Auditor& auditor, const ModelRow& row, const char* name, const Count& params, double tolerance) {
  const auto column = auditor.column({name});
  const auto stated = auditor.number(row.row, column);
  if (!stated || !params || !row.record.training_tokens) return;
  const double right = 6 * as_double(params) * as_double(row.record.training_tokens);
  auditor.tested("6ND");
  const double ratio = *stated / right;
  if (std::fabs(ratio - 1) <= tolerance) return;
  const bool wrong = ratio > 2 || ratio < 0.5 || tolerance < 0.01;
  auditor.report(wrong ? Severity::Error : Severity::Warning, Basis::Itself, "6ND", row.row, column,
                 format_number(right, 4) + " = 6 x " + format_count(as_double(params)) + " x " +
                     format_count(as_double(row.record.training_tokens)) + " tokens; stated is " +
                     format_number(ratio, 3) + " times that" + slip_hint(ratio, 0.5, 2));
}

}  // namespace

void check_stated_compute(Auditor& auditor, const ModelColumns&, const ModelRow& row) {
  const ModelRecord& m = row.record;
  check_product(auditor, row, "training_flop_6nd_published", m.params_active_published, 0.001);
  check_product(auditor, row, "training_flop_6nd_recomputed", m.params_active_recounted, 0.001);
  for (const char* name : {"training_flop", "training_flops", "compute_flop", "flops"})
    check_product(auditor, row, name, m.params_active(), 0.35);
}

}  // namespace isoflop::audit
