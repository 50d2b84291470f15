// Manufacturing emissions charged to a device-hour: (device + share of its server) / (lifetime x utilisation).
// Lifetime and utilisation are always explicit; credible sources for one H100 differ 3.5x (164 to 572 kg), so the
// prior spans them. Source of the method: SCI 1.1 (ISO/IEC 21031), M = TE x TiR/EL x RR/ToR.
#pragma once
#include "isoflop/sim/footprint/distribution.h"
#include "isoflop/units.h"

namespace isoflop::sim {

inline constexpr double hours_per_year = 8760;

struct EmbodiedDevice {  ///< What is charged for a device, and over which life.
  double device_kg = 0;        ///< the accelerator itself
  double server_share_kg = 0;  ///< its share of host, network and, where counted, building
  double lifetime_years = 4;
  double utilisation = 1;  ///< share of the lifetime in which the device does charged work

  constexpr double kg_per_device_hour() const {
    return (device_kg + server_share_kg) / (lifetime_years * hours_per_year * utilisation);
  }
};

/// (device + server share) x hours / (lifetime x utilisation).
constexpr Co2e embodied_carbon(Second device_time, const EmbodiedDevice& device) {
  return device_time.in(hour)*device.kg_per_device_hour() * kilogram_co2e;
}

/// Priors over the sources in data/embodied.csv, from vendor footprints to bottom-up life-cycle assessments.
Distribution device_kg_prior(bool is_tpu);
Distribution server_share_kg_prior();
Distribution lifetime_years_prior();
Distribution utilisation_prior();

}  // namespace isoflop::sim
