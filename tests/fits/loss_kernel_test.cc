#include "isoflop/fits/kernel/loss_kernel.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "agrees.h"
#include "isoflop/random.h"

using namespace isoflop;
using namespace isoflop::fits::kernel;

namespace {

struct Sample {
  AlignedDoubles ln_n{61}, ln_d{61}, loss{61}, inverse_loss{61}, weight{61};
  Sample() {
    Random random(11);
    for (std::size_t i = 0; i < ln_n.size(); ++i) {
      ln_n[i] = random.uniform(-3, 3);
      ln_d[i] = random.uniform(-3, 3);
      loss[i] = random.uniform(1.9, 4);
      weight[i] = random.uniform(0, 2);
    }
    for (std::size_t i = ln_n.size(); i < ln_n.groups() * lanes; ++i) loss[i] = 1;
    for (std::size_t i = 0; i < ln_n.groups() * lanes; ++i) inverse_loss[i] = 1 / loss[i];
  }
  Rows rows() const {
    return {ln_n.groups(), ln_n.data(), ln_d.data(), loss.data(), inverse_loss.data(), weight.data()};
  }
};

const double theta[] = {-0.6, -0.4, 0.6, 0.35, 0.37, 0.8};

}  // namespace

TEST_CASE("the kernel's exp and log are right to the last digits") {
  AlignedDoubles x(4000), y(4000), z(4000);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = -290 + 580.0 * static_cast<double>(i) / 4000;
  for (const auto& variant : variants()) {
    CAPTURE(variant.name);
    variant.decay(x.data(), x.groups(), -1, y.data());
    variant.log_of(y.data(), y.groups(), z.data());
    double worst_exp = 0, worst_log = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      worst_exp = std::max(worst_exp, std::fabs(y[i] / std::exp(x[i]) - 1));
      worst_log = std::max(worst_log, std::fabs(z[i] - std::log(y[i])) / std::max(std::fabs(x[i]), 1e-3));
    }
    CHECK(worst_exp < 1e-15);
    CHECK(worst_log < 1e-15);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = 1 + 1e-3 * (static_cast<double>(i) - 2000.5) / 2000;
    variant.log_of(x.data(), x.groups(), z.data());
    for (std::size_t i = 0; i < x.size(); ++i) CHECK(agrees(z[i], std::log(x[i]), 14.8));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = -290 + 580.0 * static_cast<double>(i) / 4000;
  }
}

TEST_CASE("every instruction set computes the same sums") {
  const Sample sample;
  for (const bool coupled : {false, true})
    for (const bool raw : {false, true}) {
      Sums first;
      variants().front().evaluate[coupled][raw](sample.rows(), theta, {0.05, 3}, first);
      for (const auto& variant : variants()) {
        CAPTURE(variant.name);
        Sums sums;
        variant.evaluate[coupled][raw](sample.rows(), theta, {0.05, 3}, sums);
        CHECK(agrees(sums.objective, first.objective, 13));
        if (variant.name != "plain" && variants().front().name != "plain") {
          // Fused everywhere and summed in one order: the same bits.
          CHECK(sums.objective == first.objective);
          CHECK(sums.gradient == first.gradient);
          CHECK(sums.hessian == first.hessian);
        }
        for (std::size_t i = 0; i < 6; ++i) CHECK(std::fabs(sums.gradient[i] - first.gradient[i]) <= 1e-13 * 10);
        for (std::size_t i = 0; i < 21; ++i) CHECK(std::fabs(sums.hessian[i] - first.hessian[i]) <= 1e-13 * 50);
      }
    }
}

TEST_CASE("objective, gradient and Hessian are those of the plain formula") {
  const Sample sample;
  const Penalty penalty{0.05, 3};
  const auto objective = [&](const double* t, bool coupled, bool raw) {
    double sum = 0;
    for (std::size_t i = 0; i < sample.loss.size(); ++i) {
      const double terms = std::exp(t[0] - t[3] * sample.ln_n[i]) + std::exp(t[1] - t[4] * sample.ln_d[i]);
      const double loss = std::exp(t[2]) + (coupled ? std::pow(terms, t[5]) : terms);
      const double r = raw ? loss - sample.loss[i] : std::log(loss / sample.loss[i]);
      const double huber =
          std::fabs(r) <= penalty.delta ? r * r / 2 : penalty.delta * (std::fabs(r) - penalty.delta / 2);
      sum += sample.weight[i] * (r > 0 ? penalty.overestimate : 1) * huber;
    }
    return sum;
  };
  for (const bool coupled : {false, true})
    for (const bool raw : {false, true}) {
      CAPTURE(coupled);
      CAPTURE(raw);
      Sums sums;
      best().evaluate[coupled][raw](sample.rows(), theta, penalty, sums);
      CHECK(agrees(sums.objective, objective(theta, coupled, raw), 13));
      for (std::size_t j = 0; j < (coupled ? 6u : 5u); ++j) {
        const double h = 1e-5;
        double up[6], down[6];
        std::copy_n(theta, 6, up);
        std::copy_n(theta, 6, down);
        up[j] += h;
        down[j] -= h;
        CHECK(agrees(sums.gradient[j], (objective(up, coupled, raw) - objective(down, coupled, raw)) / (2 * h), 6));
        Sums above, below;
        best().evaluate[coupled][raw](sample.rows(), up, penalty, above);
        best().evaluate[coupled][raw](sample.rows(), down, penalty, below);
        for (std::size_t i = 0; i <= j; ++i)
          CHECK(std::fabs(sums.hessian[upper(i, j)] - (above.gradient[i] - below.gradient[i]) / (2 * h)) < 2e-5);
      }
    }
}

TEST_CASE("a cell's sums are those of the full law at the same exponents") {
  const Sample sample;
  AlignedDoubles p(sample.loss.size()), q(sample.loss.size());
  const Penalty penalty{std::numeric_limits<double>::infinity(), 1};
  for (const auto& variant : variants())
    for (const bool raw : {false, true}) {
      variant.decay(sample.ln_n.data(), p.groups(), theta[3], p.data());
      variant.decay(sample.ln_d.data(), q.groups(), theta[4], q.data());
      Sums full;
      CellSums cell;
      variant.evaluate[false][raw](sample.rows(), theta, penalty, full);
      variant.evaluate_cell[raw](sample.rows(), p.data(), q.data(), theta, penalty, cell);
      CHECK(agrees(cell.objective, full.objective, 13));
      for (std::size_t i = 0; i < 3; ++i) CHECK(agrees(cell.gradient[i], full.gradient[i], 11));
      const std::size_t pair[6][2] = {{0, 0}, {0, 1}, {0, 2}, {1, 1}, {1, 2}, {2, 2}};
      for (std::size_t i = 0; i < 6; ++i)
        CHECK(agrees(cell.hessian[i], full.hessian[upper(pair[i][0], pair[i][1])], 10));
    }
}
