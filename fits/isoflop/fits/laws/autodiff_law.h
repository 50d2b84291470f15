// A formula, written once as a template on the scalar, turned into a LossLaw. Only the files of this folder include
// this: it needs Ceres, which the public headers do not.
//
//   struct Formula {
//     static constexpr std::size_t parameters = 5;
//     template <typename T> static T value(const double* inputs, const T* parameters);
//   };
#pragma once
#include <ceres/jet.h>

#include <array>
#include <cmath>

#include "isoflop/fits/loss_law.h"

namespace isoflop::fits {

/// x^(-exponent) for a measured x and a fitted exponent.
template <typename T>
T falling_power(double x, const T& exponent) {
  using std::exp;
  return exp(exponent * (-std::log(x)));
}

template <typename Formula>
class AutodiffLaw final : public LossLaw {
 public:
  using Check = SelfTest (*)(const LossLaw&);
  AutodiffLaw(LawFacts facts, Check check) : LossLaw(std::move(facts)), check_(check) {}

  double value(std::span<const double> inputs, std::span<const double> parameters) const override {
    return Formula::template value<double>(inputs.data(), parameters.data());
  }

  double value(std::span<const double> inputs, std::span<const double> parameters,
               std::span<double> gradient) const override {
    using Dual = ceres::Jet<double, static_cast<int>(Formula::parameters)>;
    std::array<Dual, Formula::parameters> duals;
    for (std::size_t j = 0; j < Formula::parameters; ++j) duals[j] = Dual(parameters[j], static_cast<int>(j));
    const Dual result = Formula::template value<Dual>(inputs.data(), duals.data());
    for (std::size_t j = 0; j < Formula::parameters; ++j) gradient[j] = result.v[static_cast<Eigen::Index>(j)];
    return result.a;
  }

  SelfTest self_test() const override { return check_(*this); }

 private:
  Check check_;
};

/// The published constants of that name; they are known to exist.
inline std::span<const double> constants_of(const LossLaw& law, std::string_view id) {
  return law.find_constants(id)->values;
}

}  // namespace isoflop::fits
