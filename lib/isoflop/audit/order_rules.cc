#include "isoflop/audit/rules.h"

namespace isoflop::audit {
namespace {

struct OrderedPair {
  const char* smaller;
  const char* larger;
  const char* why;
};

constexpr OrderedPair ordered_pairs[] = {
    {"kv_heads", "heads", "key/value heads are shared by query heads"},
    {"params_active_published", "params_total_published", "active parameters are part of all"},
    {"active_params_published_billion", "total_params_published_billion", "active parameters are part of all"},
    {"active_params_billion", "total_params_billion", "active parameters are part of all"},
    {"active_params", "total_params", "active parameters are part of all"},
    {"params_active_recounted", "params_total_recounted", "active parameters are part of all"},
    {"active_params_recomputed", "total_params_recomputed", "active parameters are part of all"},
    {"params_active_nonembedding_recounted", "params_active_recounted", "non-embedding parameters are part of all"},
    {"active_nonembedding_params_recomputed", "active_params_recomputed", "non-embedding parameters are part of all"},
    {"experts_per_token", "experts", "a token passes some of the experts"},
    {"layers", "hidden_size", "no model has more layers than its width"},
    {"heads", "hidden_size", "no model has more heads than its width"},
    {"sliding_window_tokens", "context_tokens", "a window is part of the context"},
    {"power_w_low", "power_w_high", "low is at most high"},
    {"kgco2e_low", "kgco2e_high", "low is at most high"},
    {"measured_bf16_matmul_tflop_per_s", "bf16_tflop_per_s", "no measurement exceeds the peak"},
    {"questions_checked", "test_questions", "the checked questions are part of the test"},
};

void check_pair(Auditor& auditor, const OrderedPair& pair) {
  const auto smaller = auditor.column({pair.smaller}), larger = auditor.column({pair.larger});
  if (!smaller || !larger) return;
  std::vector<std::size_t> wrong;
  std::size_t tested = 0;
  const auto& table = auditor.table();
  for (std::size_t row = 0; row < table.rows(); ++row) {
    const auto low = auditor.number(row, smaller), high = auditor.number(row, larger);
    if (!low || !high) continue;
    ++tested;
    // Rounded to different digits, equal values may look unordered.
    if (*low > *high + auditor.rounding(row, *smaller) + auditor.rounding(row, *larger)) wrong.push_back(row);
  }
  auditor.tested("order", tested);
  if (wrong.size() >= 2 && 2 * wrong.size() > tested) {
    auditor.report_column(Severity::Error, Basis::Itself, "swapped columns", *smaller,
                          "at most column \"" + std::string(pair.larger) + "\" (" + pair.why +
                              "), but it is larger in " + std::to_string(wrong.size()) + " of " +
                              std::to_string(tested) + " rows: are they swapped?");
    return;
  }
  for (const std::size_t row : wrong)
    auditor.report(Severity::Error, Basis::Itself, "order", row, smaller,
                   "at most " + auditor.text(row, larger) + ", column \"" + pair.larger + "\": " + pair.why);
}

}  // namespace

void check_order(Auditor& auditor) {
  for (const auto& pair : ordered_pairs) check_pair(auditor, pair);
}

}  // namespace isoflop::audit
