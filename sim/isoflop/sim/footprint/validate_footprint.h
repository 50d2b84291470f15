// Footprint predictions against measured rows, whole groups left out: device-hours from N, D and chip; metered energy
// from hours and chip; joules per token from model, device and batch, and without the batch.
#pragma once
#include "isoflop/sim/footprint/inference_energy.h"
#include "isoflop/sim/validation.h"

namespace isoflop::sim {

/// Rows of a serving-energy table that can be predicted, with the architecture of the catalogue where it is known. The
/// rows point into `devices`, which must outlive them.
std::vector<MeasuredServing> read_measured_serving(const CsvTable& table, const AcceleratorCatalogue& devices,
                                                   const DataFolder& data);
std::vector<MeasuredServing> read_measured_serving(const CsvTable&, AcceleratorCatalogue&&, const DataFolder&) = delete;

/// Two kinds of table, told apart by their columns: published training footprints (`accelerator_hours`) and measured
/// serving energy (`energy_j`). Throws Error (BadInput) for neither.
ValidationResult validate_footprint(const ValidationRequest& request);

}  // namespace isoflop::sim
