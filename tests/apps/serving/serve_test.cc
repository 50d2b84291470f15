#include <doctest/doctest.h>

#include <sstream>

#include "agrees.h"
#include "apps/run_command.h"

using isoflop::test::refusal;
using isoflop::test::result_of;

TEST_CASE("serve prints every promised key, and the values agree with each other") {
  const auto result = result_of({"serve", "llama-3-8b", "--on", "h100", "--batch", "8"});
  for (const char* key : {"ttft_s", "tpot_s", "decode_tokens_per_s", "decode_tokens_per_s_per_request",
                          "prefill_tokens_per_s", "mbu", "mfu_prefill", "memory_bytes", "fits_in_memory", "max_batch",
                          "max_context", "joules_per_token", "cost_usd_per_million_tokens", "bound"}) {
    CAPTURE(key);
    CHECK_FALSE(result.at(key).is_null());
  }
  const double tpot = result.at("tpot_s").number();
  CHECK(agrees(result.at("decode_tokens_per_s").number(), 8 / tpot, 10));
  CHECK(result.at("tpot_s_interval").at("low").number() >= result.at("tpot_floor_s").number());
  CHECK(result.at("tpot_s_interval").at("high").number() > tpot);
  const auto& memory = result.at("memory_bytes");
  CHECK(memory.at("weights").number() == 2 * 8030261248.0);
  CHECK(memory.at("kv_cache").number() == 8 * 131072.0 * (2048 + 256));
  CHECK(result.at("bound").text() == "bandwidth");
}

TEST_CASE("a model that does not fit is priced, distrusted, and exits 4") {
  const auto result = result_of({"serve", "llama-3-70b", "--on", "h100"}, 4);
  CHECK_FALSE(result.at("fits_in_memory").truth());
  CHECK(result.at("max_batch").number() == 0);
}

TEST_CASE("--fits lists every accelerator and counts devices for all experts") {
  const auto result = result_of({"serve", "arctic", "--fits", "--batch", "1"});
  bool seen = false;
  for (const auto& row : result.at("fits").items())
    if (row.at("accelerator").text() == "h100-sxm-80gb") {
      seen = true;
      CHECK(row.at("devices").number() == 14);  // 16 do not divide Arctic's 56 query heads
    }
  CHECK(seen);
}

TEST_CASE("every number of devices that --fits names is one that serve accepts") {
  for (const char* model : {"arctic", "phi-3-medium", "mpt-30b"}) {
    CAPTURE(model);
    const auto result = result_of({"serve", model, "--fits"});
    for (const auto& row : result.at("fits").items()) {
      if (row.at("devices").is_null()) continue;
      const std::string devices = std::to_string(static_cast<long>(row.at("devices").number()));
      const auto answer =
          result_of({"serve", model, "--on", row.at("accelerator").text(), "--tp", devices, "--max-batch"});
      CHECK(answer.at("max_batch").number() >= 1);
    }
  }
}

TEST_CASE("where every layer sees a window the context is unbounded, not the end of a search") {
  const auto result = result_of({"serve", "phi-3-mini", "--on", "h100", "--max-context"});
  CHECK(result.at("max_context").is_null());
  CHECK_FALSE(result.at("max_context_limited_by_memory").truth());
  std::ostringstream out, err;
  CHECK(isoflop::app::run({"serve", "phi-3-mini", "--on", "h100", "--max-context"}, out, err) == 0);
  CHECK(out.str().find("unbounded") != std::string::npos);
  CHECK(out.str().find("134217728") == std::string::npos);
  CHECK(
      result_of({"serve", "llama-3-8b", "--on", "h100", "--max-context"}).at("max_context_limited_by_memory").truth());
}

TEST_CASE("--max-batch and --max-context answer without times, --best-format ranks what fits first") {
  CHECK(result_of({"serve", "llama-3-8b", "--on", "h100", "--max-batch"}).at("max_batch").number() > 100);
  CHECK(result_of({"serve", "llama-3-8b", "--on", "h100", "--max-context"}).at("max_context").number() > 100000);
  const auto formats = result_of({"serve", "llama-3-8b", "--on", "rtx-4090", "--best-format"}).at("formats").items();
  CHECK(formats.size() >= 8);
  CHECK(formats.front().at("fits_in_memory").truth());
  CHECK(formats.front().at("weights").text() != "bf16");
}

TEST_CASE("unknown names are met with suggestions, and a missing device is named") {
  CHECK(refusal({"serve", "llama-3-8c", "--on", "h100"}).find("did you mean") != std::string::npos);
  CHECK(refusal({"serve", "llama-3-8b", "--on", "h101"}).find("did you mean") != std::string::npos);
  CHECK(refusal({"serve", "llama-3-8b"}).find("--on") != std::string::npos);
  CHECK(refusal({"serve", "llama-3-8b", "--on", "core-i9-13900k"}).find("no peak") != std::string::npos);
}

TEST_CASE("compare-architectures puts models side by side at equal hardware and load") {
  const auto rows = result_of({"compare-architectures", "arctic", "dbrx", "phi-3-mini", "--on", "h100", "--tp", "8",
                               "--weights", "fp8"})
                        .at("models")
                        .items();
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].at("params_total").number() == 478584608768.0);
  CHECK(rows[0].at("params_active").number() == 17318647808.0);
  CHECK(rows[1].at("kv_bytes_per_token").number() == 163840);
  // A token of Arctic passes fewer parameters than one of DBRX, and all of Arctic must be held all the same.
  CHECK(rows[0].at("flops_per_token_prefill").number() < rows[1].at("flops_per_token_prefill").number());
  CHECK(rows[0].at("memory_bytes").at("weights").number() > 3 * rows[1].at("memory_bytes").at("weights").number());
  CHECK(refusal({"compare-architectures", "arctic", "--on", "h100"}).find("two models") != std::string::npos);
}
