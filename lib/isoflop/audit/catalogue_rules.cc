// The same model in the catalogue as second source.
#include <algorithm>
#include <cmath>

#include "isoflop/audit/model_row.h"
#include "isoflop/number_text.h"

namespace isoflop::audit {
namespace {

constexpr const char* rule = "differs from catalogue";

double as_double(const Count& count) { return static_cast<double>(*count); }

// The first of several sources is enough to look the value up.
std::string first_source(const std::string& sources) { return "[" + sources.substr(0, sources.find(" ; ")) + "]"; }

// One value must be a digit of the other's printing for a whole number; sizes and tokens are compared within a share.
void compare_count(Auditor& auditor, const ModelRow& row, std::optional<std::size_t> column, const Count& stated,
                   std::initializer_list<Count> known, double warn_share, double error_share,
                   const std::string& source) {
  if (!column || !stated) return;
  double nearest = 0, distance = 1e300;
  for (const auto& candidate : known) {
    if (!candidate || *candidate == 0) continue;
    const double d = std::fabs(std::log(as_double(stated) / as_double(candidate)));
    if (d < distance) distance = d, nearest = as_double(candidate);
  }
  if (nearest == 0 || *stated == 0) return;
  auditor.tested(rule);
  const double scale = as_double(stated) / auditor.number(row.row, column).value_or(as_double(stated));
  const double slack = auditor.rounding(row.row, *column) * scale;
  const double difference =
      std::max(0.0, std::fabs(as_double(stated) - nearest) - (warn_share > 0 || scale > 1 ? slack : 0));
  const double share = difference / nearest;
  if (share <= warn_share) return;
  auditor.report(share > error_share ? Severity::Error : Severity::Warning, Basis::Catalogue, rule, row.row, column,
                 format_count(nearest, 4) + " " + first_source(source) +
                     slip_hint(as_double(stated), nearest / 1.5, nearest * 1.5));
}

bool has(const std::vector<std::string>& words, const std::string& word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

void compare_attention(Auditor& auditor, const ModelColumns& columns, const ModelRow& row) {
  if (!columns.attention || row.record.attention.empty() || row.known->attention.empty()) return;
  const auto words = label_words(row.record.attention);
  const ModelRecord& known = *row.known;
  auditor.tested(rule);
  std::string stated;
  for (const char* kind : {"MHA", "GQA", "MQA", "MLA"})
    if (has(words, kind)) stated = kind;
  if (!stated.empty() && stated != known.attention && known.attention != "hybrid")
    auditor.report(Severity::Error, Basis::Catalogue, rule, row.row, columns.attention,
                   known.attention +
                       (known.heads && known.kv_heads ? ": " + std::to_string(*known.heads) + " heads with " +
                                                            std::to_string(*known.kv_heads) + " key/value heads"
                                                      : "") +
                       " " + first_source(known.architecture_source));
  const bool windowed = known.sliding_window_tokens || known.attention_pattern.find("window") != std::string::npos ||
                        known.attention_pattern.find("local") != std::string::npos || known.attention == "hybrid";
  if (has(words, "SWA") && !windowed)
    auditor.report(Severity::Error, Basis::Catalogue, rule, row.row, columns.attention,
                   "no sliding window (SWA) " + first_source(known.architecture_source));
}

}  // namespace

void check_against_catalogue(Auditor& auditor, const ModelColumns& columns, const ModelRow& row) {
  if (!row.known) return;
  const ModelRecord &m = row.record, &known = *row.known;
  const std::string& shape = known.architecture_source;
  compare_count(auditor, row, columns.total, m.params_total_published,
                {known.params_total_published, known.params_total_recounted}, 0.05, 0.25, known.params_source);
  compare_count(
      auditor, row, columns.active, m.params_active_published,
      {known.params_active_published, known.params_active_recounted, known.params_active_nonembedding_recounted}, 0.05,
      0.25, known.params_source);
  compare_count(auditor, row, columns.tokens, m.training_tokens, {known.training_tokens}, 0.02, 0.25,
                known.tokens_source);
  if (m.training_tokens && known.tokens_confidence == "undisclosed" && columns.tokens)
    auditor.report(Severity::Warning, Basis::Catalogue, rule, row.row, columns.tokens,
                   "a source: the owner does not disclose the number of training tokens");
  compare_count(auditor, row, columns.layers, m.layers, {known.layers}, 0, 0, shape);
  compare_count(auditor, row, columns.hidden_size, m.hidden_size, {known.hidden_size}, 0, 0, shape);
  compare_count(auditor, row, columns.heads, m.heads, {known.heads}, 0, 0, shape);
  compare_count(auditor, row, columns.kv_heads, m.kv_heads, {known.kv_heads}, 0, 0, shape);
  compare_count(auditor, row, columns.head_dim, m.head_dim, {known.head_dim}, 0, 0, shape);
  // Tables without a column for experts print the expert width as the feed-forward width.
  compare_count(auditor, row, columns.ffn_size, m.ffn_size,
                {known.ffn_size, columns.expert_ffn_size ? Count() : known.expert_ffn_size}, 0, 0, shape);
  compare_count(auditor, row, columns.expert_ffn_size, m.expert_ffn_size, {known.expert_ffn_size}, 0, 0, shape);
  compare_count(auditor, row, columns.experts, m.experts, {known.experts}, 0, 0, shape);
  compare_count(auditor, row, columns.experts_per_token, m.experts_per_token, {known.experts_per_token}, 0, 0, shape);
  compare_count(auditor, row, columns.shared_experts, m.shared_experts, {known.shared_experts}, 0, 0, shape);
  compare_count(auditor, row, columns.vocabulary, m.vocabulary_size, {known.vocabulary_size}, 0.03, 0.25, shape);
  // Contexts are extended up to 64 times in later versions of a model; only more than that is a slip.
  compare_count(auditor, row, columns.context, m.context_tokens, {known.context_tokens}, 64, 300, known.facts_source);
  compare_attention(auditor, columns, row);
}

}  // namespace isoflop::audit
