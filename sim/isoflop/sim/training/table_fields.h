// Cells of a table of measured training runs that need a word list: the column `extra` ("key=value; ..."), hardware,
// precision, names and units of memory, and what `extra` says of the training program. Internal to the reader.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "isoflop/sim/training/training_run.h"

namespace isoflop::sim {

/// A row that cannot be predicted, and why.
struct TableRefusal {
  std::string reason;
};

using ExtraFields = std::map<std::string, std::string>;
ExtraFields parse_extra(std::string_view text);
double number_in(const ExtraFields& fields, const std::string& key);     ///< 0 when absent or no number
std::string word_in(const ExtraFields& fields, const std::string& key);  ///< empty when absent

/// As tables write hardware, to catalogue ids; other words unchanged.
std::string accelerator_id(const std::string& hardware);
TrainingPrecision training_precision_of(const std::string& word);

/// Spellings of "peak memory of a device".
bool is_memory_metric(const std::string& metric);
/// GB, GiB, MB, MiB, B; throws TableRefusal for other words, a share of memory among them.
double bytes_of_unit(const std::string& unit);

/// Whether "purpose" says fine-tuning; rows that say nothing are pre-training. Throws TableRefusal for other words.
bool is_fine_tuning(const ExtraFields& extra);

/// Sets program, gradients and place of the optimiser in `run`; returns what the figure counts. Unstated: mixed
/// precision, flash attention, the allocator's reserved bytes. Throws TableRefusal for words that are not known.
MemoryCount read_program(const ExtraFields& extra, const std::string& metric, const std::string& sharding,
                         TrainingRun& run, std::vector<std::string>& assumed);

}  // namespace isoflop::sim
