#include "isoflop/sim/requests/replica.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "isoflop/error.h"

namespace isoflop::sim {
namespace {

constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max();

std::int64_t positive_modulo(std::int64_t a, std::int64_t b) { return (a % b + b) % b; }

}  // namespace

Replica::Replica(int index, Stage stage, const PassTable& table, const EngineOptions& options,
                 std::span<const Request> requests, std::span<Outcome> outcomes)
    : index_(index),
      stage_(stage),
      table_(table),
      options_(options),
      requests_(requests),
      outcomes_(outcomes),
      growing_(static_cast<std::size_t>(options.block_tokens), 0),
      pool_(options.blocks) {
  if (options.window_tokens > 0) options_.prefix_cache = false;  // what left the window cannot be shared
}

void Replica::submit(std::int64_t request, double time_s, bool prefilled) {
  if (!busy()) now_s_ = std::max(now_s_, time_s);
  if (time_s < now_s_) timeline_.add(time_s, now_s_, {1, 0, 0, 0});
  waiting_.push_back({request, prefilled, outcomes_[static_cast<std::size_t>(request)].first_token_s});
  ++submitted_;
}

std::vector<Replica::Event> Replica::take_events() { return std::exchange(events_, {}); }

std::int64_t Replica::own_blocks(const Sequence& s) const {
  return blocks_of(options_, s.decoding ? cached(s) : s.target) - s.shared;
}

std::int64_t Replica::target_of(const Waiting& w) const {
  const auto i = static_cast<std::size_t>(w.request);
  // A prefilled prompt's first token is not in the cache yet; a recomputed sequence has to cache all of its tokens.
  return requests_[i].prompt + (w.prefilled ? 0 : outcomes_[i].tokens);
}

/// Blocks of a stored prefix that the head of the queue can use: all of it or nothing.
std::int64_t Replica::stored_blocks(const Waiting& head, std::int64_t target) const {
  const Request& request = requests_[static_cast<std::size_t>(head.request)];
  if (!options_.prefix_cache || head.prefilled || request.prefix < 0) return 0;
  const std::int64_t blocks = pool_.prefix_blocks(request.prefix);
  if (blocks == 0 || blocks * options_.block_tokens > std::min(request.prefix_tokens, target - 1)) return 0;
  return blocks_of(options_, target) - blocks <= pool_.available_beside(request.prefix) ? blocks : 0;
}

bool Replica::admissible() const {
  if (waiting_.empty() || static_cast<std::int64_t>(running_.size()) >= options_.max_sequences) return false;
  const Waiting& head = waiting_.front();
  const std::int64_t target = target_of(head);
  return stored_blocks(head, target) > 0 || blocks_of(options_, target + (head.prefilled ? 1 : 0)) <= pool_.available();
}

Replica::Sequence& Replica::admit() {
  const Waiting head = waiting_.front();
  waiting_.pop_front();
  const auto i = static_cast<std::size_t>(head.request);
  Sequence s;
  s.request = head.request;
  s.target = target_of(head);
  s.last_token_s = head.last_token_s;
  s.shared = stored_blocks(head, s.target);
  if (s.shared > 0) pool_.use_prefix(requests_[i].prefix);
  pool_.take(blocks_of(options_, s.target) - s.shared);
  s.done = s.shared * options_.block_tokens;
  Outcome& outcome = outcomes_[i];
  if (outcome.preemptions == 0 && !head.prefilled) outcome.admitted_s = now_s_;
  outcome.cached_tokens += s.done;
  if (!head.prefilled) {
    totals_.prompt_tokens_wanted += s.target;
    totals_.cached_tokens += s.done;
  }
  running_.push_back(s);
  next_change_.push_back(never);
  if (head.prefilled)
    start_decoding(running_.size() - 1);
  else
    ++prefilling_;
  return running_.back();
}

void Replica::start_decoding(std::size_t place) {
  Sequence& s = running_[place];
  const auto i = static_cast<std::size_t>(s.request);
  s.decoding = true;
  s.joined = tick_;
  s.finishes = tick_ + (requests_[i].output - outcomes_[i].tokens);
  s.grows_until =
      options_.window_tokens > 0 ? tick_ + std::max<std::int64_t>(0, options_.window_tokens - s.target) : never;
  s.growing = s.grows_until > tick_;
  if (s.growing) ++growing_[growth_place(s)];
  next_change_[place] = s.growing ? std::min(s.finishes, s.grows_until) : s.finishes;
  soonest_ = std::min(soonest_, next_change_[place]);
  newcomers_.push_back(s.last_token_s);
  ++decoding_;
  context_ += s.target;
}

std::size_t Replica::growth_place(const Sequence& s) const {
  return static_cast<std::size_t>(positive_modulo(s.joined - s.target, options_.block_tokens));
}

void Replica::release(std::size_t place) {
  Sequence& s = running_[place];
  pool_.give_back(own_blocks(s));
  if (s.shared > 0) pool_.leave_prefix(requests_[static_cast<std::size_t>(s.request)].prefix);
  if (s.decoding) {
    if (s.growing) --growing_[growth_place(s)];
    --decoding_;
    context_ -= cached(s);
  } else {
    --prefilling_;
  }
  running_.erase(running_.begin() + static_cast<std::ptrdiff_t>(place));
  next_change_.erase(next_change_.begin() + static_cast<std::ptrdiff_t>(place));
}

void Replica::preempt_last() {
  const Sequence& s = running_.back();
  Outcome& outcome = outcomes_[static_cast<std::size_t>(s.request)];
  Waiting again{s.request, false, s.last_token_s};
  if (s.decoding) {
    if (s.joined == tick_)
      newcomers_.erase(std::find(newcomers_.begin(), newcomers_.end(), s.last_token_s));
    else
      again.last_token_s = last_decode_s_;
    outcome.tokens += tick_ - s.joined;
  }
  ++outcome.preemptions;
  ++totals_.preemptions;
  release(running_.size() - 1);
  waiting_.push_front(again);
}

void Replica::leave(std::size_t place, bool finished) {
  Sequence& s = running_[place];
  Outcome& outcome = outcomes_[static_cast<std::size_t>(s.request)];
  if (finished) {
    outcome.finish_s = now_s_;
    outcome.replica = index_;
    ++outcome.finishes;
  }
  events_.push_back({s.request, now_s_, finished});
  ++left_;
  ++left_in_last_pass_;
  release(place);
}

/// The prompt at this place is computed: its next token is there. Returns whether the sequence stays.
bool Replica::emit_prompt_token(std::size_t place) {
  Sequence& s = running_[place];
  const auto i = static_cast<std::size_t>(s.request);
  const Request& request = requests_[i];
  Outcome& outcome = outcomes_[i];
  if (++outcome.tokens == 1)
    outcome.first_token_s = now_s_;
  else
    gaps_.add(now_s_ - s.last_token_s, 1);
  s.last_token_s = now_s_;
  if (options_.prefix_cache && request.prefix >= 0 && s.shared == 0 && pool_.prefix_blocks(request.prefix) == 0) {
    s.shared = std::min(request.prefix_tokens, request.prompt) / options_.block_tokens;
    if (s.shared > 0) pool_.store_prefix(request.prefix, s.shared);
  }
  if (outcome.tokens == request.output || stage_ == Stage::Prefill) {
    leave(place, outcome.tokens == request.output);
    return false;
  }
  --prefilling_;
  start_decoding(place);
  return true;
}

/// Finishes and full windows that fall on this tick.
void Replica::settle() {
  if (tick_ < soonest_) return;
  soonest_ = never;
  for (std::size_t i = 0; i < running_.size();) {
    Sequence& s = running_[i];
    if (next_change_[i] == tick_) {
      if (s.finishes == tick_) {
        outcomes_[static_cast<std::size_t>(s.request)].tokens += tick_ - s.joined;
        leave(i, true);
        continue;
      }
      --growing_[growth_place(s)];
      s.growing = false;
      next_change_[i] = s.finishes;
    }
    soonest_ = std::min(soonest_, next_change_[i]);
    ++i;
  }
}

void Replica::decode_tokens_out() {
  gaps_.add(now_s_ - last_decode_s_, decoding_ - static_cast<std::int64_t>(newcomers_.size()));
  for (double since_s : newcomers_) gaps_.add(now_s_ - since_s, 1);
  newcomers_.clear();
  last_decode_s_ = now_s_;
  context_ += decoding_;
  ++tick_;
}

void Replica::account(double from_s, std::int64_t blocks_before) {
  const double blocks = 0.5 * static_cast<double>(blocks_before + pool_.used());
  timeline_.add(from_s, now_s_,
                {static_cast<double>(waiting_.size()), static_cast<double>(running_.size()), blocks, 1});
  totals_.busy_s += now_s_ - from_s;
}

void Replica::decode_run(double until_s) {
  const PassTable::DecodePasses passes = table_.decode_passes(decoding_);
  const double from_s = now_s_;
  const std::int64_t first_tick = tick_, blocks_before = pool_.used();
  do {
    if (const std::int64_t blocks = growth(); blocks > 0) {
      if (blocks > pool_.available()) break;
      pool_.take(blocks);
    }
    now_s_ += passes.seconds(context_);
    decode_tokens_out();
  } while (tick_ < soonest_ && now_s_ < until_s);
  const std::int64_t steps = tick_ - first_tick;
  totals_.passes += steps;
  totals_.decode_steps += steps;
  totals_.decode_tokens += steps * decoding_;
  account(from_s, blocks_before);
  left_in_last_pass_ = 0;
  settle();
}

/// Pieces of prompts for this pass: the one under way, which is the last admitted, then new ones.
void Replica::plan_pieces(std::int64_t budget, bool may_admit) {
  const auto give = [&](std::size_t place, std::int64_t most) {
    Sequence& s = running_[place];
    s.piece = std::min(s.target - s.done, most);
    budget -= s.piece;
    pieces_.push_back({s.piece, s.done});
    places_.push_back(place);
  };
  if (prefilling_ > 0) give(running_.size() - 1, budget);
  while (may_admit && budget > 0 && admissible() && !waiting_.front().prefilled) {
    if (options_.prefill_first) {
      const std::int64_t target = target_of(waiting_.front());
      const std::int64_t tokens = target - stored_blocks(waiting_.front(), target) * options_.block_tokens;
      if (!pieces_.empty() && tokens > budget) break;
      admit();
      give(running_.size() - 1, tokens);
    } else {
      admit();
      give(running_.size() - 1, budget);
    }
  }
}

void Replica::pass() {
  const double from_s = now_s_;
  const std::int64_t blocks_before = pool_.used();
  left_in_last_pass_ = 0;
  pieces_.clear();
  places_.clear();
  while (prefilling_ == 0 && admissible() && waiting_.front().prefilled) admit();
  bool threw_out = false;
  const auto make_room = [&] {
    while (growth() > pool_.available()) {
      preempt_last();
      threw_out = true;
    }
    pool_.take(growth());
  };
  if (options_.prefill_first) {
    plan_pieces(options_.step_tokens, true);
    if (pieces_.empty()) make_room();
  } else {
    make_room();
    if (options_.step_tokens > decoding_) plan_pieces(options_.step_tokens - decoding_, !threw_out);
  }
  const bool decodes = decoding_ > 0 && (!options_.prefill_first || pieces_.empty());
  if (!decodes && pieces_.empty())
    throw Error(Fault::CannotRun, "the scheduler has requests it can neither start nor continue");

  std::int64_t sampled = 0;
  for (std::size_t k = 0; k < pieces_.size(); ++k) {
    totals_.prompt_tokens += pieces_[k].tokens;
    sampled += pieces_[k].context + pieces_[k].tokens == running_[places_[k]].target;
  }
  now_s_ += table_.seconds(decodes ? decoding_ : 0, decodes ? context_ : 0, pieces_, sampled);
  ++totals_.passes;
  account(from_s, blocks_before);
  if (decodes) {
    ++totals_.decode_steps;
    totals_.decode_tokens += decoding_;
    decode_tokens_out();
  }
  // Prompts stand behind the decoding sequences that this tick may finish, so they come first.
  std::size_t gone = 0;
  for (std::size_t place : places_) {
    Sequence& s = running_[place - gone];
    s.done += s.piece;
    if (s.done == s.target && !emit_prompt_token(place - gone)) ++gone;
  }
  settle();
}

void Replica::run(double until_s) {
  while (busy() && now_s_ < until_s && events_.empty()) {
    if (prefilling_ == 0 && decoding_ > 0 && !admissible() && growth() <= pool_.available())
      decode_run(until_s);
    else
      pass();
  }
}

}  // namespace isoflop::sim
