// The single operations that a calibration times: inside passes of one-layer programs, over whole arrays, and in decode
// steps of small models. All times of one thread are its own computing time; of several repeats the median counts.
#pragma once
#include <cstdint>
#include <vector>

#include "isoflop/model/architecture.h"
#include "isoflop/sim/machine/machine_profile.h"

namespace isoflop::sim {

struct ProbeModel {  ///< A program whose operations are timed.
  Architecture architecture;
  std::int64_t sequences, length;
};

/// A model of the kernel's usual kind: RMSNorm, rotary positions, SwiGLU of 8/3 width, head of its own.
Architecture plain_model(std::int64_t layers, std::int64_t width, std::int64_t heads, std::int64_t kv_heads,
                         std::int64_t vocabulary);

/// Widths, head widths, lengths and vocabularies around, never equal to, those of the models predicted later.
std::vector<ProbeModel> probe_models(bool quick);

/// Uniform token ids below `vocabulary`.
std::vector<std::int32_t> random_ids(std::size_t count, std::int64_t vocabulary, std::uint64_t seed);

/// Seconds per pass of every op of one program, as works; medians over `repeats`.
std::vector<MeasuredWork> measure_training_ops(const Architecture& architecture, std::int64_t sequences,
                                               std::int64_t length, Precision precision, int repeats,
                                               std::uint64_t seed);

/// Work on whole arrays, done after the passes of a step.
std::vector<MeasuredWork> measure_step_works(bool quick, int repeats);

/// Decode steps of small models op by op, and large single matrices from memory.
std::vector<MeasuredWork> measure_decode_ops(bool quick, int repeats, std::uint64_t seed, std::size_t memory_bytes);

}  // namespace isoflop::sim
