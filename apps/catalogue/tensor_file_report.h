// `models import` of weight files: what is stored, in which formats, and whether it is the model it should be.
#pragma once
#include <string>
#include <vector>

#include "apps/command.h"
#include "isoflop/import/tensor_file.h"

namespace isoflop::app {

/// `compared`: a model of the catalogue or a JSON file; empty: config.json beside the first file, else the model that a
/// GGUF file names, if the catalogue knows it. `context`: tokens over which FLOP are averaged.
Report tensor_file_report(const std::vector<TensorFile>& files, const std::string& compared, long context,
                          const Settings& settings);

}  // namespace isoflop::app
