// Any bytes are harness results, an Epoch table, an MLPerf summary, or an Error.
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "isoflop/error.h"
#include "isoflop/import/epoch_models.h"
#include "isoflop/import/eval_harness.h"
#include "isoflop/import/mlperf_summary.h"

namespace {

template <typename Read>
void attempt(const Read& read) {
  try {
    read();
  } catch (const isoflop::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace isoflop;
  if (size == 0) return 0;
  // The first byte chooses the reader, so that each gets whole inputs of its own kind.
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 3 == 0) attempt([&] {
      const auto results = read_harness_results(text, "fuzz");
      for (const auto& task : harness_tasks(results))
        if (const auto* score = headline_score(results, task); score && !std::isfinite(score->value)) std::abort();
    });
  if (data[0] % 3 == 1) attempt([&] {
      for (const auto& model : read_epoch_models(CsvTable::parse(text, "fuzz")))
        if (model.name.empty() || (model.params && !(*model.params > 0))) std::abort();
    });
  if (data[0] % 3 == 2) attempt([&] {
      for (const auto& result : read_mlperf_summary(CsvTable::parse(text, "fuzz")).results)
        if (!(result.per_device() > 0)) std::abort();
    });
  return 0;
}
