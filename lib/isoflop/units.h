// Physical quantities whose dimension is checked by the compiler. Used at API edges; fits and kernel use raw doubles.
#pragma once
#include <compare>

namespace isoflop {

/// Exponents of the base units. IT energy and facility energy are different on purpose: PUE is their ratio,
/// so it can be applied exactly once.
struct Dimension {
  int flop = 0, byte = 0, second = 0, it_joule = 0, facility_joule = 0, gram_co2e = 0, token = 0, usd = 0, litre = 0;
  friend constexpr bool operator==(const Dimension&, const Dimension&) = default;
  friend constexpr Dimension operator+(Dimension a, Dimension b) {
    return {a.flop + b.flop, a.byte + b.byte, a.second + b.second, a.it_joule + b.it_joule,
            a.facility_joule + b.facility_joule, a.gram_co2e + b.gram_co2e, a.token + b.token, a.usd + b.usd,
            a.litre + b.litre};
  }
  friend constexpr Dimension operator-(Dimension a, Dimension b) {
    return {a.flop - b.flop, a.byte - b.byte, a.second - b.second, a.it_joule - b.it_joule,
            a.facility_joule - b.facility_joule, a.gram_co2e - b.gram_co2e, a.token - b.token, a.usd - b.usd,
            a.litre - b.litre};
  }
};

/// A value in the product of base units that D states (FLOP, byte, second, joule, gram CO2e, token, USD, litre).
template <Dimension D>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(double base_units) : value_(base_units) {}
  constexpr double in_base_units() const { return value_; }
  /// How many `unit` this is: energy.in(kilowatt_hour).
  constexpr double in(Quantity unit) const { return value_ / unit.value_; }

  friend constexpr auto operator<=>(Quantity, Quantity) = default;
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return Quantity(a.value_ + b.value_); }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return Quantity(a.value_ - b.value_); }
  friend constexpr Quantity operator*(double k, Quantity a) { return Quantity(k * a.value_); }
  friend constexpr Quantity operator*(Quantity a, double k) { return Quantity(k * a.value_); }
  friend constexpr Quantity operator/(Quantity a, double k) { return Quantity(a.value_ / k); }

 private:
  double value_ = 0;
};

template <Dimension A, Dimension B>
constexpr auto operator*(Quantity<A> a, Quantity<B> b) {
  if constexpr (A + B == Dimension{})
    return a.in_base_units() * b.in_base_units();
  else
    return Quantity<A + B>(a.in_base_units() * b.in_base_units());
}

template <Dimension A, Dimension B>
constexpr auto operator/(Quantity<A> a, Quantity<B> b) {
  if constexpr (A == B)
    return a.in_base_units() / b.in_base_units();
  else
    return Quantity<A - B>(a.in_base_units() / b.in_base_units());
}

using Flop = Quantity<Dimension{.flop = 1}>;
using Byte = Quantity<Dimension{.byte = 1}>;
using Second = Quantity<Dimension{.second = 1}>;
using ItEnergy = Quantity<Dimension{.it_joule = 1}>;
using FacilityEnergy = Quantity<Dimension{.facility_joule = 1}>;
using Co2e = Quantity<Dimension{.gram_co2e = 1}>;
using Token = Quantity<Dimension{.token = 1}>;
using Usd = Quantity<Dimension{.usd = 1}>;
using Litre = Quantity<Dimension{.litre = 1}>;

using FlopPerSecond = decltype(Flop() / Second());
using BytePerSecond = decltype(Byte() / Second());
using ItPower = decltype(ItEnergy() / Second());
/// Power usage effectiveness: facility energy per IT energy, at least 1.
using Pue = decltype(FacilityEnergy() / ItEnergy());
using GridIntensity = decltype(Co2e() / FacilityEnergy());

inline constexpr Second hour{3600};
inline constexpr Second day{86400};
inline constexpr ItEnergy it_kilowatt_hour{3.6e6};
inline constexpr FacilityEnergy facility_kilowatt_hour{3.6e6};
inline constexpr Co2e kilogram_co2e{1e3};
inline constexpr Co2e tonne_co2e{1e6};

}  // namespace isoflop
