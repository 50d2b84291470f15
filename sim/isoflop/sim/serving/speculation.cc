#include "isoflop/sim/serving/speculation.h"

#include <algorithm>
#include <cmath>

namespace isoflop::sim {
namespace {

OpClass* attention_of(StepTime& step) {
  for (OpClass& c : step.classes)
    if (c.name == "attention core") return &c;
  return nullptr;
}

/// Checking several tokens reads at least what one token reads, by kernels that are no better at it.
void at_least_attention_of(StepTime& verify, StepTime plain) {
  OpClass *several = attention_of(verify), *one = attention_of(plain);
  if (!several || !one) return;
  const auto raise = [](double& part, double least, double& sum) {
    if (least <= part) return;
    sum += least - part;
    part = least;
  };
  if (one->seconds.central > several->seconds.central) several->bound_s = one->bound_s;
  raise(several->seconds.low, one->seconds.low, verify.seconds.low);
  raise(several->seconds.central, one->seconds.central, verify.seconds.central);
  raise(several->seconds.high, one->seconds.high, verify.seconds.high);
}

ServingLoad of_draft(const ServingLoad& load, const Speculation& speculation) {
  if (!speculation.draft) return load;
  ServingLoad draft = speculation.draft_load;
  draft.batch = load.batch;
  draft.prompt = load.prompt;
  draft.generate = load.generate;
  return draft;
}

StepTime draft_pass(const StepPricer& model, const ServingLoad& load, const Speculation& speculation,
                    const Step& step) {
  const ServingLoad draft = of_draft(load, speculation);
  return speculation.draft ? speculation.draft->time(draft, step) : model.prediction_time(draft, step);
}

}  // namespace

double tokens_per_step(std::int64_t drafted, double acceptance) {
  double sum = 1, power = 1;
  for (std::int64_t i = 0; i < drafted; ++i) sum += power *= acceptance;
  return sum;
}

std::optional<double> break_even_acceptance(std::int64_t drafted, double ratio) {
  if (ratio <= 1) return 0;
  if (ratio > tokens_per_step(drafted, 1)) return std::nullopt;
  double low = 0, high = 1;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (tokens_per_step(drafted, middle) < ratio ? low : high) = middle;
  }
  return high;
}

SpeculativeStep speculative_step(const StepPricer& model, const ServingLoad& load, const Speculation& speculation,
                                 std::int64_t context) {
  SpeculativeStep step;
  const std::int64_t q = speculation.tokens;
  step.verify = model.time(load, Step{{Segment{load.batch, q + 1, context, q + 1}}, false, true, {}});
  step.seconds = step.verify.seconds;
  step.floor_s = step.verify.floor_s;
  step.weight_bytes = step.verify.weight_bytes;
  step.kv_bytes = step.verify.kv_bytes;
  if (q == 0) return step;
  at_least_attention_of(step.verify, model.time(load, Step::decode(load.batch, context)));
  step.draft = draft_pass(model, load, speculation, Step::decode(load.batch, context));
  const auto times = static_cast<double>(q);
  const Estimate &verify = step.verify.seconds, &draft = step.draft.seconds;
  step.seconds = {verify.low + times * draft.low, verify.central + times * draft.central,
                  verify.high + times * draft.high, {}};
  step.floor_s += times * step.draft.floor_s;
  step.weight_bytes += times * step.draft.weight_bytes;
  step.kv_bytes += times * step.draft.kv_bytes;
  return step;
}

StepTime draft_prefill(const StepPricer& model, const ServingLoad& load, const Speculation& speculation) {
  return draft_pass(model, load, speculation, Step::prefill(load.batch, load.prompt));
}

}  // namespace isoflop::sim
