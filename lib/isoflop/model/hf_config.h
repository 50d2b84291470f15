// A Hugging Face config.json as an architecture. One reader per model_type, because what a missing field means differs
// by family (embeddings are tied by default in Gemma, not in Llama). An unknown model_type, or a known one with a
// feature that cannot be represented, is refused: a silent guess would be a wrong count.
// Fields as in public configs of the families; each reader is tested against a published parameter count.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "isoflop/model/architecture.h"

namespace isoflop {

/// `file` names the input in errors. Text configs nested under "text_config" are read, and Architecture::notes says so.
/// Throws Error (BadInput): not JSON, unknown model_type, missing or contradictory fields.
Architecture read_hf_config(std::string_view json, const std::string& file);

std::vector<std::string> supported_model_types();  ///< Every model_type that is read.

}  // namespace isoflop
