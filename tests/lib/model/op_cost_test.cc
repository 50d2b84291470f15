// The witness of every FLOP: the program is executed with a scalar that counts its own arithmetic.
#include "isoflop/model/op_cost.h"

#include <cmath>
#include <map>

#include "agrees.h"
#include "isoflop/model/naive_backward.h"
#include "isoflop/model/parameters.h"
#include "isoflop/random.h"
#include "small_models.h"

using namespace isoflop;

namespace {

struct Counted {
  double value = 0;
  static inline double matrix = 0, vector = 0;
  Counted() = default;
  explicit Counted(double v) : value(v) {}
  explicit operator double() const { return value; }
  static Counted once(double v) { return ++vector, Counted(v); }
  friend Counted operator+(Counted a, Counted b) { return once(a.value + b.value); }
  friend Counted operator-(Counted a, Counted b) { return once(a.value - b.value); }
  friend Counted operator*(Counted a, Counted b) { return once(a.value * b.value); }
  friend Counted operator/(Counted a, Counted b) { return once(a.value / b.value); }
  friend Counted operator-(Counted a) { return once(-a.value); }
  friend Counted exp(Counted a) { return once(std::exp(a.value)); }
  friend Counted expm1(Counted a) { return once(std::expm1(a.value)); }
  friend Counted log(Counted a) { return once(std::log(a.value)); }
  friend Counted sqrt(Counted a) { return once(std::sqrt(a.value)); }
  friend Counted erf(Counted a) { return once(std::erf(a.value)); }
};
Counted multiply_add(Counted a, Counted b, Counted c) {
  Counted::matrix += 2;
  return Counted(c.value + a.value * b.value);
}

template <typename Scalar>
void fill(naive::Values<Scalar>& values, std::uint64_t seed) {
  Random random(seed);
  for (std::size_t i = 0; i < values.program.tensors.size(); ++i) {
    const Tensor& t = values.program.tensors[i];
    if (t.kind == TensorKind::Weight)
      for (auto& w : values.data[i]) w = Scalar(0.4 * random.normal() + (t.part == Part::Norm ? 1 : 0));
    if (t.kind == TensorKind::TokenIds) {
      const auto places = naive::row_places(values.program.step.segments);
      for (std::size_t r = 0; r < values.whole[i].size(); ++r)
        values.whole[i][r] =
            t.part == Part::Position ? places[r].position : static_cast<std::int64_t>(random.index(13));
    }
  }
}

template <typename Scalar>
void copy_weights(const naive::Values<Scalar>& from, naive::Values<Scalar>& to) {
  std::map<std::string, std::size_t> names;
  for (std::size_t i = 0; i < from.program.tensors.size(); ++i)
    if (from.program.tensors[i].kind == TensorKind::Weight) names[from.program.tensors[i].name] = i;
  for (std::size_t i = 0; i < to.program.tensors.size(); ++i)
    if (to.program.tensors[i].kind == TensorKind::Weight) to.data[i] = from.data[names.at(to.program.tensors[i].name)];
}

int find_tensor(const Program& p, const std::string& name) {
  for (std::size_t i = 0; i < p.tensors.size(); ++i)
    if (p.tensors[i].name == name) return static_cast<int>(i);
  FAIL("no tensor " << name);
  return -1;
}

double loss_of(naive::Values<double>& values) {
  naive::Forward<double>::run(values);
  double sum = 0;
  for (std::size_t i = 0; i < values.program.tensors.size(); ++i)
    if (values.program.tensors[i].part == Part::Loss && values.program.tensors[i].kind == TensorKind::Statistic)
      sum += values.data[i][0];
  return sum;
}

}  // namespace

TEST_CASE("the cost of every operation is the arithmetic that a counting scalar sees, forward and backward") {
  for (const Architecture& a : test::small_models()) {
    CAPTURE(a.name);
    const Program program = forward(a, Step::train(2, 7));
    naive::Values<Counted> values(program);
    fill(values, 7);
    Counted::matrix = Counted::vector = 0;
    naive::Forward<Counted>::run(values, [](const Op& op) {
      CAPTURE(op.name);
      const PassCost c = cost(op, Pass::Forward);
      CHECK(c.matmul_flops == Counted::matrix);
      CHECK(c.vector_flops == Counted::vector);
      Counted::matrix = Counted::vector = 0;
    });
    naive::Backward<Counted>::run(values, [](const Op& op) {
      CAPTURE(op.name);
      PassCost c = cost(op, Pass::Backward);
      c += cost(op, Pass::ScoresAgain);
      CHECK(c.matmul_flops == Counted::matrix);
      CHECK(c.vector_flops == Counted::vector);
      Counted::matrix = Counted::vector = 0;
    });
  }
}

TEST_CASE("prefill, chunked prefill and decoding cost what a counting scalar sees") {
  for (const Architecture& a : test::small_models())
    for (const Step& step : {Step::prefill(2, 5), Step::decode(3, 6), Step::chunk(1, 4, 5)}) {
      CAPTURE(a.name);
      const Program program = forward(a, step);
      naive::Values<Counted> values(program);
      fill(values, 3);
      Counted::matrix = Counted::vector = 0;
      naive::Forward<Counted>::run(values, [](const Op& op) {
        CAPTURE(op.name);
        CHECK(cost(op, Pass::Forward).matmul_flops == Counted::matrix);
        CHECK(cost(op, Pass::Forward).vector_flops == Counted::vector);
        Counted::matrix = Counted::vector = 0;
      });
    }
}

TEST_CASE("gradients of the naive backward pass are those of central differences") {
  for (const Architecture& a : test::small_models()) {
    CAPTURE(a.name);
    const Program program = forward(a, Step::train(1, 6));
    naive::Values<double> values(program);
    fill(values, 11);
    loss_of(values);
    naive::Backward<double>::run(values);
    Random random(5);
    for (std::size_t i = 0; i < program.tensors.size(); ++i) {
      const Tensor& t = program.tensors[i];
      // A bias that only takes part in the choice of experts has no gradient.
      if (t.kind != TensorKind::Weight) continue;
      double scale = 1e-3;
      for (const double g : values.gradient[i]) scale = std::max(scale, std::fabs(g));
      for (int trial = 0; trial < 3; ++trial) {
        const std::size_t j = random.index(values.data[i].size());
        naive::Values<double> shifted(program);
        shifted.data = values.data;
        shifted.whole = values.whole;
        const double h = 1e-5;
        shifted.data[i][j] = values.data[i][j] + h;
        const double above = loss_of(shifted);
        shifted.data[i][j] = values.data[i][j] - h;
        const double below = loss_of(shifted);
        CAPTURE(t.name);
        CHECK(std::fabs((above - below) / (2 * h) - values.gradient[i][j]) < 1e-5 * scale);
      }
    }
  }
}

TEST_CASE("decoding token by token, and prefill in chunks, give the logits of one long prefill") {
  const std::int64_t length = 9;
  for (const Architecture& a : test::small_models()) {
    CAPTURE(a.name);
    const Program whole = forward(a, Step::prefill(1, length));
    naive::Values<double> reference(whole);
    fill(reference, 21);
    naive::Forward<double>::run(reference);
    const auto& expected = reference.of(find_tensor(whole, "logits"));
    for (const std::vector<std::int64_t>& parts : {std::vector<std::int64_t>(9, 1), {4, 3, 2}, {6, 1, 1, 1}}) {
      std::map<std::string, std::vector<double>> caches;
      std::vector<double> last;
      std::int64_t done = 0;
      for (const std::int64_t part : parts) {
        const Program program = forward(a, Step::chunk(1, part, done));
        naive::Values<double> values(program);
        fill(values, 1);
        copy_weights(reference, values);
        for (std::size_t i = 0; i < program.tensors.size(); ++i) {
          const Tensor& t = program.tensors[i];
          if (t.kind == TensorKind::KvCache)
            std::copy(caches[t.name].begin(), caches[t.name].end(), values.data[i].begin());
          if (t.name == "token ids")
            std::copy_n(reference.ints(find_tensor(whole, "token ids")).begin() + done, part, values.whole[i].begin());
        }
        naive::Forward<double>::run(values);
        for (std::size_t i = 0; i < program.tensors.size(); ++i)
          if (program.tensors[i].kind == TensorKind::KvCache) caches[program.tensors[i].name] = values.data[i];
        last = values.of(find_tensor(program, "logits"));
        done += part;
      }
      REQUIRE(last.size() == expected.size());
      for (std::size_t i = 0; i < last.size(); ++i) CHECK(std::fabs(last[i] - expected[i]) < 1e-9);
    }
  }
}

TEST_CASE("what the backward pass reads again is saved: 12 d + 4 g e + 4 h + 6 f bytes per token and layer") {
  const auto layer_bytes = [](const Architecture& a) {
    Architecture two = a, one = a;
    two.layers.resize(2);
    one.layers.resize(1);
    const SavedActivations more = saved_activations(forward(two, Step::train(1, 64))),
                           less = saved_activations(forward(one, Step::train(1, 64)));
    return (2 * (more.activations - less.activations) + 4 * (more.statistics - less.statistics)) / 64;
  };
  CHECK(layer_bytes(test::llama("Llama-2-7B", 2, 4096, 32, 32, 11008, 32000)) == 131712);
  CHECK(layer_bytes(test::llama("Llama-3-8B", 2, 4096, 32, 8, 14336, 128256)) == 139392);
  CHECK(layer_bytes(test::llama("Llama-3-70B", 2, 8192, 64, 8, 28672, 128256)) == 274688);
  CHECK(layer_bytes(test::llama("Llama-3.1-405B", 2, 16384, 128, 8, 53248, 128256)) == 520704);
}
