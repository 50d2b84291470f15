#include "isoflop/model/architecture_json.h"

#include <doctest/doctest.h>

#include "isoflop/catalogue/model_architecture.h"
#include "isoflop/catalogue/named_architecture.h"
#include "isoflop/error.h"
#include "isoflop/model/parameters.h"
#include "small_models.h"

using namespace isoflop;

TEST_CASE("every architecture of the catalogue and every design survives being written and read") {
  std::vector<Architecture> all = test::small_models();
  const ModelCatalogue models = ModelCatalogue::load();
  for (const ModelRecord& r : models.all())
    if (!why_no_architecture(r)) all.push_back(architecture_of(r));
  for (const Architecture& a : all) {
    CAPTURE(a.name);
    const std::string text = to_json(to_value(a));
    const Architecture back = architecture_from(parse_json(text, "m.json"), "m.json");
    CHECK(back.layers == a.layers);
    CHECK(back.prediction_layers == a.prediction_layers);
    CHECK(count_parameters(back).total == count_parameters(a).total);
    CHECK(to_json(to_value(back)) == text);
  }
}

TEST_CASE("a mistyped member is refused with a suggestion") {
  const std::string text =
      R"({"name":"x","width":8,"vocabulary":9,"layers":[{"attention":{"heads":2,"kv_heads":2,"head_dims":4},"mlp":{"width":8}}]})";
  try {
    architecture_from(parse_json(text, "m.json"), "m.json");
    FAIL("accepted");
  } catch (const Error& problem) {
    CHECK(problem.fault() == Fault::BadInput);
    CHECK(std::string(problem.what()).find("m.json.layers[0].attention \"head_dims\"; did you mean head_dim") !=
          std::string::npos);
  }
}

TEST_CASE("a name that is no file is looked up, with a suggestion when unknown") {
  CHECK(count_parameters(named_architecture("meta-llama/Llama-2-7b-hf").architecture).total == 6738415616);
  CHECK_THROWS_AS(named_architecture("lama-2-7b"), Error);
  CHECK_THROWS_AS(named_architecture("/does/not/exist.json"), Error);
}
