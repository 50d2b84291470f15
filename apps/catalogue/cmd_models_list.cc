#include <algorithm>
#include <set>

#include "apps/catalogue/catalogue_report.h"
#include "apps/commands.h"
#include "isoflop/catalogue/benchmarks.h"
#include "isoflop/catalogue/models.h"
#include "isoflop/error.h"
#include "isoflop/number_text.h"

namespace isoflop::app {
namespace {

bool same_word(const std::string& a, const std::string& b) { return comparable_name(a) == comparable_name(b); }

// "Phi" means the families Phi, Phi-3 and Phi-3.5; "Phi-3" not Phi.
bool begins_with_word(const std::string& value, const std::string& word) {
  return comparable_name(value).rfind(comparable_name(word), 0) == 0;
}

bool any_matches(const std::vector<std::string>& wanted, const std::string& value) {
  return wanted.empty() ||
         std::any_of(wanted.begin(), wanted.end(), [&](const auto& w) { return begins_with_word(value, w); });
}

// Which of several published values stands for a model in a list: the chosen report, then base before others.
const ScoreRecord* shown_score(const std::vector<const ScoreRecord*>& scores) {
  const ScoreRecord* best = nullptr;
  const auto rank = [](const ScoreRecord& s) {
    return (s.preferred ? 4 : 0) + (s.kind == "base" ? 2 : 0) + (s.confidence == "verified" ? 1 : 0);
  };
  for (const auto* score : scores)
    if (!best || rank(*score) > rank(*best) || (rank(*score) == rank(*best) && score->date > best->date)) best = score;
  return best;
}

struct Listed {
  const ModelRecord* model;
  const ScoreRecord* score;
};

TableCell cell(const Count& count) { return count ? TableCell(*count) : TableCell(); }

class ModelsList : public Command {
 public:
  std::string name() const override { return "models list"; }
  std::string summary() const override { return "List the language models of the catalogue."; }
  std::string examples() const override {
    return "isoflop models list --family Phi\n"
           "isoflop models list --kind moe --sort active\n"
           "isoflop models list --with-benchmark mmlu --sort score --since 2024-01-01\n"
           "isoflop models list --open --with-tokens --csv";
  }

  void declare(OptionSet& options) override {
    options.group("Filters");
    options.list("--family", families_, "only families whose name begins so: Phi also lists Phi-3");
    options.list("--organisation", organisations_, "only organisations whose name begins so");
    options.choice("--kind", kind_, {"all", "dense", "moe"}, "dense models or mixtures of experts");
    options.list("--openness", openness_,
                 "only these: open-weights, open-data, partly open-data, fully-open, closed-weights, api-only");
    options.flag("--open", open_, "only models whose weights can be downloaded");
    options.flag("--with-tokens", with_tokens_, "only models with disclosed training tokens");
    options.text("--with-benchmark", benchmark_, "only models with a score on this benchmark, which is shown");
    options.text("--since", since_, "released on or after this ISO date");
    options.text("--until", until_, "released on or before this ISO date");
    options.group("Order");
    options.choice("--sort", sort_, {"catalogue", "name", "total", "active", "tokens", "date", "score"},
                   "names ascending, everything else with the largest or newest first; unknown values last");
  }

  Report run(const Settings& settings) override {
    const auto models = ModelCatalogue::load(settings.data);
    std::optional<ScoreTable> scores;
    if (!benchmark_.empty()) {
      scores = ScoreTable::load(settings.data);
      resolve_benchmark(*scores);
    } else if (sort_ == "score") {
      throw Error(Fault::Usage, "--sort score needs --with-benchmark");
    }
    refuse_unknown(models);
    std::vector<Listed> listed;
    for (const auto& model : models.all()) {
      if (!passes(model)) continue;
      const ScoreRecord* score = scores ? shown_score(scores->of(model.id, benchmark_)) : nullptr;
      if (scores && !score) continue;
      listed.push_back({&model, score});
    }
    order(listed);

    Report report;
    report.headline = std::to_string(listed.size()) + " of " + std::to_string(models.all().size()) +
                      " models. `isoflop models show NAME` gives one with its sources and scores.";
    report.tables.push_back(table_of(listed));
    report.result["n"] = listed.size();
    report.result["models"] = values_of(listed);
    report.inputs.push_back(input_of(models.origin(), models.all().size()));
    if (scores) report.inputs.push_back(input_of(scores->origin(), scores->all().size()));
    return report;
  }

 private:
  void resolve_benchmark(const ScoreTable& scores) {
    const auto codes = scores.benchmarks();
    for (const auto& code : codes)
      if (same_word(code, benchmark_)) {
        benchmark_ = code;
        return;
      }
    throw unknown_name("benchmark", benchmark_, codes);
  }

  void refuse_unknown(const ModelCatalogue& models) const {
    const auto check = [&](const char* what, const std::vector<std::string>& wanted, auto value_of) {
      std::set<std::string> known;
      for (const auto& model : models.all()) known.insert(value_of(model));
      for (const auto& word : wanted)
        if (std::none_of(known.begin(), known.end(), [&](const auto& k) { return begins_with_word(k, word); }))
          throw unknown_name(what, word, {known.begin(), known.end()});
    };
    check("family", families_, [](const ModelRecord& m) { return m.family; });
    check("organisation", organisations_, [](const ModelRecord& m) { return m.organisation; });
    check("openness", openness_, [](const ModelRecord& m) { return m.openness; });
  }

  bool passes(const ModelRecord& model) const {
    if (!any_matches(families_, model.family) || !any_matches(organisations_, model.organisation) ||
        !any_matches(openness_, model.openness))
      return false;
    if (kind_ != "all" && model.is_mixture() != (kind_ == "moe")) return false;
    if (kind_ == "dense" && !model.layers) return false;  // undisclosed is not dense
    if (open_ && (model.openness == "api-only" || model.openness == "closed-weights")) return false;
    if (with_tokens_ && !model.training_tokens) return false;
    return (since_.empty() || model.release_date >= since_) && (until_.empty() || model.release_date <= until_);
  }

  void order(std::vector<Listed>& listed) const {
    const auto key = [this](const Listed& row) -> double {
      const auto& m = *row.model;
      const auto number = [](const Count& count) { return count ? static_cast<double>(*count) : -1.0; };
      if (sort_ == "total") return number(m.params_total());
      if (sort_ == "active") return number(m.params_active());
      if (sort_ == "tokens") return number(m.training_tokens);
      return row.score ? row.score->value : -1;
    };
    if (sort_ == "catalogue") return;
    std::stable_sort(listed.begin(), listed.end(), [&](const Listed& a, const Listed& b) {
      if (sort_ == "name") return a.model->id < b.model->id;
      if (sort_ == "date") return a.model->release_date > b.model->release_date;
      return key(a) > key(b);
    });
  }

  ReportTable table_of(const std::vector<Listed>& listed) const {
    ReportTable table;
    table.columns = {{"model", "id", Align::Left},
                     {"family", "family", Align::Left},
                     {"organisation", "organisation", Align::Left},
                     {"released", "release_date", Align::Left},
                     {"params", "params_total", Align::Right, 3, true},
                     {"active", "params_active", Align::Right, 3, true},
                     {"tokens", "training_tokens", Align::Right, 3, true},
                     {"context", "context_tokens"},
                     {"openness", "openness", Align::Left}};
    if (!benchmark_.empty()) {
      table.columns.push_back({benchmark_, "score"});
      table.columns.push_back({"kind", "score_kind", Align::Left});
    }
    for (const auto& [model, score] : listed) {
      table.rows.push_back({model->id, model->family, model->organisation, model->release_date,
                            cell(model->params_total()), cell(model->params_active()), cell(model->training_tokens),
                            cell(model->context_tokens), model->openness});
      if (!benchmark_.empty()) {
        table.rows.back().emplace_back(score->value);
        table.rows.back().emplace_back(score->kind);
      }
    }
    table.note =
        "params and active: recounted from the dimensions where known, else as published; - is not known or not "
        "disclosed.";
    return table;
  }

  Value values_of(const std::vector<Listed>& listed) const {
    Value rows = Value::array();
    for (const auto& [model, score] : listed) {
      Value row = Value::object({{"id", model->id},
                                 {"name", model->name},
                                 {"family", model->family},
                                 {"organisation", model->organisation},
                                 {"release_date", model->release_date},
                                 {"params_total", model->params_total()},
                                 {"params_active", model->params_active()},
                                 {"training_tokens", model->training_tokens},
                                 {"tokens_confidence", model->tokens_confidence},
                                 {"context_tokens", model->context_tokens},
                                 {"openness", model->openness},
                                 {"mixture_of_experts", model->layers ? Value(model->is_mixture()) : Value()}});
      if (score)
        row["score"] = Value::object({{"benchmark", score->benchmark},
                                      {"value", score->value},
                                      {"unit", score->unit},
                                      {"kind", score->kind},
                                      {"shots", score->shots},
                                      {"source", score->source}});
      rows.push_back(std::move(row));
    }
    return rows;
  }

  std::vector<std::string> families_, organisations_, openness_;
  std::string kind_ = "all", benchmark_, since_, until_, sort_ = "catalogue";
  bool open_ = false, with_tokens_ = false;
};

}  // namespace

std::unique_ptr<Command> make_models_list() { return std::make_unique<ModelsList>(); }

}  // namespace isoflop::app
