// Decode steps and prompts of a 787M-parameter shape against reads and packed products between them.
#include <fmt/format.h>

#include <algorithm>

#include "floors.h"
#include "isoflop/random.h"
#include "isoflop/sim/kernel/decoder.h"
#include "isoflop/sim/kernel/read_bandwidth.h"
#include "isoflop/sim/kernel/thread_clock.h"
#include "isoflop/sim/machine/machine_probes.h"
#include "isoflop/sim/machine/op_probe.h"
#include "isoflop/statistics.h"

namespace isoflop::sim {
namespace {

std::vector<std::int32_t> likeliest(const View& logits) {
  std::vector<std::int32_t> ids;
  for (std::size_t r = 0; r < logits.rows; ++r)
    ids.push_back(
        static_cast<std::int32_t>(std::max_element(logits.row(r), logits.row(r) + logits.width) - logits.row(r)));
  return ids;
}

}  // namespace

void judge_decoding(const Words& words) {
  std::set<WeightFormat> formats;
  for (const auto format : {WeightFormat::Fp32, WeightFormat::Bf16, WeightFormat::Int8, WeightFormat::Int4})
    if (words.count(weight_format_name(format)) > 0) formats.insert(format);
  if (formats.empty()) formats = {WeightFormat::Fp32, WeightFormat::Bf16, WeightFormat::Int8, WeightFormat::Int4};
  Architecture a = plain_model(16, 2048, 32, 8, 32000);
  for (Layer& layer : a.layers) layer.mlp->width = 5632;
  a.tied_embeddings = true;
  const auto layout = weight_layout(a);
  Random random(1);
  std::vector<float> weights(layout.count());
  for (std::size_t i = 0; i < weights.size(); ++i)
    weights[i] = i < 65537 ? static_cast<float>(0.02 * random.normal()) : weights[i - 65537];
  Crew crew1(1), crew2(2);
  ReadBandwidth probe1(std::size_t{512} << 20, crew1), probe2(std::size_t{512} << 20, crew2);
  for (const auto format : formats) {
    const bool prefills = format == WeightFormat::Fp32 || format == WeightFormat::Bf16;
    DecoderSettings settings{1,
                             prefills ? std::size_t{256} : std::size_t{32},
                             0,
                             format,
                             format == WeightFormat::Fp32 ? Precision::Fp32 : Precision::Bf16,
                             2};
    settings.capacity = settings.prompt + 160;
    Decoder decoder(a, weights, settings);
    std::vector<std::int32_t> prompt(settings.prompt);
    for (auto& id : prompt) id = static_cast<std::int32_t>(random.index(32000));
    if (prefills) {
      // The products of one layer and of the head, as often as a prompt needs them, are what the whole is held against.
      decoder.set_threads(1);
      const Program program =
          forward(a, Step::prefill(1, static_cast<std::int64_t>(settings.prompt)), LayerListing::Distinct);
      std::vector<std::pair<OpProbe, double>> parts;
      for (const Op& op : program.ops)
        if (const auto* m = std::get_if<MatMul>(&op.detail))
          parts.emplace_back(product_probe(static_cast<std::size_t>(m->rows), static_cast<std::size_t>(m->columns),
                                           static_cast<std::size_t>(m->inner), settings.prefill_precision, true),
                             static_cast<double>(op.times));
      std::vector<Window> windows;
      decoder.prefill(prompt);
      for (int i = 0; i < 5; ++i) {
        double own = 0, whole = 0, own_flop = 0;
        Window window = observed([&] {
          for (const auto& [part, times] : parts) {
            own += times * seconds_per_run(part, 0, false);
            own_flop += times * part.work.flop;
          }
          const double start = thread_seconds();
          decoder.prefill(prompt);
          whole = thread_seconds() - start;
        });
        window.value = decoder.prefill_flop() / whole / (own_flop / own);
        windows.push_back(window);
      }
      judge(fmt::format("prefill 787M, {}, 1 thread: share of packed products' rate", weight_format_name(format)),
            windows, 0.80, false);
    } else {
      decoder.prefill(prompt);
    }
    for (const int threads : {1, 2}) {
      decoder.set_threads(threads);
      ReadBandwidth& probe = threads == 1 ? probe1 : probe2;
      View logits = decoder.decode({1});
      std::vector<Window> windows;
      std::vector<double> tokens;
      for (int i = 0; i < 9; ++i) {
        double ratio = 0, seconds = 0;
        constexpr int each = 6;
        Window window = observed([&] {
          double before = probe.measure();
          for (int t = 0; t < each; ++t) {
            const double bytes = decoder.step_bytes();
            const auto next = likeliest(logits);
            const auto now = [&] { return threads == 1 ? thread_seconds() : wall_seconds(); };
            const double start = now();
            logits = decoder.decode(next);
            const double s = now() - start;
            const double after = probe.measure();
            ratio += bytes / s / (0.5 * (before + after)) / each;
            seconds += s / each;
            before = after;
          }
        });
        window.value = ratio;
        windows.push_back(window);
        tokens.push_back(1 / seconds);
      }
      judge(fmt::format("decode 787M, {}, {} thread{}: share of bandwidth", weight_format_name(format), threads,
                        threads == 1 ? "" : "s"),
            windows, threads == 1 ? 0.80 : 0.90, threads > 1, fmt::format("{:.1f} tokens/s", median(tokens)));
    }
  }
}

}  // namespace isoflop::sim
