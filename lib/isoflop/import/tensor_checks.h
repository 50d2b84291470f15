// Checks that both kinds of weight files share. Internal to the importer.
#pragma once
#include "isoflop/import/tensor_file.h"

namespace isoflop {

/// Length that the first eight bytes state. Throws Error (BadInput) when it is none that the format allows.
std::int64_t safetensors_header_bytes(std::string_view first_bytes, const std::string& name);

/// Product of the shape; nothing when it exceeds what 63 bits of bytes can hold.
bool multiply_shape(const std::vector<std::int64_t>& shape, std::int64_t& elements);

/// Names twice, data that overlap, leave a hole (where `dense`) or run past `data_bytes` are refused.
/// `gap`: bytes that may lie unused between tensors, for alignment.
void check_layout(const TensorFile& file, std::int64_t data_bytes, std::int64_t gap, bool only_header);

/// Whether the name is one of quantisation data rather than of a weight: scales, zero points, permutations.
bool is_quantisation_data(std::string_view name);

}  // namespace isoflop
