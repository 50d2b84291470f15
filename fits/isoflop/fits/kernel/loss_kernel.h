// Sums over the runs that the Chinchilla estimators need: objective, gradient, Hessian, and the normal equations of the
// amplitudes. Eight runs at a time with exp and log of our own, so that no -ffast-math is needed and every x86-64
// machine with fused multiply-add computes the same bits, whatever its vector width. Internal to fits.
#pragma once
#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace isoflop::fits::kernel {

inline constexpr std::size_t lanes = 8;

/// Doubles on a 64-byte boundary, zero-padded to whole groups of `lanes`.
class AlignedDoubles {
 public:
  AlignedDoubles() = default;
  explicit AlignedDoubles(std::size_t count);
  AlignedDoubles(const AlignedDoubles& other);
  AlignedDoubles& operator=(const AlignedDoubles& other);
  AlignedDoubles(AlignedDoubles&&) noexcept = default;
  AlignedDoubles& operator=(AlignedDoubles&&) noexcept = default;

  double* data() { return data_.get(); }
  const double* data() const { return data_.get(); }
  std::size_t size() const { return size_; }
  std::size_t groups() const { return (size_ + lanes - 1) / lanes; }
  double& operator[](std::size_t i) { return data_.get()[i]; }
  double operator[](std::size_t i) const { return data_.get()[i]; }

 private:
  struct Free {
    void operator()(double* p) const;
  };
  std::unique_ptr<double, Free> data_;
  std::size_t size_ = 0;
};

/// Aligned arrays of `groups * lanes` values. Padding rows have weight 0 and loss 1.
struct Rows {
  std::size_t groups = 0;
  const double* ln_n = nullptr;  ///< centred
  const double* ln_d = nullptr;  ///< centred
  const double* loss = nullptr;
  const double* inverse_loss = nullptr;
  const double* weight = nullptr;

  double total_weight() const {
    double sum = 0;
    for (std::size_t i = 0; i < groups * lanes; ++i) sum += weight[i];
    return sum;
  }
};

struct Penalty {
  double delta = 1e-3;
  double overestimate = 1;
};

/// Upper triangle by rows of a symmetric 6 x 6: index of (i, j), i <= j.
constexpr std::size_t upper(std::size_t i, std::size_t j) { return i * 6 - i * (i + 1) / 2 + j; }

/// Over theta = (ln A, ln B, ln E, alpha, beta, k), logs centred.
struct Sums {
  double objective = 0;
  std::array<double, 6> gradient{};
  std::array<double, 21> hessian{};
};

/// Over (ln A, ln B, ln E) at fixed exponents; hessian AA AB AE BB BE EE.
struct CellSums {
  double objective = 0;
  std::array<double, 3> gradient{};
  std::array<double, 6> hessian{};
};

/// Weighted least squares of 1 = (A p + B q + E) / L: PP PQ P1 QQ Q1 11 | P Q 1 | weight total.
struct NormalSums {
  std::array<double, 10> s{};
};

struct Variant {
  std::string name;
  /// [coupled][raw loss]
  void (*evaluate[2][2])(const Rows&, const double* theta, const Penalty&, Sums&) = {};
  /// p = exp(-alpha ln_n), q = exp(-beta ln_d); amplitudes as natural logarithms. [raw loss]
  void (*evaluate_cell[2])(const Rows&, const double* p, const double* q, const double* ln_abe, const Penalty&,
                           CellSums&) = {};
  void (*normal_equations)(const Rows&, const double* p, const double* q, NormalSums&) = nullptr;
  /// out[i] = exp(-exponent * x[i])
  void (*decay)(const double* x, std::size_t groups, double exponent, double* out) = nullptr;
  void (*log_of)(const double* x, std::size_t groups, double* out) = nullptr;
};

/// What this machine can run, best first; all agree to rounding.
const std::vector<Variant>& variants();
inline const Variant& best() { return variants().front(); }

}  // namespace isoflop::fits::kernel
