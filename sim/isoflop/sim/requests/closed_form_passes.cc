#include "isoflop/sim/requests/closed_form_passes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

namespace isoflop::sim {
namespace {

struct Triple {
  double low = 0, central = 0, high = 0;
};

/// One pass of the closed form, split by what it depends on.
struct Split {
  Triple fixed, tokens, sampling, attention;
};

Split split(const StepTime& step) {
  Split parts;
  for (const OpClass& c : step.classes) {
    Triple& into = c.name == "attention core" ? parts.attention
                   : c.name == "logits" || c.name == "gather of logits" ? parts.sampling
                   : c.name == "host" ? parts.fixed : parts.tokens;
    into.low += c.seconds.low;
    into.central += c.seconds.central;
    into.high += c.seconds.high;
  }
  // Whatever the closed form adds to or scales in its total that is in no class goes with the tokens.
  parts.tokens.low += step.seconds.low - parts.fixed.low - parts.tokens.low - parts.sampling.low - parts.attention.low;
  parts.tokens.central += step.seconds.central - parts.fixed.central - parts.tokens.central - parts.sampling.central -
                          parts.attention.central;
  parts.tokens.high +=
      step.seconds.high - parts.fixed.high - parts.tokens.high - parts.sampling.high - parts.attention.high;
  return parts;
}

/// Prices each shape once for all three tables.
class Prices {
 public:
  Prices(const StepPricer& pricer, const ServingLoad& load) : pricer_(pricer), load_(load) {}
  const Split& decode(std::int64_t sequences, std::int64_t context) { return priced(0, sequences, context); }
  const Split& prompt(std::int64_t tokens, std::int64_t context) { return priced(1, tokens, context); }

 private:
  const Split& priced(int kind, std::int64_t count, std::int64_t context) {
    const auto [at, fresh] = known_.try_emplace({kind, count, context});
    if (fresh)
      at->second =
          split(pricer_.time(load_, kind == 0 ? Step::decode(count, context) : Step::chunk(1, count, context)));
    return at->second;
  }
  const StepPricer& pricer_;
  const ServingLoad& load_;
  std::map<std::array<std::int64_t, 3>, Split> known_;
};

PassTable table(Prices& prices, const PassLimits& limits, double Triple::* end) {
  PassParts parts;
  parts.fixed_s = prices.decode(1, 0).fixed.*end;
  parts.tokens_s = [&prices, end](std::int64_t n) { return prices.decode(n, 0).tokens.*end; };
  parts.sampling_s = [&prices, end](std::int64_t s) { return prices.decode(s, 0).sampling.*end; };
  parts.decode_attention_s = [&prices, end](std::int64_t b, std::int64_t c) {
    return prices.decode(b, c).attention.*end;
  };
  parts.prompt_extra_s = [&prices, end](std::int64_t q, std::int64_t c) {
    const Split& piece = prices.prompt(q, c);
    return piece.tokens.*end + piece.attention.*end - prices.decode(q, 0).tokens.*end;
  };
  return PassTable(limits, parts);
}

std::int64_t common_window(const Architecture& architecture) {
  std::int64_t widest = 0;
  for (const Layer& layer : architecture.layers) {
    const Attention& a = layer.attention;
    const std::int64_t sight = a.window > 0 ? a.window + a.sink_tokens : a.chunk;
    if (sight <= 0) return 0;
    widest = std::max(widest, sight);
  }
  return widest;
}

}  // namespace

PassTables price_passes(const StepPricer& pricer, const ServingLoad& load, const PassLimits& limits) {
  Prices prices(pricer, load);
  return {table(prices, limits, &Triple::low), table(prices, limits, &Triple::central),
          table(prices, limits, &Triple::high)};
}

CacheRoom cache_room(const Architecture& architecture, const Accelerator& accelerator, const MemoryModel& memory,
                     ServingLoad load, std::int64_t max_sequences, std::int64_t step_tokens,
                     std::int64_t block_tokens) {
  // A pass of about step_tokens tokens whose last ones give max_sequences rows of logits; its cache does not count.
  load.batch = max_sequences;
  load.prompt = std::max<std::int64_t>(1, step_tokens / max_sequences);
  load.generate = 1;
  const ServingMemory used = memory.memory(load);
  CacheRoom room;
  room.bytes = static_cast<double>(load.devices()) * accelerator.memory_bytes - (used.total() - used.kv_cache);
  // One token of one sequence, as the memory model stores it: two lengths within any window.
  load.batch = 1;
  load.prompt = 1;
  const double two = memory.memory(load).kv_cache;
  load.prompt = 2;
  room.bytes_per_token = memory.memory(load).kv_cache - two;
  room.window_tokens = common_window(architecture);
  if (room.bytes > 0 && room.bytes_per_token > 0)
    room.blocks =
        static_cast<std::int64_t>(std::floor(room.bytes / (room.bytes_per_token * static_cast<double>(block_tokens))));
  return room;
}

}  // namespace isoflop::sim
