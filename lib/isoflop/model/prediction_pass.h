// One pass of a prediction layer at inference: the extra layer that models trained on several next tokens carry, used
// to draft. Its inputs are the last hidden state and the embedding of the newest token; it has a cache of its own and
// shares embedding, last norm and head with the model (DeepSeek-V3, arXiv:2412.19437, section 2.2).
#pragma once
#include "isoflop/model/program.h"

namespace isoflop {

/// Throws Error (BadInput) where forward() does, and (Usage) when the architecture has no prediction layer.
Program prediction_pass(const Architecture& architecture, const Step& step);

}  // namespace isoflop
