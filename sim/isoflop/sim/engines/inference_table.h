// Rows of single-request and fixed-batch benchmarks to samples: llama.cpp, FasterTransformer, gpt-fast, mlx-lm, litgpt,
// MLPerf offline. Columns: row_id, source, model, hardware, n_devices, tp, weight_dtype, engine, batch, prompt_len,
// gen_len, extra, metric, value, unit, quality, group. What a row does not say is assumed and listed.
#pragma once
#include <map>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/catalogue/data_files.h"
#include "isoflop/sim/engines/engine_chip.h"
#include "isoflop/sim/engines/engine_sample.h"
#include "isoflop/sim/engines/served_model.h"
#include "isoflop/sim/validation.h"

namespace isoflop::sim {

struct EngineSamples {  ///< Rows that can be predicted, and those that cannot.
  std::vector<EngineSample> samples;
  std::vector<UnsupportedRow> refused;
  std::map<std::string, std::size_t> assumed;  ///< sentence, rows it was assumed for
};

bool is_inference_table(const CsvTable& table);  ///< By its columns.

/// Throws Error (BadInput) for a table without those columns or a cell that is no number.
EngineSamples read_inference_table(const CsvTable& table, const DataFolder& data);

/// Work and limits of a request or fixed batch from its model and chip; batch, prompt, generate, weight_bits and the
/// layout must be set.
void fill_request(EngineSample& sample, const ServedModel& model, const EngineChip& chip);
/// The floor of the sample's law.
void set_request_floor(EngineSample& sample);

/// Bits of a stored weight with its scales: "fp16" 16, "int8" 8, "int4-g32" 5 (scale and zero point), "Q4_K_M" 4.9.
/// Nothing for an unknown word.
std::optional<double> stored_weight_bits(const std::string& format);

}  // namespace isoflop::sim
