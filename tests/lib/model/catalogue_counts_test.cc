// Every count that someone stated or recounted independently, against sums over the tensors of the program.
#include <cmath>

#include "agrees.h"
#include "isoflop/catalogue/model_architecture.h"
#include "isoflop/error.h"
#include "isoflop/model/parameters.h"

using namespace isoflop;

TEST_CASE("every model of the catalogue with a recount is recounted to the integer, total, active and non-embedding") {
  int recounted = 0;
  const ModelCatalogue models = ModelCatalogue::load();
  for (const ModelRecord& r : models.all()) {
    if (!r.params_total_recounted) continue;
    CAPTURE(r.id);
    const ParameterCount count = count_parameters(architecture_of(r));
    CHECK(count.total == *r.params_total_recounted);
    CHECK(count.active == *r.params_active_recounted);
    CHECK(count.active_without_embeddings == *r.params_active_nonembedding_recounted);
    ++recounted;
  }
  CHECK(recounted >= 204);
}

TEST_CASE("designs that are not supported say so") {
  const ModelCatalogue models = ModelCatalogue::load();
  for (const std::string id :
       {"jamba-v0.1", "falcon-h1-0.5b", "minimax-text-01", "gpt-4", "chinchilla-70b", "decilm-7b"}) {
    CAPTURE(id);
    CHECK_THROWS_AS(architecture_of(models.require(id)), Error);
  }
  CHECK_THROWS_WITH_AS(architecture_of(models.require("jamba-v0.1")),
                       "jamba-v0.1: no architecture: the design is not supported (7 Mamba layers to 1 attention)",
                       Error);
}

TEST_CASE("OpenELM's layer-wise shapes add up to the published counts") {
  const ModelCatalogue models = ModelCatalogue::load();
  for (const std::string id : {"openelm-270m", "openelm-450m", "openelm-1.1b", "openelm-3b"}) {
    CAPTURE(id);
    const ModelRecord& r = models.require(id);
    // Published to four or five digits.
    CHECK(std::fabs(static_cast<double>(count_parameters(architecture_of(r)).total - *r.params_total_published)) <=
          100000);
  }
}

TEST_CASE("sliding windows and chunks stand in the layers that have them") {
  const ModelCatalogue models = ModelCatalogue::load();
  const auto windows = [&](const std::string& id) {
    std::int64_t n = 0;
    for (const Layer& layer : architecture_of(models.require(id)).layers)
      n += layer.attention.window > 0 || layer.attention.chunk > 0;
    return n;
  };
  CHECK(windows("mistral-7b-v0.1") == 32);
  CHECK(windows("gemma-2-2b") == 13);
  CHECK(windows("gemma-3-1b") == 22);
  CHECK(windows("gpt-oss-20b") == 12);
  CHECK(windows("olmo-3-7b") == 24);
  CHECK(windows("gpt-neo-125m") == 6);
  CHECK(windows("llama-4-scout") == 36);
  CHECK(windows("llama-3-8b") == 0);
}
