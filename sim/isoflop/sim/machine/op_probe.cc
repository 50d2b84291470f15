#include "isoflop/sim/machine/op_probe.h"

#include <fmt/format.h>

#include <chrono>
#include <memory>

#include "isoflop/random.h"
#include "isoflop/sim/kernel/attention.h"
#include "isoflop/sim/kernel/large_pages.h"
#include "isoflop/sim/kernel/thread_clock.h"
#include "isoflop/sim/kernel/vector_loops.h"

namespace isoflop::sim {
namespace {

using Floats = LargeArray<float>;

std::shared_ptr<Floats> filled(std::size_t count) {
  auto values = std::make_shared<Floats>(count);
  Random random(count);
  // A thousand values over and over: drawing millions would take longer than the measurement.
  for (std::size_t i = 0; i < count; ++i)
    (*values)[i] = i < 1021 ? static_cast<float>(random.uniform(-1, 1)) : (*values)[i - 1021];
  return values;
}

View view_of(Floats& values, std::size_t rows, std::size_t width) { return {values.data(), rows, width, width}; }

double d(std::size_t n) { return static_cast<double>(n); }

std::string precision_name(Precision precision) { return precision == Precision::Fp32 ? "fp32" : "bf16"; }
PeakKind peak_of(Precision precision) { return precision == Precision::Fp32 ? PeakKind::Fp32 : PeakKind::Bf16; }

}  // namespace

OpProbe product_probe(std::size_t m, std::size_t n, std::size_t k, Precision precision, bool packed) {
  OpProbe probe;
  probe.name = fmt::format("matrix product{}, {}", packed ? ", packed weights" : "", precision_name(precision));
  probe.shape = fmt::format("{} x {} x {}", m, n, k);
  probe.work.kind = "product";
  probe.work.arithmetic = peak_of(precision);
  probe.work.flop = probe.work.tile_flop = 2 * d(m) * d(n) * d(k);
  probe.work.bytes = 4 * (d(m) * d(k) + d(n) * d(k) + (packed ? 0 : d(m) * d(n)));
  probe.work.working_set = 4 * (d(m) * d(k) + d(n) * d(k) + d(m) * d(n));
  auto a = filled(m * k), b = filled(k * n), c = filled(m * n);
  auto buffers = std::make_shared<PackBuffers>();
  if (packed) {
    auto matrix = std::make_shared<PackedMatrix>();
    matrix->pack(k, n, MatrixView::transposed(b->data(), k), precision);
    probe.run = [=] { matrix_product(m, MatrixView::row_major(a->data(), k), *matrix, c->data(), n, false, *buffers); };
  } else {
    probe.run = [=] {
      matrix_product(m, n, k, MatrixView::transposed(a->data(), m), MatrixView::row_major(b->data(), n), c->data(), n,
                     true, precision, *buffers);
    };
  }
  return probe;
}

OpProbe attention_probe(std::size_t tokens, std::size_t heads, std::size_t head_dim, Precision precision,
                        bool backward) {
  OpProbe probe;
  probe.name = fmt::format("attention{}, {}", backward ? " backward" : "", precision_name(precision));
  probe.shape = fmt::format("{} tokens, {} heads of {}", tokens, heads, head_dim);
  const double pairs = d(heads) * d(tokens) * (d(tokens) + 1) / 2;
  probe.work.kind = "attention";
  probe.work.arithmetic = peak_of(precision);
  // Forward: scores and sums. Backward: the same scores again and four gradients.
  probe.work.flop = probe.work.tile_flop = pairs * d(head_dim) * (backward ? 10 : 4);
  probe.work.bytes = 4 * d(tokens) * d(heads) * d(head_dim) * (backward ? 8 : 3);
  probe.work.working_set = 4 * d(tokens) * d(heads) * d(head_dim) * (backward ? 8 : 4);
  const std::size_t width = heads * head_dim;
  std::vector<std::shared_ptr<Floats>> t;
  for (int i = 0; i < 8; ++i) t.push_back(filled(tokens * width));
  auto lse = filled(tokens * heads);
  auto scratch = std::make_shared<AttentionScratch>();
  const Visibility visible{true, 0, 0, 0};
  const float scale = 0.125f;
  const auto head = [=](int i, std::size_t h) {
    const View all = view_of(*t[static_cast<std::size_t>(i)], tokens, width);
    return View{all.data + h * head_dim, tokens, head_dim, width};
  };
  const auto forward = [=] {
    for (std::size_t h = 0; h < heads; ++h)
      attention_head(head(0, h), head(1, h), head(2, h), 0, visible, {scale}, nullptr, head(3, h), lse->data() + h,
                     heads, precision, *scratch);
  };
  if (!backward) {
    probe.run = forward;
    return probe;
  }
  forward();
  probe.run = [=] {
    for (std::size_t h = 0; h < heads; ++h)
      attention_head_backward(head(0, h), head(1, h), head(2, h), head(3, h), lse->data() + h, heads, head(4, h), 0,
                              visible, {scale}, nullptr, head(5, h), head(6, h), head(7, h), nullptr, precision,
                              *scratch);
  };
  return probe;
}

OpProbe norm_probe(std::size_t rows, std::size_t width) {
  OpProbe probe{"RMSNorm", fmt::format("{} x {}", rows, width), {}, {}};
  probe.work.kind = "norm";
  probe.work.flop = probe.work.tile_flop = 4 * d(rows) * d(width);
  probe.work.bytes = 4 * d(rows) * d(width);
  probe.work.working_set = 8 * d(rows) * d(width);
  auto x = filled(rows * width), y = filled(rows * width), scale = filled(width);
  probe.run = [=] {
    for (std::size_t r = 0; r < rows; ++r)
      vector_loops().rms_norm(width, x->data() + r * width, scale->data(), 1e-5f, y->data() + r * width);
  };
  return probe;
}

OpProbe activation_probe(std::size_t rows, std::size_t width) {
  OpProbe probe{"SwiGLU", fmt::format("{} x {}", rows, width), {}, {}};
  probe.work.kind = "activation";
  probe.work.flop = probe.work.tile_flop = 5 * d(rows) * d(width);
  probe.work.bytes = 8 * d(rows) * d(width);
  probe.work.working_set = 12 * d(rows) * d(width);
  auto gate = filled(rows * width), up = filled(rows * width), y = filled(rows * width);
  probe.run = [=] {
    for (std::size_t r = 0; r < rows; ++r)
      vector_loops().silu_gate(width, gate->data() + r * width, up->data() + r * width, y->data() + r * width);
  };
  return probe;
}

OpProbe update_probe(std::size_t count) {
  OpProbe probe{"AdamW", fmt::format("{:.1f}M weights", d(count) / 1e6), {}, {}};
  probe.work.kind = "update";
  probe.work.flop = probe.work.tile_flop = 16 * d(count);
  probe.work.bytes = probe.work.working_set = 16 * d(count);
  auto w = filled(count), m = std::make_shared<Floats>(count), v = std::make_shared<Floats>(count), g = filled(count);
  probe.run = [=] {
    vector_loops().adamw(count, w->data(), m->data(), v->data(), g->data(), 1, 0.9f, 0.95f, 1e-6f, 1, 1e-8f, 1e-8f);
  };
  return probe;
}

OpProbe decode_probe(std::size_t rows, std::size_t columns, WeightFormat format, Crew& crew) {
  OpProbe probe;
  probe.name = fmt::format("decode product, {}", weight_format_name(format));
  probe.shape = fmt::format("1 x {} x {}", rows, columns);
  const auto w = filled(rows * columns);
  auto matrix = std::make_shared<StreamedMatrix>(rows, columns, w->data(), format);
  auto x = filled(columns), y = filled(rows);
  const bool whole = format == WeightFormat::Int8 || format == WeightFormat::Int4;
  probe.work.kind = "stream " + weight_format_name(format);
  probe.work.arithmetic = whole ? PeakKind::Int8 : PeakKind::Fp32;
  probe.work.flop = probe.work.tile_flop = 2 * d(rows) * d(columns);
  probe.work.bytes = probe.work.working_set = d(matrix->bytes());
  probe.run = [=, &crew] {
    StreamedInput input;
    input.prepare(x->data(), columns, format);
    const std::size_t shares = crew.size();
    crew.run([&](std::size_t share) {
      matrix->multiply({&input, 1}, matrix->panels() * share / shares, matrix->panels() * (share + 1) / shares,
                       {y->data(), 1, rows, rows});
    });
  };
  return probe;
}

double seconds_per_run(const OpProbe& probe, double seconds, bool wall) {
  const auto now = [&] {
    return wall ? std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count()
                : thread_seconds();
  };
  double runs = 0, elapsed = 0;
  const double start = now();
  do {
    probe.run();
    ++runs;
    elapsed = now() - start;
  } while (elapsed < seconds);
  return elapsed / runs;
}

}  // namespace isoflop::sim
