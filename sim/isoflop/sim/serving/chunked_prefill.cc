#include "isoflop/sim/serving/chunked_prefill.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "isoflop/error.h"

namespace isoflop::sim {
namespace {

/// Pieces of a prompt are priced at so many places of it, each for an equal part.
constexpr std::int64_t places = 6;

void add_to(Estimate& sum, double times, const Estimate& part) {
  sum.low += times * part.low;
  sum.central += times * part.central;
  sum.high += times * part.high;
}

struct Timed {
  Estimate seconds{0, 0, 0, {}};
  double floor_s = 0;
  void add(double times, const StepTime& step) {
    add_to(seconds, times, step.seconds);
    floor_s += times * step.floor_s;
  }
};

class SteadyState {
 public:
  SteadyState(const StepPricer& pricer, const ServingLoad& load)
      : pricer_(pricer), load_(load), context_(load.prompt + load.generate / 2) {}

  /// `prompts` of them bring a piece each.
  StepTime with_piece(std::int64_t decoding, std::int64_t tokens, std::int64_t after, std::int64_t prompts = 1) const {
    Step step;
    if (decoding > 0) step.segments.push_back({decoding, 1, context_, 1});
    step.segments.push_back({prompts, tokens, after, after + tokens >= load_.prompt ? 1 : 0});
    return pricer_.time(load_, step);
  }
  StepTime decode(std::int64_t sequences) const { return pricer_.time(load_, Step::decode(sequences, context_)); }

  /// All pieces of a prompt, one a pass; the last may be smaller.
  Timed whole_prompt(std::int64_t decoding, std::int64_t piece) const {
    const std::int64_t full = load_.prompt / piece, left = load_.prompt % piece;
    Timed sum;
    const std::int64_t strata = std::min(places, full);
    for (std::int64_t i = 0; i < strata; ++i)
      sum.add(static_cast<double>(full) / static_cast<double>(strata),
              with_piece(decoding, piece, (2 * i + 1) * full / (2 * strata) * piece));
    if (left > 0) sum.add(1, with_piece(decoding, left, full * piece));
    return sum;
  }

  /// Mean over a prompt of the pass that carries a full piece of it.
  Timed full_pass(std::int64_t decoding, std::int64_t piece, std::int64_t prompts) const {
    Timed mean;
    for (std::int64_t i = 0; i < places; ++i)
      mean.add(1 / static_cast<double>(places),
               with_piece(decoding, piece, (2 * i + 1) * (load_.prompt - piece) / (2 * places), prompts));
    return mean;
  }

 private:
  const StepPricer& pricer_;
  const ServingLoad& load_;
  std::int64_t context_;
};

}  // namespace

ChunkedServing chunked_serving(const StepPricer& pricer, const ServingLoad& load, std::int64_t step_tokens) {
  if (load.pipeline_parallel > 1 || load.replicas() > 1)
    throw Error(Fault::Usage, "prompts cut in pieces over --pp stages or --attention dp are not modelled");
  if (step_tokens <= load.batch)
    throw Error(Fault::Usage,
                fmt::format("passes of {} tokens are filled by {} decoding sequences: no prompt would ever pass; give "
                            "more tokens or a smaller --batch",
                            step_tokens, load.batch));
  if (load.generate < 2)
    throw Error(Fault::Usage, "a steady state beside decoding needs --generate of at least 2");
  const SteadyState state(pricer, load);
  const auto clients = static_cast<double>(load.batch), prompt = static_cast<double>(load.prompt),
             later = static_cast<double>(load.generate - 1), budget = static_cast<double>(step_tokens);
  ChunkedServing answer;
  answer.saturated = (clients - 1) * (prompt + later) > budget * later;
  // Where several prompts fit into a pass they come together, and so many fewer decode beside them.
  std::int64_t decoding = std::llround(budget * later / (prompt + later)), together = 1, piece = 0;
  if (answer.saturated) {
    together = (step_tokens - decoding + load.prompt - 1) / load.prompt;
    piece = (step_tokens - decoding) / together;
  } else {
    const double fit = (budget - clients) / prompt;
    together = std::clamp<std::int64_t>(std::llround(fit), 1, load.batch);
    decoding = load.batch - together;
    piece = std::min(load.prompt, (step_tokens - decoding) / together);
  }
  const double tokens = static_cast<double>(piece * together);
  const Timed full = state.full_pass(decoding, piece, together);
  answer.decoding = static_cast<double>(decoding);
  answer.piece_tokens = tokens;
  answer.passes_per_prompt = std::ceil(prompt / std::max(tokens, static_cast<double>(piece)));
  if (answer.saturated) {
    answer.tpot_s = full.seconds;
    answer.tpot_floor_s = full.floor_s;
    add_to(answer.ttft_s, clients * prompt / tokens, full.seconds);
    add_to(answer.ttft_s, -later, answer.tpot_s);
    const double least = answer.passes_per_prompt;
    answer.ttft_s = {std::max(answer.ttft_s.low, least * full.seconds.low),
                     std::max(answer.ttft_s.central, least * full.seconds.central),
                     std::max(answer.ttft_s.high, least * full.seconds.high), {}};
    answer.ttft_floor_s = least * full.floor_s;
    answer.share_of_passes_with_piece = 1;
  } else {
    // One of the prompts that follow each other shares none of its passes.
    const Timed pieces = state.whole_prompt(decoding, piece);
    const double shared = (clients - 1) / clients;
    add_to(answer.ttft_s, shared * answer.passes_per_prompt, full.seconds);
    add_to(answer.ttft_s, 1 - shared, pieces.seconds);
    answer.ttft_floor_s = shared * answer.passes_per_prompt * full.floor_s + (1 - shared) * pieces.floor_s;
    const double cycle = answer.passes_per_prompt + later, carrying = std::min(cycle, clients * prompt / tokens);
    const StepTime alone = state.decode(load.batch);
    Estimate rest{0, 0, 0, {}};
    add_to(rest, carrying, full.seconds);
    add_to(rest, cycle - carrying, alone.seconds);
    add_to(rest, -1, answer.ttft_s);
    add_to(answer.tpot_s, 1 / later, rest);
    // A client alone never waits for others.
    if (load.batch == 1) answer.tpot_s = alone.seconds;
    answer.tpot_floor_s =
        load.batch == 1
            ? alone.floor_s
            : (carrying * full.floor_s + (cycle - carrying) * alone.floor_s - answer.ttft_floor_s) / later;
    answer.share_of_passes_with_piece = carrying / cycle;
  }
  answer.longest_gap_s = state.with_piece(decoding, piece, load.prompt - piece, together).seconds;
  answer.whole_prompt_gap_s = state.with_piece(decoding, load.prompt, 0).seconds;
  return answer;
}

}  // namespace isoflop::sim
