// One replica of a served model: a scheduler that mixes prompts and decoding in passes, over a paged cache.
//
// Every pass, in this order:
//  1. each decoding sequence gets one token and, where its last block is full, one more block. While blocks are short,
//  the
//     sequence admitted last is thrown out and queued again first; it will recompute prompt and tokens so far.
//  2. prompts under way, in order of admission, take up to `step_tokens` less the decoding sequences;
//  3. waiting requests are admitted first come first served while sequences, tokens and blocks of the whole prompt
//  allow,
//     unless step 1 threw one out. Tokens of a stored prefix are not computed again, except the prompt's last.
// `prefill_first`: passes of whole prompts only (at least one, then while they fit into step_tokens) come before any
// decoding, and nobody decodes in them.
// A prompt's last piece yields its first token. A finished sequence leaves at the end of its pass; its last token is
// never cached. A prefix is stored when the prompt that computed it is done.
//
// Speed: between two changes of the batch only clock, context sum and block count move, so a decode step costs a table
// look-up. The order of additions is that of the plain loop (tests/sim/requests/plain_simulator.h agrees to the bit).
// Modelled on the scheduling vLLM documents for its engine v1 (chunked prefill, recomputation, whole-block prefixes).
#pragma once
#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "isoflop/sim/requests/block_pool.h"
#include "isoflop/sim/requests/gap_histogram.h"
#include "isoflop/sim/requests/pass_table.h"
#include "isoflop/sim/requests/request.h"
#include "isoflop/sim/requests/timeline.h"

namespace isoflop::sim {

struct EngineOptions {  ///< Limits and policies of a scheduler.
  std::int64_t max_sequences = 256;  ///< running at once
  std::int64_t step_tokens = 2048;   ///< tokens of a pass
  std::int64_t block_tokens = 16;
  std::int64_t blocks = 0;           ///< of cache
  std::int64_t window_tokens = 0;    ///< a sequence keeps no more than this; 0 = everything
  bool prefill_first = false;
  bool prefix_cache = true;
};

/// Blocks of a sequence of that many cached tokens.
inline std::int64_t blocks_of(const EngineOptions& options, std::int64_t tokens) {
  if (options.window_tokens > 0 && tokens > options.window_tokens) tokens = options.window_tokens;
  return (tokens + options.block_tokens - 1) / options.block_tokens;
}

/// What a replica may do: everything, prompts only, or decode what another has prefilled.
enum class Stage { Whole, Prefill, Decode };

struct ReplicaTotals {  ///< Sums over a run.
  std::int64_t passes = 0, decode_steps = 0;  ///< decode_steps: passes in which anyone decoded
  std::int64_t decode_tokens = 0, prompt_tokens = 0;  ///< computed, recomputation included
  std::int64_t prompt_tokens_wanted = 0, cached_tokens = 0;  ///< of admitted prompts; of these found stored
  std::int64_t preemptions = 0;
  double busy_s = 0;
};

class Replica {
 public:
  /// `requests` and `outcomes` are shared with the other replicas; a request is at one replica at a time.
  Replica(int index, Stage stage, const PassTable& table, const EngineOptions& options,
          std::span<const Request> requests, std::span<Outcome> outcomes);

  /// At time_s >= the time of the submission before. `prefilled`: its prompt's cache arrives with it.
  void submit(std::int64_t request, double time_s, bool prefilled = false);
  bool busy() const { return !running_.empty() || !waiting_.empty(); }
  double now_s() const { return now_s_; }  ///< when the next pass starts, if busy
  /// Requests submitted and not finished by then.
  std::int64_t load_at(double time_s) const { return submitted_ - left_ + (now_s_ > time_s ? left_in_last_pass_ : 0); }

  struct Event {  ///< A request that is done, or prefilled.
    std::int64_t request = 0;
    double time_s = 0;
    bool finished = false;  ///< else prefilled, to be decoded elsewhere
  };
  /// Starts passes while now_s() < until_s and there is work; stops after the first pass that yields an event.
  void run(double until_s);
  /// Events since the last call, in the order of time.
  std::vector<Event> take_events();

  const ReplicaTotals& totals() const { return totals_; }
  const Timeline& timeline() const { return timeline_; }
  const GapHistogram& gaps() const { return gaps_; }

 private:
  struct Waiting {
    std::int64_t request = 0;
    bool prefilled = false;
    double last_token_s = 0;  ///< where it has tokens already
  };
  struct Sequence {
    std::int64_t request = 0;
    std::int64_t target = 0, done = 0;  ///< tokens to be cached before the next one comes; so far
    std::int64_t piece = 0;             ///< of them in this pass
    std::int64_t shared = 0;            ///< blocks of the stored prefix it uses
    std::int64_t joined = 0;            ///< tick at which it began to decode
    std::int64_t finishes = 0;          ///< tick
    std::int64_t grows_until = 0;       ///< tick from which on its window is full
    bool growing = false;               ///< counted in growing_
    double last_token_s = 0;            ///< before it began to decode
    bool decoding = false;
  };

  std::int64_t growth() const { return growing_[static_cast<std::size_t>(tick_ % options_.block_tokens)]; }
  std::size_t growth_place(const Sequence& s) const;
  std::int64_t cached(const Sequence& s) const { return s.target + (tick_ - s.joined); }
  std::int64_t own_blocks(const Sequence& s) const;
  std::int64_t target_of(const Waiting& w) const;
  std::int64_t stored_blocks(const Waiting& head, std::int64_t target) const;
  bool admissible() const;
  Sequence& admit();
  void start_decoding(std::size_t place);
  void release(std::size_t place);
  void preempt_last();
  void leave(std::size_t place, bool finished);
  bool emit_prompt_token(std::size_t place);
  void settle();
  void decode_tokens_out();
  void account(double from_s, std::int64_t blocks_before);
  void decode_run(double until_s);
  void plan_pieces(std::int64_t budget, bool may_admit);
  void pass();

  int index_;
  Stage stage_;
  const PassTable& table_;
  EngineOptions options_;
  std::span<const Request> requests_;
  std::span<Outcome> outcomes_;

  double now_s_ = 0, last_decode_s_ = 0;
  std::deque<Waiting> waiting_;
  std::vector<Sequence> running_;           ///< by admission
  std::vector<std::int64_t> next_change_;   ///< of each: tick at which it finishes or stops growing
  std::int64_t soonest_ = INT64_MAX;        ///< no change before this tick
  std::int64_t tick_ = 0;                   ///< decode passes so far
  std::int64_t decoding_ = 0, prefilling_ = 0;
  std::int64_t context_ = 0;                ///< cached tokens of the decoding
  std::vector<std::int64_t> growing_;       ///< [tick mod block]: decoding sequences that need a block then
  std::vector<double> newcomers_;           ///< token times of those that decode for the first time next
  BlockPool pool_;
  std::vector<PromptPiece> pieces_;         ///< of this pass
  std::vector<std::size_t> places_;         ///< of their sequences
  std::vector<Event> events_;
  std::int64_t submitted_ = 0, left_ = 0, left_in_last_pass_ = 0;
  ReplicaTotals totals_;
  Timeline timeline_;
  GapHistogram gaps_;
};

}  // namespace isoflop::sim
