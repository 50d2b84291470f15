// Footprint predictions against measured rows, whole groups left out: device-hours from N, D and chip; metered energy
// from hours and chip; joules per token from model, device and batch, and without the batch.
#pragma once
#include "isoflop/sim/footprint/inference_energy.h"
#include "isoflop/sim/validation.h"

namespace isoflop::sim {

/// Two kinds of table, told apart by their columns: published training footprints (`accelerator_hours`) and measured
/// serving energy (`energy_j`). Throws Error (BadInput) for neither.
/// Rows of a serving-energy table that can be predicted, with the architecture of the catalogue where it is known.
std::vector<MeasuredServing> read_measured_serving(const CsvTable& table, const DataFolder& data);

ValidationResult validate_footprint(const ValidationRequest& request);

}  // namespace isoflop::sim
