#include "isoflop/sim/serving/speculation.h"

#include <doctest/doctest.h>

#include <cmath>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/model/parameters.h"
#include "isoflop/model/prediction_pass.h"
#include "isoflop/random.h"
#include "isoflop/sim/serving/serving.h"
#include "sim/serving/served.h"

using namespace isoflop;
using namespace isoflop::sim;
using namespace isoflop::test;

namespace {

ServingLoad load_of(std::int64_t batch, std::int64_t tp = 1) {
  ServingLoad load;
  load.batch = batch;
  load.prompt = 1024;
  load.generate = 128;
  load.tensor_parallel = tp;
  return load;
}

/// Mean tokens a step, and steps to `wanted` tokens, by drawing every acceptance.
struct Drawn {
  double tokens_a_step = 0, steps = 0;
};
Drawn draw(std::int64_t q, double p, std::int64_t wanted) {
  Random random(11);
  Drawn mean;
  const int generations = 4000;
  double tokens = 0, steps = 0;
  for (int g = 0; g < generations; ++g)
    for (std::int64_t have = 0; have < wanted;) {
      std::int64_t kept = 0;
      while (kept < q && random.uniform() < p) ++kept;
      have += kept + 1;
      tokens += static_cast<double>(kept + 1);
      steps += 1;
    }
  mean.tokens_a_step = tokens / steps;
  mean.steps = steps / generations;
  return mean;
}

}  // namespace

TEST_CASE("tokens a step are those of drawn acceptances, and of the limits p = 0, p = 1, q = 0") {
  CHECK(tokens_per_step(4, 0) == 1);
  CHECK(tokens_per_step(4, 1) == 5);
  CHECK(tokens_per_step(0, 0.7) == 1);
  CHECK(agrees(tokens_per_step(4, 0.8), (1 - std::pow(0.8, 5)) / 0.2, 12));
  for (const double p : {0.3, 0.6, 0.8, 0.95})
    for (const std::int64_t q : {1, 3, 8}) {
      CAPTURE(p);
      CAPTURE(q);
      const Drawn drawn = draw(q, p, 512);
      CHECK(agrees(tokens_per_step(q, p), drawn.tokens_a_step, 2.3));
      // A generation's last step overshoots by less than q tokens.
      const double predicted = 512 / tokens_per_step(q, p);
      CHECK(drawn.steps > predicted * 0.995);
      CHECK(drawn.steps < predicted + 1);
    }
}

TEST_CASE("break-even acceptance gives back the ratio of the steps") {
  for (const double ratio : {1.1, 2.0, 4.9})
    CHECK(agrees(tokens_per_step(4, *break_even_acceptance(4, ratio)), ratio, 9));
  CHECK(*break_even_acceptance(4, 0.9) == 0);
  CHECK_FALSE(break_even_acceptance(4, 5.1));
}

TEST_CASE("no drafted tokens is plain decoding to the bit; none accepted is slower, all accepted faster") {
  const Architecture a = model("llama-3-70b"), small = model("llama-3-8b");
  const StepPricer pricer(a, h100(), profile()), draft(small, h100(), profile());
  MemoryModel memory(a, h100());
  const ServingLoad load = load_of(4, 4);
  const ServingAnswer plain = serve(pricer, memory, load);
  Speculation s;
  s.draft = &draft;
  s.draft_load = load;
  ServingOptions options;
  options.speculation = &s;
  const ServingAnswer none = serve(pricer, memory, load, options);
  CHECK(none.tpot_s.central == plain.tpot_s.central);
  CHECK(none.ttft_s.high == plain.ttft_s.high);
  CHECK(none.speculation->speedup.central == 1);
  s.tokens = 4;
  s.acceptance = 0;
  const ServingAnswer refused = serve(pricer, memory, load, options);
  CHECK(refused.tpot_s.central > plain.tpot_s.central);
  CHECK(refused.speculation->speedup.central < 1);
  CHECK(refused.speculation->tokens_per_step == 1);
  s.acceptance = 1;
  const ServingAnswer accepted = serve(pricer, memory, load, options);
  CHECK(accepted.speculation->speedup.central > 1);
  CHECK(agrees(accepted.tpot_s.central, accepted.speculation->step_s.central / 5, 10));
  CHECK(accepted.ttft_s.central > plain.ttft_s.central);
  // At break-even it takes as long as plain decoding.
  s.acceptance = *accepted.speculation->break_even_acceptance;
  CHECK(agrees(serve(pricer, memory, load, options).tpot_s.central, plain.tpot_s.central, 8));
}

TEST_CASE("checking touches the experts of all its tokens and reads the cache no faster than one token does") {
  const Architecture a = model("mixtral-8x7b");
  const StepPricer pricer(a, h100(), profile());
  Speculation s{3, 0.7, nullptr, {}};
  const StepPricer draft(model("mistral-7b"), h100(), profile());
  s.draft = &draft;
  s.draft_load = load_of(2);
  const SpeculativeStep step = speculative_step(pricer, load_of(2), s, 1024);
  CHECK(step.verify.weight_bytes > 1.5 * pricer.time(load_of(2), Step::decode(2, 1024)).weight_bytes);
  CHECK(agrees(step.verify.weight_bytes, pricer.time(load_of(8), Step::decode(8, 1024)).weight_bytes, 6));
  for (const char* name : {"llama-3-8b", "deepseek-v3", "phi-3-mini"})
    for (const std::int64_t batch : {1, 32, 128}) {
      CAPTURE(name);
      const StepPricer one(model(name), h100(), profile());
      Speculation two = s;
      const SpeculativeStep several = speculative_step(one, load_of(batch), two, 4096);
      CHECK(several.verify.seconds.central >= one.time(load_of(batch), Step::decode(batch, 4096)).seconds.central);
      CHECK(several.seconds.low >= several.floor_s * (1 - 1e-9));
      CHECK(several.seconds.low <= several.seconds.central);
      CHECK(several.seconds.central <= several.seconds.high);
    }
}

TEST_CASE("a draft takes memory for weights and cache; a prediction layer for its cache only") {
  const Architecture a = model("llama-3-70b"), small = model("llama-3-8b");
  MemoryModel memory(a, h100());
  const ServingLoad load = load_of(4, 4);
  const ServingMemory before = memory.memory(load);
  memory.add_draft(small, load);
  const ServingMemory after = memory.memory(load);
  CHECK(after.weights - before.weights == 2 * 8030261248.0);
  CHECK(after.kv_cache - before.kv_cache == 4 * 131072.0 * (1024 + 128));
  CHECK(agrees(after.fullest_device - before.fullest_device,
               (after.weights + after.kv_cache - before.weights - before.kv_cache) / 4, 9));
  const Architecture ahead = model("mimo-7b");
  MemoryModel own(ahead, h100());
  const ServingMemory without = own.memory(load_of(4));
  own.add_prediction_cache();
  CHECK(own.memory(load_of(4)).weights == without.weights);
  CHECK(agrees((own.memory(load_of(4)).kv_cache - without.kv_cache) / without.kv_cache,
               1.0 / static_cast<double>(ahead.layers.size()), 9));
}

TEST_CASE("a prediction layer is one layer, its projection and the head, and its weights are those the model counts") {
  const Architecture a = model("mimo-7b");
  const Program pass = prediction_pass(a, Step::decode(1, 64));
  double layer = 0, head = 0;
  for (const Tensor& t : pass.tensors)
    if (t.kind == TensorKind::Weight) (t.part == Part::Prediction ? layer : head) += static_cast<double>(t.elements());
  CHECK(layer == static_cast<double>(count_parameters(a).of(Part::Prediction).total));
  CHECK(head >= static_cast<double>(a.vocabulary * a.width));
  const StepPricer pricer(a, h100(), profile());
  const double draft = pricer.prediction_time(load_of(8), Step::decode(8, 1024)).seconds.central,
               whole = pricer.time(load_of(8), Step::decode(8, 1024)).seconds.central;
  CHECK(draft < 0.4 * whole);
  CHECK(draft > whole / 40);
  CHECK_THROWS_AS(prediction_pass(model("llama-3-8b"), Step::decode(1, 64)), Error);
}

TEST_CASE("joules of drafted tokens: none drafted cost as plain ones, refused ones more, accepted ones less") {
  const Architecture large = model("llama-3-70b");
  const StepPricer pricer(large, h100(), profile()), small(model("llama-3-8b"), h100(), profile());
  const MemoryModel memory(large, h100());
  const ServingLoad load = load_of(1, 4);
  const double plain = serve(pricer, memory, load).joules_per_token->central;
  const auto joules = [&](std::int64_t q, double p) {
    ServingLoad drafting;
    drafting.tensor_parallel = 4;
    const Speculation speculation{q, p, &small, drafting};
    ServingOptions options;
    options.speculation = &speculation;
    return *serve(pricer, memory, load, options).joules_per_token;
  };
  CHECK(agrees(joules(0, 0.5).central, plain, 12));
  CHECK(joules(4, 0).central > 1.3 * plain);  // four passes of a model of an eighth of the size, for nothing
  CHECK(joules(4, 1).central < 0.45 * plain);
  CHECK(joules(4, 0.8).central < joules(4, 0.5).central);
  CHECK(joules(4, 0.8).high / joules(4, 0.8).low > serve(pricer, memory, load).joules_per_token->high /
                                                       serve(pricer, memory, load).joules_per_token->low);
}
