#include "isoflop/sim/kernel/decoder.h"

#include <fmt/format.h>

#include <set>

#include "isoflop/error.h"
#include "isoflop/machine_share.h"
#include "isoflop/model/op_cost.h"
#include "isoflop/parallel.h"

namespace isoflop::sim {

WeightLayout weight_layout(const Architecture& architecture) {
  return WeightLayout(forward(architecture, Step::train(1, 1)));
}

struct Decoder::State {
  Architecture architecture;
  DecoderSettings settings;
  WeightLayout layout;
  std::vector<float> weights;
  StreamedWeights streamed;
  PackedWeights packed;
  std::unique_ptr<Crew> crew;
  Execution prompt, step;
  std::size_t tokens = 0;
  std::set<std::size_t> absorbed;  ///< weights that decode steps read in fp32, block by block

  // As stored in the format, except what is read in fp32.
  double weight_bytes() const {
    double bytes = static_cast<double>(streamed.bytes());
    for (const std::size_t weight : absorbed)
      bytes += static_cast<double>(layout.places()[weight].count * sizeof(float)) -
               static_cast<double>(streamed.matrix(weight).bytes());
    return bytes;
  }

  State(const Architecture& a, std::vector<float> w, const DecoderSettings& s)
      : architecture(a),
        settings(s),
        layout(weight_layout(a)),
        weights(std::move(w)),
        streamed(layout, weights.data(), s.format, s.threads),
        prompt(forward(a, Step::prefill(whole(s.batch), whole(s.prompt))), layout, s.prefill_precision),
        step(forward(a, Step::decode(whole(s.batch), whole(s.capacity) - 1)), layout, Precision::Fp32) {
    // The prompt sees what decode steps see: the rounded weights.
    std::vector<float> rounded;
    if (s.format != WeightFormat::Fp32) {
      rounded = weights;
      const auto matrices = product_matrices(layout);
      parallel_for(matrices.size(), s.threads, [&](std::size_t i) {
        const auto values = streamed.matrix(matrices[i].weight, matrices[i].expert).restored();
        std::copy(values.begin(), values.end(), rounded.begin() + static_cast<std::ptrdiff_t>(matrices[i].offset));
      });
    }
    // Absorbed projections read blocks of the up-projection from the fp32 array: the rounded values there too.
    for (const Op& op : step.program().ops) {
      if (!std::holds_alternative<HeadMatMul>(op.detail)) continue;
      const auto& place = layout.of(step.program().tensors[static_cast<std::size_t>(op.weights[0])]);
      absorbed.insert(layout.index_of(step.program().tensors[static_cast<std::size_t>(op.weights[0])]));
      if (!rounded.empty())
        std::copy_n(rounded.begin() + static_cast<std::ptrdiff_t>(place.offset), place.count,
                    weights.begin() + static_cast<std::ptrdiff_t>(place.offset));
    }
    packed.pack(layout, rounded.empty() ? weights.data() : rounded.data(), s.prefill_precision, false, s.threads);
    use(s.threads);
  }

  void use(int threads) {
    auto others = std::make_unique<Crew>(threads);
    step.read_streamed(streamed, *others);
    prompt.share(*others);
    crew = std::move(others);
  }

  static std::int64_t whole(std::size_t n) { return static_cast<std::int64_t>(n); }
};

Decoder::Decoder(const Architecture& architecture, std::vector<float> weights, const DecoderSettings& settings) {
  check_executable(architecture);
  if (settings.batch < 1 || settings.prompt < 1 || settings.capacity <= settings.prompt)
    throw Error(Fault::Usage, "a decoder needs a batch, a prompt, and room for more tokens than the prompt");
  // Beside the weights that are there: those packed for prompts, and those that steps read.
  const double each = settings.format == WeightFormat::Fp32   ? 4
                      : settings.format == WeightFormat::Bf16 ? 2
                      : settings.format == WeightFormat::Int8 ? 1
                                                              : 0.5;
  require_memory(static_cast<double>(weights.size()) * (each + (settings.prefill_precision == Precision::Bf16 ? 2 : 4)),
                 fmt::format("decoding with {} parameters", weights.size()));
  state_ = std::make_unique<State>(architecture, std::move(weights), settings);
}
Decoder::~Decoder() = default;

View Decoder::prefill(const std::vector<std::int32_t>& ids) {
  State& s = *state_;
  s.prompt.forward(s.weights.data(), s.packed, ids.data(), nullptr);
  s.step.take_caches(s.prompt, s.settings.prompt);
  s.tokens = s.settings.prompt;
  return s.prompt.logits();
}

View Decoder::decode(const std::vector<std::int32_t>& ids) {
  State& s = *state_;
  if (s.tokens >= s.settings.capacity) throw Error(Fault::Usage, "the cache is full");
  s.step.set_context(s.tokens);
  s.step.forward(s.weights.data(), s.packed, ids.data(), nullptr);
  ++s.tokens;
  return s.step.logits();
}

void Decoder::set_threads(int threads) { state_->use(threads); }

std::size_t Decoder::tokens() const { return state_->tokens; }

double Decoder::step_bytes() const {
  const State& s = *state_;
  const Program program = forward(s.architecture, Step::decode(State::whole(s.settings.batch), State::whole(s.tokens)),
                                  LayerListing::Distinct);
  return s.weight_bytes() + 4 * cost(program, Pass::Forward).traffic.kv;
}

double Decoder::prefill_flop() const {
  const State& s = *state_;
  return cost(forward(s.architecture, Step::prefill(State::whole(s.settings.batch), State::whole(s.settings.prompt)),
                      LayerListing::Distinct),
              Pass::Forward)
      .matmul_flops;
}

double Decoder::decode_flop() const {
  const State& s = *state_;
  return cost(forward(s.architecture, Step::decode(State::whole(s.settings.batch), State::whole(s.tokens)),
                      LayerListing::Distinct),
              Pass::Forward)
      .matmul_flops;
}

std::size_t Decoder::memory_bytes() const {
  return state_->streamed.bytes() + state_->weights.size() * sizeof(float) + state_->prompt.activation_bytes() +
         state_->step.activation_bytes();
}

}  // namespace isoflop::sim
