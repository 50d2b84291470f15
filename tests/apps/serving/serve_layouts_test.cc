// `serve` over several devices, with a draft, with prompts in pieces, and its footprint.
#include <doctest/doctest.h>

#include <sstream>

#include "agrees.h"
#include "apps/run_command.h"

using isoflop::test::refusal;
using isoflop::test::result_of;

namespace {

std::vector<std::string> with(std::vector<std::string> base, const std::vector<std::string>& more) {
  base.insert(base.end(), more.begin(), more.end());
  return base;
}

const std::vector<std::string> llama = {"serve", "llama-3-70b", "--on", "h100", "--tp", "4"};

}  // namespace

TEST_CASE("a pipeline is answered with its stages, and price and memory count every device") {
  const auto one = result_of(llama), two = result_of(with(llama, {"--pp", "2", "--batch", "8"}));
  CHECK(two.at("load").at("devices").number() == 8);
  CHECK(two.at("pipeline").at("layers_per_stage").items().size() == 2);
  CHECK(two.at("pipeline").at("parts_in_flight").number() == 2);
  CHECK(two.at("memory_bytes").at("fullest_device").number() < one.at("memory_bytes").at("fullest_device").number());
  CHECK(one.find("pipeline") == nullptr);
  const double usd = two.at("cost_usd_per_million_tokens").number() * two.at("output_tokens_per_s").number();
  CHECK(agrees(usd, 8 * 2.99 / 3600 * 1e6, 6));
}

TEST_CASE("what is not modelled together is refused, naming what to leave out") {
  const auto refused = [](const std::vector<std::string>& more) { return refusal(with(llama, more)); };
  CHECK(refused({"--ep", "4"}).find("no experts") != std::string::npos);
  CHECK(refused({"--attention", "dp"}).find("--ep above 1") != std::string::npos);
  CHECK(refused({"--pp", "81"}).find("80 layers") != std::string::npos);
  CHECK(refused({"--pp", "2", "--rate", "1"}).find("--pp") != std::string::npos);
  CHECK(refused({"--pp", "2", "--engine", "vllm"}).find("--pp") != std::string::npos);
  CHECK(refused({"--pp", "2", "--chunk", "512"}).find("--pp") != std::string::npos);
  CHECK(refused({"--fits"}).find("finds the layout itself") != std::string::npos);
  CHECK(refused({"--draft", "llama-3-8b"}).find("--acceptance") != std::string::npos);
  CHECK(refused({"--acceptance", "0.5"}).find("--draft") != std::string::npos);
  const std::vector<std::string> draft = {"--draft", "llama-3-8b", "--draft-tokens", "3", "--acceptance", "0.7"};
  CHECK(refused(with(draft, {"--pp", "2"})).find("--pp") != std::string::npos);
  CHECK(refused(with(draft, {"--chunk", "512"})).find("--draft") != std::string::npos);
  CHECK(refused(with(draft, {"--rate", "1"})).find("closed form") != std::string::npos);
  CHECK(refused(with(draft, {"--grid", "FRA"})).find("--draft") != std::string::npos);
  CHECK(refused({"--draft", "mtp", "--draft-tokens", "1", "--acceptance", "0.7"}).find("no layer that predicts") !=
        std::string::npos);
  CHECK(refused({"--chunk", "32", "--batch", "32"}).find("no prompt would ever pass") != std::string::npos);
  CHECK(refused({"--grid", "FRA", "--max-batch"}).find("footprint") != std::string::npos);
  CHECK(refused({"--weights", "int4", "--compute", "fp4"}).find("nvfp4") != std::string::npos);
  CHECK(refused({"--weights", "nvfp4", "--compute", "fp4"}).find("no peak for fp4") != std::string::npos);
  CHECK(refusal({"serve", "mixtral-8x7b", "--on", "h100", "--ep", "4", "--attention", "dp", "--rate", "1"})
            .find("--attention dp") != std::string::npos);
  CHECK(refusal({"serve", "mixtral-8x7b", "--on", "h100", "--tp", "2", "--ep", "4"}).find("must divide --tp") !=
        std::string::npos);
}

TEST_CASE("requests are simulated with experts spread over the tensor-parallel devices") {
  const std::vector<std::string> base = {"serve", "mixtral-8x7b", "--on",       "h100", "--tp",
                                         "4",     "--rate",       "2",          "--requests", "50"};
  const auto split = result_of(base), spread = result_of(with(base, {"--ep", "4"}));
  CHECK(spread.at("load").at("expert_parallel").number() == 4);
  CHECK(spread.at("finished").number() == 50);
  CHECK(spread.at("tpot_s").number() != split.at("tpot_s").number());
}

TEST_CASE("speculative decoding: keys agree with each other, and what does not pay is said") {
  const auto pays = result_of(with(llama, {"--draft", "llama-3-8b", "--draft-tokens", "4", "--acceptance", "0.8"}));
  const auto& s = pays.at("speculation");
  CHECK(agrees(s.at("tokens_per_step").number(), 3.3616, 4));
  CHECK(agrees(pays.at("tpot_s").number(), s.at("step_s").number() / s.at("tokens_per_step").number(), 9));
  CHECK(agrees(s.at("speedup").number(), s.at("tpot_plain_s").number() / pays.at("tpot_s").number(), 9));
  CHECK(s.at("pays").truth());
  CHECK(s.at("break_even_acceptance").number() < 0.8);
  CHECK(agrees(result_of(llama).at("tpot_s").number(), s.at("tpot_plain_s").number(), 12));
  // Weights are read once for 3.4 tokens: energy falls, by less than that, because drafts cost too.
  const double joules = pays.at("joules_per_token").number(), plain = result_of(llama).at("joules_per_token").number();
  CHECK(joules < plain);
  CHECK(joules > plain / s.at("tokens_per_step").number());
  std::ostringstream out, err;
  isoflop::app::run(with(llama, {"--draft", "llama-3-8b", "--draft-tokens", "4", "--acceptance", "0.2"}), out, err);
  CHECK(out.str().find("does not pay here") != std::string::npos);
  CHECK(result_of({"serve", "mimo-7b", "--on", "h100", "--draft", "mtp", "--draft-tokens", "1", "--acceptance", "0.8"})
            .at("speculation")
            .at("speedup")
            .number() > 1);
}

TEST_CASE("prompts in pieces: a token waits for the prompts of others, which decoding alone leaves out") {
  const std::vector<std::string> base = {"serve", "llama-3-8b", "--on", "h100", "--batch", "32"};
  const auto alone = result_of(base), pieces = result_of(with(base, {"--chunk", "1024"}));
  const auto& c = pieces.at("chunked_prefill");
  CHECK(pieces.at("tpot_s").number() > 1.2 * alone.at("tpot_s").number());
  CHECK(pieces.at("ttft_s").number() < alone.at("ttft_s").number());  // not the whole batch's prompts at once
  CHECK(c.at("longest_gap_s").number() < c.at("whole_prompt_gap_s").number());
  CHECK_FALSE(c.at("saturated").truth());
  const double per_request = pieces.at("ttft_s").number() + 255 * pieces.at("tpot_s").number();
  CHECK(agrees(pieces.at("output_tokens_per_s").number(), 32 * 256 / per_request, 9));
  CHECK(result_of(with(base, {"--chunk", "1024", "--generate", "32"})).at("chunked_prefill").at("saturated").truth());
}

TEST_CASE("serve states energy, carbon and water of its tokens by the inputs of train") {
  const std::vector<std::string> base = {"serve", "llama-3-8b", "--on", "h100", "--batch", "32", "--grid", "FRA"};
  const auto serve = result_of(base);
  const auto train =
      result_of({"train", "llama-3-8b", "--on", "h100", "--count", "64", "--tokens", "1T", "--grid", "FRA"});
  for (const char* key : {"energy_kwh", "co2e_kg"}) {
    CAPTURE(key);
    CHECK_FALSE(serve.at(std::string(key) + "_per_million_tokens").is_null());
    CHECK_FALSE(serve.at(std::string(key) + "_per_million_tokens_interval").is_null());
    CHECK_FALSE(train.at(std::string(key) + "_interval").is_null());
  }
  // One place knows a grid, a PUE and the host.
  const auto input = [](const isoflop::Value& result, const std::string& name) {
    for (const auto& in : result.at("footprint").at("inputs").items())
      if (in.at("name").text() == name) return in.at("distribution").text();
    return std::string("absent");
  };
  for (const char* name : {"grid intensity", "PUE", "host overhead", "lifetime", "off-site water"}) {
    CAPTURE(name);
    CHECK(input(serve, name) != "absent");
    CHECK(input(serve, name) == input(train, name));
  }
  const double joules = serve.at("joules_per_token").number();
  CHECK(serve.at("joules_per_token_facility").number() > 1.2 * joules);
  CHECK(serve.at("joules_per_token_facility").number() < 2.5 * joules);
  CHECK(agrees(serve.at("energy_kwh_per_million_tokens").number(),
               serve.at("joules_per_token_facility").number() / 3.6, 9));
  const auto idle = result_of(with(base, {"--busy", "0.25"}));
  CHECK(idle.at("energy_kwh_per_million_tokens").number() > 1.3 * serve.at("energy_kwh_per_million_tokens").number());
  CHECK(idle.at("joules_per_token").number() == joules);
  CHECK(result_of({"serve", "llama-3-8b", "--on", "apple-m2-ultra-76c"})
            .at("energy_kwh_per_million_tokens")
            .is_null());
}
