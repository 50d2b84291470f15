#include <doctest/doctest.h>

#include <sstream>

#include "apps/command.h"

namespace {
isoflop::Value answer(std::vector<std::string> arguments, int expected_code) {
  arguments.push_back("--json");
  std::ostringstream out, err;
  const int code = isoflop::app::run(arguments, out, err);
  // Speeds on a busy machine may be declared untrustworthy; that is not a failure of the command.
  CHECK((code == expected_code || (expected_code == 0 && code == 4)));
  return out.str().empty() ? isoflop::Value() : isoflop::parse_json(out.str(), "stdout");
}
}  // namespace

TEST_CASE("kernel train reports loss, counts and the floor of its source") {
  const auto r = answer({"kernel", "train", "--layers", "1", "--width", "32", "--heads", "2", "--vocabulary", "16",
                         "--steps", "5", "--batch", "4", "--length", "16"},
                        0)
                     .at("result");
  for (const char* key : {"tokens_per_s", "loss", "loss_nats", "flops_per_s", "flops_counted"})
    CHECK(r.at(key).number() > 0);
  CHECK(r.at("loss").number() > r.at("loss_of_perfect_model_nats").number());
  CHECK(r.at("curve").items().size() == 5);
}

TEST_CASE("kernel run reports decode and prefill speed against measured bandwidth") {
  for (const char* format : {"fp32", "int4"}) {
    const auto r = answer({"kernel", "run", "--layers", "1", "--width", "64", "--heads", "2", "--vocabulary", "64",
                           "--prompt", "8", "--generate", "8", "--probe-mb", "64", "--format", format},
                          0)
                       .at("result");
    for (const char* key :
         {"decode_tokens_per_s", "prefill_tokens_per_s", "mbu", "bandwidth_bytes_per_s", "flops_per_s"})
      CHECK(r.at(key).number() > 0);
  }
}

TEST_CASE("shapes that do not fit together are wrong usage") {
  answer({"kernel", "train", "--width", "65", "--heads", "4"}, 2);
  answer({"kernel", "train", "--wiring", "dense-hybrid"}, 2);
  answer({"kernel", "train", "--experts", "2", "--experts-per-token", "3"}, 2);
  answer({"kernel", "train", "--source", "/no/such/text"}, 1);
}
