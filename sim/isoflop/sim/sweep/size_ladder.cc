#include "isoflop/sim/sweep/size_ladder.h"

#include <algorithm>

#include "isoflop/error.h"
#include "isoflop/model/op_cost.h"
#include "isoflop/model/parameters.h"
#include "isoflop/model/step.h"
#include "isoflop/number_text.h"

namespace isoflop::sim {
namespace {
std::int64_t usual_heads(std::int64_t width) {
  return width % 16 == 0 ? width / 16 : width % 12 == 0 ? width / 12 : width % 8 == 0 ? width / 8 : 1;
}
}  // namespace

std::vector<LadderRung> default_ladder() {
  std::vector<LadderRung> ladder;
  const std::int64_t shapes[][2] = {{2, 8},   {2, 12},  {2, 16},  {2, 24},  {2, 32}, {2, 40},
                                    {2, 48},  {2, 64},  {3, 64},  {3, 80},  {3, 96}, {3, 112},
                                    {4, 128}, {4, 160}, {4, 192}, {5, 208}, {6, 256}};
  for (const auto& shape : shapes) ladder.push_back({shape[0], shape[1], usual_heads(shape[1])});
  return ladder;
}

LadderRung read_rung(const std::string& text) {
  std::vector<std::int64_t> numbers;
  std::size_t begin = 0;
  bool good = true;
  while (good && begin <= text.size()) {
    const std::size_t end = std::min(text.find('x', begin), text.size());
    const auto number = parse_plain_number(text.substr(begin, end - begin));
    good = number && *number >= 1 && *number <= 65536 &&
           *number == static_cast<double>(static_cast<std::int64_t>(*number));
    if (good) numbers.push_back(static_cast<std::int64_t>(*number));
    begin = end + 1;
  }
  if (!good || numbers.size() < 2 || numbers.size() > 3 || numbers[0] > 200)
    throw Error(Fault::Usage, "\"" + text + "\" is no size; expected layers x width [x heads], such as 2x32 or 2x32x4");
  const LadderRung rung{numbers[0], numbers[1], numbers.size() == 3 ? numbers[2] : usual_heads(numbers[1])};
  if (rung.width % rung.heads != 0 || rung.width < 8)
    throw Error(Fault::Usage, "\"" + text + "\": the width must be at least 8 and a multiple of the heads");
  return rung;
}

std::string rung_name(const LadderRung& rung) {
  return std::to_string(rung.layers) + "x" + std::to_string(rung.width) + "x" + std::to_string(rung.heads);
}

Architecture rung_architecture(const LadderRung& rung, std::int64_t vocabulary) {
  Architecture a;
  a.name = rung_name(rung);
  a.width = rung.width;
  a.vocabulary = vocabulary;
  a.tied_embeddings = true;
  a.norm = {NormKind::RmsNorm, true, false};
  Layer layer;
  layer.attention.heads = layer.attention.kv_heads = rung.heads;
  layer.attention.head_dim = rung.width / rung.heads;
  layer.attention.rotary_dims = layer.attention.head_dim / 2 * 2;
  layer.mlp = Mlp{(8 * rung.width / 3 + 15) / 16 * 16, true, Activation::Silu, false};
  a.layers.assign(static_cast<std::size_t>(rung.layers), layer);
  check(a);
  return a;
}

SizedModel size_model(const LadderRung& rung, std::int64_t vocabulary, std::int64_t length) {
  const Architecture a = rung_architecture(rung, vocabulary);
  const ParameterCount count = count_parameters(a);
  const Program program = forward(a, Step::train(1, length));
  return {rung, count.total, count.active_without_embeddings,
          3 * cost(program, Pass::Forward).matmul_flops / static_cast<double>(length)};
}

}  // namespace isoflop::sim
