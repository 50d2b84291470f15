#include "apps/catalogue/architecture_report.h"
#include "apps/catalogue/catalogue_report.h"
#include "apps/commands.h"
#include "isoflop/catalogue/benchmarks.h"
#include "isoflop/catalogue/conflicts.h"
#include "isoflop/catalogue/model_architecture.h"
#include "isoflop/catalogue/models.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

FactSheet identity(const ModelRecord& m) {
  FactSheet sheet;
  sheet.source(m.facts_source, "unverified");
  sheet.text("organisation", "organisation", m.organisation);
  sheet.text("family", "family", m.family);
  sheet.text("released", "release_date", m.release_date);
  sheet.text("repository", "hf_id", m.hf_id);
  sheet.text("licence", "licence", m.licence);
  sheet.text("openness", "openness", m.openness);
  sheet.text("training data", "data_regime", m.data_regime);
  if (!m.derived_from.empty()) sheet.text("derived from (inherits compute)", "derived_from", m.derived_from);
  sheet.count("context", "context_tokens", m.context_tokens, "tokens");
  sheet.source(m.params_source);
  sheet.count("parameters, published", "params_total_published", m.params_total_published);
  sheet.count("active parameters, published", "params_active_published", m.params_active_published);
  sheet.source(m.tokens_source, m.tokens_confidence);
  sheet.count("training tokens seen", "training_tokens", m.training_tokens, "tokens");
  return sheet;
}

FactSheet dimensions(const ModelRecord& m) {
  FactSheet sheet;
  sheet.source(m.architecture_source, m.architecture_confidence);
  sheet.count("layers", "layers", m.layers);
  sheet.count("hidden size", "hidden_size", m.hidden_size);
  sheet.count("heads", "heads", m.heads);
  sheet.count("key/value heads", "kv_heads", m.kv_heads);
  sheet.count_if_known("head width", "head_dim", m.head_dim);
  sheet.count_if_known("feed-forward width", "ffn_size", m.ffn_size);
  sheet.truth("gated feed-forward", "gated_ffn", m.gated_ffn);
  sheet.count_if_known("experts", "experts", m.experts);
  sheet.count_if_known("experts per token", "experts_per_token", m.experts_per_token);
  sheet.count_if_known("expert width", "expert_ffn_size", m.expert_ffn_size);
  sheet.count_if_known("shared experts", "shared_experts", m.shared_experts);
  sheet.count_if_known("width of all shared experts", "shared_expert_ffn_size", m.shared_expert_ffn_size);
  sheet.count_if_known("leading dense layers", "leading_dense_layers", m.leading_dense_layers);
  sheet.count_if_known("dense residual width", "dense_residual_ffn_size", m.dense_residual_ffn_size);
  sheet.count_if_known("latent query rank", "mla_query_rank", m.mla_query_rank);
  sheet.count_if_known("latent key/value rank", "mla_kv_rank", m.mla_kv_rank);
  sheet.count("vocabulary (embedding rows)", "vocabulary_size", m.vocabulary_size);
  sheet.truth("tied embeddings", "tied_embeddings", m.tied_embeddings);
  sheet.text("attention", "attention", m.attention);
  if (!m.attention_pattern.empty()) sheet.text("attention pattern", "attention_pattern", m.attention_pattern);
  sheet.count_if_known("sliding window", "sliding_window_tokens", m.sliding_window_tokens, "tokens");
  sheet.text("activation", "activation", m.activation);
  sheet.text("norm", "norm", m.norm_variant.empty() ? m.norm : m.norm + ", " + m.norm_variant);
  sheet.text("positions", "position_encoding",
             m.position_variant.empty() ? m.position_encoding : m.position_encoding + ", " + m.position_variant);
  sheet.text("biases", "biases", m.biases);
  return sheet;
}

ReportTable score_table(const std::vector<const ScoreRecord*>& scores) {
  ReportTable table{"Scores (one row per published value; kinds, shots and dates are not comparable with each other)",
                    {{"benchmark", "benchmark", Align::Left}, {"value", "value"}, {"unit", "unit", Align::Left},
                     {"shots", "shots", Align::Left}, {"kind", "kind", Align::Left}, {"date", "date", Align::Left},
                     {"±95 %", "ci95_half_width"}, {"confidence", "confidence", Align::Left},
                     {"source", "source", Align::Left}},
                    {}, ""};
  for (const auto* s : scores) {
    const std::string source = s->original_source.empty() ? s->source : s->original_source + ", by way of " + s->source;
    table.rows.push_back({s->benchmark, s->value, s->unit, s->shots, s->kind, s->date,
                          s->ci95_half_width ? TableCell(*s->ci95_half_width) : TableCell(), s->confidence, source});
  }
  return table;
}

Value score_values(const std::vector<const ScoreRecord*>& scores) {
  Value rows = Value::array();
  for (const auto* s : scores)
    rows.push_back(Value::object({{"benchmark", s->benchmark}, {"value", s->value}, {"unit", s->unit},
                                  {"shots", s->shots}, {"kind", s->kind},
                                  {"date", s->date.empty() ? Value() : Value(s->date)},
                                  {"ci95_half_width", s->ci95_half_width}, {"harness", s->harness},
                                  {"preferred", s->preferred}, {"source", s->source},
                                  {"original_source", s->original_source}, {"confidence", s->confidence}}));
  return rows;
}

void add_conflicts(Report& report, const std::vector<SourceConflict>& conflicts) {
  report.result["conflicts"] = Value::array();
  if (conflicts.empty()) return;
  ReportTable table{"Sources that disagree",
                    {{"field", "field", Align::Left}, {"one source", "value_a", Align::Left},
                     {"another", "value_b", Align::Left}, {"decision", "decision", Align::Left}},
                    {}, ""};
  for (const auto& c : conflicts) {
    const auto with_source = [](const std::string& value, const std::string& source) {
      return source.empty() ? value : value + " (" + source + ")";
    };
    table.rows.push_back({c.field, with_source(c.value_a, c.source_a), with_source(c.value_b, c.source_b), c.decision});
    report.result["conflicts"].push_back(
        Value::object({{"field", c.field}, {"value_a", c.value_a}, {"source_a", c.source_a}, {"value_b", c.value_b},
                       {"source_b", c.source_b}, {"decision", c.decision}}));
  }
  report.tables.push_back(std::move(table));
}

std::string headline(const ModelRecord& m, const std::vector<const ScoreRecord*>& scores) {
  std::string text = m.name + " (" + m.organisation + ", " + m.release_date + "): ";
  text +=
      m.params_total() ? format_count(static_cast<double>(*m.params_total())) + " parameters" : "size not disclosed";
  if (m.is_mixture() && m.params_active())
    text += ", " + format_count(static_cast<double>(*m.params_active())) + " active per token";
  text += m.training_tokens ? ", trained on " + format_count(static_cast<double>(*m.training_tokens)) + " tokens"
                            : ", training tokens not disclosed";
  for (const auto* s : scores)
    if (s->preferred) text += ", MMLU " + format_number(s->value, 3) + " (" + s->kind + ")";
  return text + ".";
}

class ModelsShow : public Command {
 public:
  std::string name() const override { return "models show"; }
  std::string summary() const override { return "Show one model: facts, scores and conflicts, each with its source."; }
  std::string examples() const override {
    return "isoflop models show phi-3-mini\n"
           "isoflop models show meta-llama/Meta-Llama-3-8B --json\n"
           "isoflop models show arctic --csv";
  }
  void declare(OptionSet& options) override {
    options.positional("model", wanted_, "id, printed name, repository or alias of the model");
    options.whole("--context", length_, "tokens of the pass over which FLOP per token are averaged", 1, 10000000);
  }

  Report run(const Settings& settings) override {
    const auto models = ModelCatalogue::load(settings.data);
    const ModelRecord& model = models.require(wanted_);
    const auto scores = ScoreTable::load(settings.data);
    const auto own_scores = scores.of(model.id);
    const auto facts = identity(model), shape = dimensions(model);

    Report report;
    report.headline = headline(model, own_scores);
    report.result["id"] = model.id;
    report.result["name"] = model.name;
    report.result["aliases"] = model.aliases;
    report.result["facts"] = facts.values();
    report.result["dimensions"] = model.layers ? shape.values() : Value();
    report.result["sources"] = facts.sources();
    report.result["dimensions_source"] =
        Value::object({{"source", model.architecture_source}, {"confidence", model.architecture_confidence}});
    report.result["scores"] = score_values(own_scores);
    report.tables.push_back(facts.table("Facts"));
    if (model.layers) report.tables.push_back(shape.table("Dimensions"));
    add_costs(report, model);
    if (!own_scores.empty()) report.tables.push_back(score_table(own_scores));
    add_conflicts(report, conflicts_of(load_conflicts(settings.data), model.id));
    if (!model.notes.empty()) report.warnings.push_back(model.notes);
    report.inputs.push_back(input_of(models.origin(), 1));
    report.inputs.push_back(input_of(scores.origin(), own_scores.size()));
    return report;
  }

 private:
  // Unknown dimensions and unsupported designs leave the keys null and say why.
  void add_costs(Report& report, const ModelRecord& model) const {
    if (const auto reason = why_no_architecture(model)) {
      for (const char* key : {"params_total", "params_active", "params_active_without_embedding", "kv_bytes_per_token",
                              "flops_per_token_forward"})
        report.result[key] = Value();
      report.result["params_total"] = model.params_total();
      report.result["params_active"] = model.params_active();
      report.warnings.push_back("no recount, KV cache or FLOP: " + *reason);
      return;
    }
    add_architecture(report, architecture_of(model), length_);
  }

  std::string wanted_;
  long length_ = 4096;
};

}  // namespace

std::unique_ptr<Command> make_models_show() { return std::make_unique<ModelsShow>(); }

}  // namespace isoflop::app
