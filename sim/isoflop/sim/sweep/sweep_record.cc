#include "isoflop/sim/sweep/sweep_record.h"

#include <fmt/format.h>

#include <filesystem>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/error.h"

namespace isoflop::sim {
namespace {

const PlannedRun* planned(const SweepPlan& plan, const std::string& name) {
  for (const auto* list : {&plan.runs(), &plan.tuning()})
    for (const auto& run : *list)
      if (run.name == name) return &run;
  return nullptr;
}

std::optional<double> maybe_number(const Value& value) {
  return value.is_null() ? std::nullopt : std::optional(value.number());
}

std::string maybe_text(const std::optional<double>& value) { return value ? fmt::format("{}", *value) : ""; }

std::string head(const SweepPlan& plan, const std::vector<SweepRecord>& records) {
  const auto& s = plan.settings();
  const std::string set = records.empty() ? "" : records.front().instruction_set;
  return fmt::format(
      "# real training runs made by isoflop sweep; source {} with {} tokens, seed {}; batches of {} x {} tokens; {} "
      "products ({})\n"
      "# params: all, the tied embedding counted once; flops: counted, 3 x matrix products of the forward pass; loss: "
      "held out, nats per token\n"
      "# plan {}\n",
      s.source, s.vocabulary, s.seed, s.sequences, s.length, s.precision, set, plan.sha256());
}

}  // namespace

std::string record_json(const SweepRecord& r, const std::string& plan_sha256) {
  Value curve = Value::array();
  for (const auto& p : r.curve)
    curve.push_back(Value::object({{"steps", p.steps}, {"tokens", p.tokens}, {"loss", p.loss}}));
  return to_json(Value::object({{"schema", "isoflop.sweep-run/1"},
                                {"plan", plan_sha256},
                                {"name", r.run.name},
                                {"learning_rate", r.learning_rate},
                                {"loss", r.diverged.empty() ? Value(r.loss) : Value()},
                                {"loss_of_perfect_model", r.perfect_loss},
                                {"entropy_rate", r.entropy_rate},
                                {"instruction_set", r.instruction_set},
                                {"diverged", r.diverged},
                                {"curve", curve}})) +
         "\n";
}

SweepRecord read_record(const std::string& text, const std::string& name, const SweepPlan& plan) {
  const Value root = parse_json(text, name);
  const Value* schema = root.find("schema");
  if (!schema || !schema->is_text() || schema->text() != "isoflop.sweep-run/1")
    throw Error(Fault::BadInput, name + ": is not the record of a run (schema isoflop.sweep-run/1)");
  if (root.at("plan").text() != plan.sha256()) throw Error(Fault::BadInput, name + ": is the record of another plan");
  const PlannedRun* run = planned(plan, root.at("name").text());
  if (!run) throw Error(Fault::BadInput, name + ": \"" + root.at("name").text() + "\" is no run of the plan");
  SweepRecord r;
  r.run = *run;
  r.learning_rate = root.at("learning_rate").number();
  r.diverged = root.at("diverged").text();
  if (r.diverged.empty()) r.loss = root.at("loss").number();
  r.perfect_loss = maybe_number(root.at("loss_of_perfect_model"));
  r.entropy_rate = maybe_number(root.at("entropy_rate"));
  r.instruction_set = root.at("instruction_set").text();
  for (const auto& p : root.at("curve").items())
    r.curve.push_back(
        {static_cast<std::int64_t>(p.at("steps").number()), p.at("tokens").number(), p.at("loss").number()});
  return r;
}

std::string plan_path(const std::string& folder) { return folder + "/plan.json"; }
std::string record_path(const std::string& folder, const std::string& run) {
  return folder + "/records/" + run + ".json";
}
std::string checkpoint_path(const std::string& folder, const std::string& run) {
  return folder + "/checkpoints/" + run + ".ckpt";
}
std::string timing_path(const std::string& folder, const std::string& run) {
  return folder + "/timing/" + run + ".json";
}

std::vector<SweepRecord> read_records(const std::string& folder, const SweepPlan& plan, bool tuning) {
  std::vector<SweepRecord> records;
  for (const auto& run : tuning ? plan.tuning() : plan.runs()) {
    const std::string path = record_path(folder, run.name);
    if (std::filesystem::exists(path)) records.push_back(read_record(read_file(path), path, plan));
  }
  return records;
}

std::string runs_csv(const std::vector<SweepRecord>& records, const SweepPlan& plan) {
  std::string text = head(plan, records) +
                     "run,params,tokens,loss,flops,params_non_embedding,budget_flop,layers,width,heads,steps,learning_"
                     "rate,replicate,loss_of_perfect_model,entropy_rate,vocabulary\n";
  for (const auto& r : records) {
    const auto& m = r.run.model;
    text += fmt::format("{},{},{},{},{},{},{},{},{},{},{},{},{},{},{},{}\n", r.run.name, m.params, r.run.tokens,
                        r.diverged.empty() ? fmt::format("{}", r.loss) : "", r.run.flop, m.params_non_embedding,
                        r.run.budget_flop, m.rung.layers, m.rung.width, m.rung.heads, r.run.steps, r.learning_rate,
                        r.run.replicate, maybe_text(r.perfect_loss), maybe_text(r.entropy_rate),
                        plan.settings().vocabulary);
  }
  return text;
}

std::string curves_csv(const std::vector<SweepRecord>& records, const SweepPlan& plan) {
  std::string text = head(plan, records) + "run,params,tokens,loss\n";
  for (const auto& r : records)
    for (const auto& p : r.curve)
      text += fmt::format("{},{},{},{}\n", r.run.name, r.run.model.params, p.tokens, p.loss);
  return text;
}

void write_tables(const std::string& folder, const SweepPlan& plan, const std::vector<SweepRecord>& records) {
  write_file(folder + "/runs.csv", runs_csv(records, plan));
  write_file(folder + "/curves.csv", curves_csv(records, plan));
}

}  // namespace isoflop::sim
