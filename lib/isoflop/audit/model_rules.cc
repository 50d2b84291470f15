#include <algorithm>
#include <cctype>
#include <cmath>

#include "isoflop/audit/model_row.h"
#include "isoflop/audit/rules.h"
#include "isoflop/number_text.h"

namespace isoflop::audit {

ModelColumns::ModelColumns(const Auditor& a)
    : total(a.column(
          {"params_total_published", "total_params_published_billion", "total_params_billion", "total_params"})),
      active(a.column(
          {"params_active_published", "active_params_published_billion", "active_params_billion", "active_params"})),
      total_recounted(a.column({"params_total_recounted", "total_params_recomputed"})),
      active_recounted(a.column({"params_active_recounted", "active_params_recomputed"})),
      nonembedding_recounted(
          a.column({"params_active_nonembedding_recounted", "active_nonembedding_params_recomputed"})),
      tokens(a.column({"training_tokens", "training_tokens_trillion", "tokens"})),
      layers(a.column({"layers"})),
      hidden_size(a.column({"hidden_size"})),
      heads(a.column({"heads"})),
      kv_heads(a.column({"kv_heads"})),
      head_dim(a.column({"head_dim"})),
      ffn_size(a.column({"ffn_size"})),
      expert_ffn_size(a.column({"expert_ffn_size"})),
      experts(a.column({"experts"})),
      experts_per_token(a.column({"experts_per_token"})),
      shared_experts(a.column({"shared_experts"})),
      vocabulary(a.column({"vocabulary_size", "vocabulary_thousand"})),
      context(a.column({"context_tokens", "training_context_thousand_tokens"})),
      window(a.column({"sliding_window_tokens"})),
      attention(a.column({"attention"})),
      attention_pattern(a.column({"attention_pattern"})),
      activation(a.column({"activation"})),
      moe(a.column({"moe"})),
      norm(a.column({"norm"})),
      position(a.column({"position_encoding"})) {}

std::vector<std::string> label_words(const std::string& label) {
  std::vector<std::string> words;
  std::string word;
  for (char c : label + " ") {
    if (std::isalnum(static_cast<unsigned char>(c)) || c == '-') word += c;
    else if (!word.empty()) words.push_back(std::move(word)), word.clear();
  }
  return words;
}

std::optional<double> size_in_name(std::string_view name) {
  const auto digit = [&](std::size_t i) {
    return i < name.size() && std::isdigit(static_cast<unsigned char>(name[i]));
  };
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool starts =
        digit(i) &&
        (i == 0 || !(digit(i - 1) || name[i - 1] == '.' || std::isalpha(static_cast<unsigned char>(name[i - 1]))));
    if (!starts) continue;
    double factor = 1;
    std::size_t at = i;
    while (true) {
      std::size_t end = at;
      while (digit(end) || (end < name.size() && name[end] == '.' && digit(end + 1))) ++end;
      const auto value = parse_plain_number(name.substr(at, end - at));
      if (!value || end >= name.size()) break;
      const char unit = static_cast<char>(std::tolower(static_cast<unsigned char>(name[end])));
      if (unit == 'x' && digit(end + 1)) {
        factor *= *value;
        at = end + 1;
        continue;
      }
      const bool word_ends = end + 1 >= name.size() || !std::isalnum(static_cast<unsigned char>(name[end + 1]));
      if (word_ends && (unit == 'b' || unit == 'm') && *value > 0) return factor * *value * (unit == 'b' ? 1e9 : 1e6);
      break;
    }
  }
  return std::nullopt;
}

namespace {

// Bounds of what is known to exist, with room; sources: the catalogue's own extremes (70M Pythia to 671B DeepSeek-V3,
// closed models to about 2T; 40T tokens of Llama 4 Scout; 10M tokens of context) and a factor of two or more beyond.
struct Bound {
  std::optional<std::size_t> ModelColumns::*column;
  Count ModelRecord::*member;
  double low, high;
  const char* what;
};

constexpr double most_tokens_known = 5e13;

const Bound bounds[] = {
    {&ModelColumns::total, &ModelRecord::params_total_published, 1e6, 2e13, "parameters"},
    {&ModelColumns::active, &ModelRecord::params_active_published, 1e6, 5e12, "active parameters"},
    {&ModelColumns::tokens, &ModelRecord::training_tokens, 1e8, most_tokens_known, "training tokens"},
    {&ModelColumns::layers, &ModelRecord::layers, 1, 300, "layers"},
    {&ModelColumns::hidden_size, &ModelRecord::hidden_size, 16, 65536, "hidden size"},
    {&ModelColumns::heads, &ModelRecord::heads, 1, 512, "heads"},
    {&ModelColumns::kv_heads, &ModelRecord::kv_heads, 1, 512, "key/value heads"},
    {&ModelColumns::head_dim, &ModelRecord::head_dim, 8, 576, "head width"},
    {&ModelColumns::ffn_size, &ModelRecord::ffn_size, 32, 300000, "feed-forward width"},
    {&ModelColumns::expert_ffn_size, &ModelRecord::expert_ffn_size, 32, 300000, "expert width"},
    {&ModelColumns::experts, &ModelRecord::experts, 2, 4096, "experts"},
    {&ModelColumns::experts_per_token, &ModelRecord::experts_per_token, 1, 64, "experts per token"},
    {&ModelColumns::vocabulary, &ModelRecord::vocabulary_size, 100, 1.1e6, "embedding rows"},
    {&ModelColumns::context, &ModelRecord::context_tokens, 64, 2e7, "tokens of context"},
};

std::string span(double low, double high) { return format_count(low) + " to " + format_count(high); }

double as_double(const Count& count) { return static_cast<double>(*count); }

}  // namespace

void check_ranges(Auditor& auditor, const ModelColumns& columns, const ModelRow& row) {
  for (const auto& bound : bounds) {
    const Count& value = row.record.*bound.member;
    const auto column = columns.*bound.column;
    if (!column || !value) continue;
    auditor.tested("range");
    const double v = as_double(value);
    if (v >= bound.low && v <= bound.high) continue;
    // A token count that a slip would explain must also fit the size of the model: at least 3 tokens per parameter.
    const bool is_tokens = bound.member == &ModelRecord::training_tokens;
    const double low = is_tokens && row.record.params_active() ? 3 * as_double(row.record.params_active()) : bound.low;
    auditor.report(Severity::Error, Basis::Bounds, "range", row.row, column,
                   span(bound.low, bound.high) + " " + bound.what + slip_hint(v, low, bound.high));
  }
  const Count params = row.record.params_active();
  if (!params || !row.record.training_tokens || *params == 0 ||
      as_double(row.record.training_tokens) > most_tokens_known)
    return;
  auditor.tested("tokens per parameter");
  const double ratio = as_double(row.record.training_tokens) / as_double(params);
  if (ratio < 0.2 || ratio > 1e5)
    auditor.report(
        ratio < 0.005 || ratio > 5e5 ? Severity::Error : Severity::Warning, Basis::Bounds, "tokens per parameter",
        row.row, columns.tokens,
        "0.2 to 100K tokens per active parameter; here " + format_number(ratio, 3) + slip_hint(ratio, 0.5, 2e4));
}

void check_dimensions(Auditor& auditor, const ModelColumns& columns, const ModelRow& row) {
  const ModelRecord& m = row.record;
  if (m.heads && m.kv_heads && *m.kv_heads > 0 && *m.kv_heads <= *m.heads) {
    auditor.tested("heads");
    if (*m.heads % *m.kv_heads != 0)
      auditor.report(
          Severity::Error, Basis::Itself, "heads", row.row, columns.kv_heads,
          "a divisor of " + std::to_string(*m.heads) + " heads: each key/value head serves as many query heads");
  }
  if (m.heads && m.head_dim && m.hidden_size) {
    auditor.tested("heads");
    const double ratio = as_double(m.heads) * as_double(m.head_dim) / as_double(m.hidden_size);
    if (ratio < 0.3 || ratio > 4)
      auditor.report(Severity::Warning, Basis::Bounds, "heads", row.row, columns.head_dim,
                     "heads x head width of 0.3 to 4 times the hidden size; here " + format_number(ratio, 3));
  }
  if (m.hidden_size && m.ffn_size) {
    auditor.tested("feed-forward width");
    const double ratio = as_double(m.ffn_size) / as_double(m.hidden_size);
    const bool may_be_expert = m.experts.has_value() && !columns.expert_ffn_size;
    if (ratio > 16 || ratio < (may_be_expert ? 0.05 : 0.8))
      auditor.report(
          Severity::Warning, Basis::Bounds, "feed-forward width", row.row, columns.ffn_size,
          "0.8 to 16 times the hidden size of " + std::to_string(*m.hidden_size) + "; here " + format_number(ratio, 3));
  }
  const std::string moe = auditor.text(row.row, columns.moe);
  if (!moe.empty()) {
    auditor.tested("experts");
    if (moe == "no" && m.experts)
      auditor.report(Severity::Error, Basis::Itself, "experts", row.row, columns.experts,
                     "none: column \"moe\" says no");
    if (moe != "no" && !m.experts)
      auditor.report(Severity::Warning, Basis::Itself, "experts", row.row, columns.experts,
                     "a number of experts: column \"moe\" says " + moe, "nothing");
  }
  if (m.experts.has_value() != m.experts_per_token.has_value() && columns.experts && columns.experts_per_token)
    auditor.report(Severity::Error, Basis::Itself, "experts", row.row,
                   m.experts ? columns.experts_per_token : columns.experts, "experts and experts per token together",
                   "nothing");
  const Count total = m.params_total_published, active = m.params_active_published;
  if (columns.experts && total && active && m.layers) {
    auditor.tested("experts");
    if (!m.experts && as_double(active) < 0.98 * as_double(total))
      auditor.report(Severity::Error, Basis::Itself, "experts", row.row, columns.active,
                     "all " + format_count(as_double(total)) + " parameters active: the row lists no experts");
    if (m.experts && as_double(active) > 0.97 * as_double(total))
      auditor.report(Severity::Error, Basis::Itself, "experts", row.row, columns.active,
                     "fewer than the " + format_count(as_double(total)) + " in all: the row lists " +
                         std::to_string(*m.experts) + " experts");
  }
}

void check_attention_label(Auditor& auditor, const ModelColumns& columns, const ModelRow& row) {
  const ModelRecord& m = row.record;
  if (!m.heads || !m.kv_heads) return;
  const std::int64_t h = *m.heads, g = *m.kv_heads;
  const std::string right = g == h ? "MHA" : g == 1 ? "MQA" : "GQA";
  for (const auto& word : label_words(m.attention)) {
    if (word != "MHA" && word != "GQA" && word != "MQA") continue;
    auditor.tested("attention label");
    // One head is all three at once.
    if (word == right || h == 1) continue;
    // Some owners call one shared key/value head a group of one.
    const bool naming = word == "GQA" && right == "MQA";
    auditor.report(naming ? Severity::Warning : Severity::Error, Basis::Itself, "attention label", row.row,
                   columns.attention,
                   right + ": " + std::to_string(h) + " heads with " + std::to_string(g) + " key/value heads");
  }
}

void check_name_against_size(Auditor& auditor, const ModelColumns& columns, const ModelRow& row) {
  const auto size = size_in_name(row.record.name);
  const bool has_total = row.record.params_total_published.has_value();
  const Count stated = has_total ? row.record.params_total_published : row.record.params_active_published;
  if (!size || !stated || (!has_total && row.record.experts)) return;
  auditor.tested("name against size");
  const double ratio = as_double(stated) / *size;
  if (ratio > 1 / 1.45 && ratio < 1.45) return;
  const bool slipped = ratio > 300 || ratio < 1.0 / 300;
  auditor.report(
      slipped ? Severity::Error : Severity::Warning, Basis::Itself, "name against size", row.row,
      has_total ? columns.total : columns.active,
      "about " + format_count(*size) + " parameters, as the name says" + (slipped ? slip_hint(ratio, 0.69, 1.45) : ""));
}

void check_models(Auditor& auditor) {
  const auto& table = auditor.table();
  const ModelColumns columns(auditor);
  const RecordReader<ModelRecord> reader(table, model_fields());
  const bool is_catalogue = table.sha256() == auditor.references().models().origin().sha256;
  std::map<std::string, std::size_t> first_row;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    ModelRow model{row,
                   reader.read(row,
                               [&](std::size_t column, const std::string& message) {
                                 const auto colon = message.find("\": ");
                                 auditor.report(
                                     Severity::Error, Basis::Bounds, "number", row, column,
                                     colon == std::string::npos
                                         ? "a plain number"
                                         : "a plain number; it " + message.substr(message.find("\" ", colon + 3) + 2));
                               }),
                   nullptr};
    ModelRecord& m = model.record;
    if (m.name.empty()) m.name = m.id;
    // One expert, or none, is how some tables write a dense model.
    if (m.experts && *m.experts <= 1) m.experts = m.experts_per_token = std::nullopt;
    if (m.name.empty()) {
      auditor.report(Severity::Error, Basis::Itself, "name", row, std::nullopt, "a name", "nothing");
      continue;
    }
    const auto [place, is_new] = first_row.emplace(comparable_name(m.id.empty() ? m.name : m.id), row);
    auditor.tested("duplicate model");
    if (!is_new)
      auditor.report(Severity::Error, Basis::Itself, "duplicate model", row, auditor.column({"id", "model", "name"}),
                     "each model once; it already stands in line " + std::to_string(table.line(place->second)));
    if (!is_catalogue) {
      model.known = auditor.references().models().find(m.id.empty() ? m.name : m.id);
      if (!model.known) model.known = auditor.references().models().find(m.name);
    }
    check_ranges(auditor, columns, model);
    check_dimensions(auditor, columns, model);
    check_attention_label(auditor, columns, model);
    check_name_against_size(auditor, columns, model);
    check_recount(auditor, columns, model);
    check_stated_compute(auditor, columns, model);
    check_against_catalogue(auditor, columns, model);
  }
}

}  // namespace isoflop::audit
