// The operations of a pass as serving engines run it.
//
// forward()'s list, but for latent attention in a pass that mixes decoding sequences with pieces of prompts: there the
// decoding ones attend to the latent itself (absorbed), the pieces to keys and values expanded from it, each in kernels
// of their own. One list for all rows would expand the caches of everybody who decodes, hundreds of times the work.
#pragma once
#include "isoflop/model/program.h"

namespace isoflop::sim {

/// `prediction`: a pass of the model's prediction layer (prediction_pass.h). Cannot be executed.
Program pass_program(const Architecture& architecture, const Step& step, bool prediction);

}  // namespace isoflop::sim
