// Parameters recounted from the dimensions against what the row states.
#include <algorithm>
#include <cmath>

#include "isoflop/audit/model_row.h"
#include "isoflop/audit/rules.h"
#include "isoflop/catalogue/model_architecture.h"
#include "isoflop/error.h"
#include "isoflop/model/parameters.h"
#include "isoflop/number_text.h"

namespace isoflop::audit {
namespace {

std::string counted(std::int64_t n) { return std::to_string(n) + " (" + format_count(static_cast<double>(n)) + ")"; }

struct Span {
  double low = 0, high = 0;
  std::size_t variants = 0;
  void include(double value) {
    low = variants == 0 ? value : std::min(low, value);
    high = variants == 0 ? value : std::max(high, value);
    ++variants;
  }
};

bool says(const std::string& text, std::initializer_list<const char*> words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return text.find(word) != std::string::npos; });
}

// Tables often leave out what a recount needs (key/value heads, gating, tied head). Every completion that the row
// allows is counted, and the stated size must lie among the results.
std::vector<ModelRecord> completions(const ModelRecord& row, bool ffn_may_be_expert) {
  std::vector<ModelRecord> open = {row};
  const auto branch = [&](auto is_missing, auto set, auto values) {
    std::vector<ModelRecord> next;
    for (const auto& record : open) {
      if (!is_missing(record)) {
        next.push_back(record);
        continue;
      }
      for (const auto& value : values(record)) {
        next.push_back(record);
        set(next.back(), value);
      }
    }
    open = std::move(next);
  };
  using Counts = std::vector<std::int64_t>;
  using Truths = std::vector<bool>;
  branch([](const auto& m) { return !m.kv_heads; }, [](auto& m, std::int64_t v) { m.kv_heads = v; },
         [](const auto& m) {
           if (says(m.attention, {"MQA"}) && !says(m.attention, {"GQA"})) return Counts{1, *m.heads};
           if (says(m.attention, {"MHA"})) return Counts{*m.heads};
           return Counts{1, *m.heads};
         });
  branch([](const auto& m) { return !m.head_dim; }, [](auto& m, std::int64_t v) { m.head_dim = v; },
         [](const auto& m) {
           return Counts{*m.hidden_size / *m.heads, std::max<std::int64_t>(*m.hidden_size / *m.heads, 256)};
         });
  branch([](const auto& m) { return !m.gated_ffn; }, [](auto& m, bool v) { m.gated_ffn = v; },
         [](const auto& m) {
           return says(m.activation, {"GLU", "SiLU"}) ? Truths{true} : Truths{false, true};
         });
  branch([](const auto& m) { return !m.tied_embeddings; }, [](auto& m, bool v) { m.tied_embeddings = v; },
         [](const auto&) {
           return Truths{false, true};
         });
  for (auto& m : open) {
    if (m.experts && !m.expert_ffn_size && ffn_may_be_expert) m.expert_ffn_size = m.ffn_size;
    if (!m.norms_per_layer) m.norms_per_layer = 2;
    if (m.biases.empty()) m.biases = "none";
    if (m.norm.empty()) m.norm = "RMSNorm";
    if (m.position_encoding.empty() || m.position_encoding.rfind("RoPE", 0) == 0) m.position_encoding = "RoPE";
    m.attention = *m.kv_heads == *m.heads ? "MHA" : *m.kv_heads == 1 ? "MQA" : "GQA";
    m.activation = *m.gated_ffn ? "SwiGLU" : "GELU";
    m.attention_pattern.clear();
  }
  return open;
}

void check_incomplete(Auditor& auditor, const ModelColumns& columns, const ModelRow& row) {
  const ModelRecord& m = row.record;
  const bool total_stated = m.params_total_published.has_value();
  const Count stated = total_stated ? m.params_total_published : m.experts ? Count() : m.params_active_published;
  const auto column = total_stated ? columns.total : columns.active;
  if (!stated || !column || !m.layers || !m.hidden_size || !m.heads || *m.heads == 0 || !m.vocabulary_size ||
      (!m.ffn_size && !m.expert_ffn_size) || says(m.attention, {"MLA", "hybrid", "MoA", "Mamba"}))
    return;
  Span span;
  for (const auto& completion : completions(m, !columns.expert_ffn_size)) {
    try {
      span.include(static_cast<double>(count_parameters(architecture_of(completion)).total));
    } catch (const Error&) {
      // This completion describes no model; the others may.
    }
  }
  if (span.variants == 0) return;
  auditor.tested("recount within bounds");
  const double value = static_cast<double>(*stated);
  // Unstated extras (dense parts, shared experts, padding) and rounding of the printed size: 20 %.
  if (value >= span.low / 1.2 && value <= span.high * 1.2) return;
  auditor.report(Severity::Error, Basis::Itself, "recount within bounds", row.row, column,
                 format_count(span.low) + " to " + format_count(span.high) +
                     " parameters, counted from the dimensions" + slip_hint(value, span.low / 1.2, span.high * 1.2));
}

void check_exact(Auditor& auditor, const ModelRow& row, std::optional<std::size_t> column, const Count& stated,
                 std::int64_t right, const char* what) {
  if (!stated || !column) return;
  auditor.tested("recount");
  if (*stated != right)
    auditor.report(Severity::Error, Basis::Itself, "recount", row.row, column,
                   counted(right) + ": " + what + " counted from the dimensions");
}

void check_published(Auditor& auditor, const ModelRow& row, std::optional<std::size_t> column, const Count& stated,
                     double low, double high, const char* what) {
  if (!stated || !column) return;
  auditor.tested("recount");
  const double value = static_cast<double>(*stated);
  const double scale = value / std::max(1e-300, auditor.number(row.row, column).value_or(value));
  const double slack = auditor.rounding(row.row, *column) * scale;
  if (value + slack >= low / 1.02 && value - slack <= high * 1.02) return;
  const bool wrong = value + slack < low / 1.1 || value - slack > high * 1.1;
  const std::string right = low == high ? format_count(low) : format_count(low) + " to " + format_count(high);
  auditor.report(wrong ? Severity::Error : Severity::Warning, Basis::Itself, "recount", row.row, column,
                 right + " " + what + ", counted from the dimensions" + slip_hint(value, low / 1.1, high * 1.1));
}

// A name that `models show`, `train` and `serve` would refuse. Tables without dimensions may call it what they like.
bool check_activation(Auditor& auditor, const ModelColumns& columns, const ModelRow& row) {
  auditor.tested("activation");
  if (row.record.family == "OpenELM" || activation_named(row.record.activation)) return true;
  auditor.report(Severity::Error, Basis::Bounds, "activation", row.row, columns.activation,
                 "one of " + activation_names() + "; with any other name the model cannot be shown or priced",
                 row.record.activation.empty() ? "nothing" : "");
  return false;
}

}  // namespace

void check_recount(Auditor& auditor, const ModelColumns& columns, const ModelRow& row) {
  const ModelRecord& m = row.record;
  std::optional<ParameterCount> count;
  if (!why_no_architecture(m) && check_activation(auditor, columns, row)) try {
      auditor.tested("architecture");
      count = count_parameters(architecture_of(m));
    } catch (const Error& problem) {
      // Most such dimensions have been found by the rule on them, which says it better.
      if (!auditor.found_error(row.row))
        auditor.report(Severity::Error, Basis::Itself, "architecture", row.row, std::nullopt,
                       std::string("dimensions of a model that can be counted: ") + problem.what());
    }
  if (!count) {
    // Where the second source knows that the design cannot be counted, bounds would mislead.
    if (!(row.known && why_no_architecture(*row.known)) && !columns.total_recounted)
      check_incomplete(auditor, columns, row);
    return;
  }
  check_exact(auditor, row, columns.total_recounted, m.params_total_recounted, count->total, "all parameters");
  check_exact(auditor, row, columns.active_recounted, m.params_active_recounted, count->active, "active parameters");
  check_exact(auditor, row, columns.nonembedding_recounted, m.params_active_nonembedding_recounted,
              count->active_without_embeddings, "active parameters without embeddings");
  const double total = static_cast<double>(count->total);
  check_published(auditor, row, columns.total, m.params_total_published, total, total, "parameters");
  // Owners count active parameters with or without the embeddings.
  check_published(auditor, row, columns.active, m.params_active_published,
                  static_cast<double>(m.experts ? count->active_without_embeddings : count->active),
                  static_cast<double>(count->active), "active parameters");
}

void check_exact_counts(Auditor& auditor) {
  const auto model = auditor.column({"model"}), exact = auditor.column({"params_exact"});
  for (std::size_t row = 0; row < auditor.table().rows(); ++row) {
    const ModelRecord* known = auditor.references().models().find(auditor.text(row, model));
    const auto stated = auditor.number(row, exact);
    if (!known || !stated || why_no_architecture(*known)) continue;
    auditor.tested("recount");
    const auto count = count_parameters(architecture_of(*known)).total;
    if (static_cast<double>(count) != *stated)
      auditor.report(Severity::Error, Basis::Catalogue, "recount", row, exact,
                     counted(count) + ", counted from the catalogue's dimensions; off by " +
                         std::to_string(count - static_cast<std::int64_t>(*stated)));
  }
}

}  // namespace isoflop::audit
