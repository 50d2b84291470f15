#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

#include "agrees.h"
#include "apps/command.h"
#include "isoflop/catalogue/csv_table.h"
#include "isoflop/report/value.h"

using namespace isoflop;

namespace {
struct Outcome {
  int code;
  Value json;
  std::string err;
};
Outcome train(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "train");
  arguments.emplace_back("--json");
  std::ostringstream out, err;
  const int code = app::run(arguments, out, err);
  return {code, code == 0 || code == 4 ? parse_json(out.str(), "stdout") : Value(), err.str()};
}
}  // namespace

TEST_CASE("train prints every promised key, and they agree with each other") {
  const Outcome o = train({"llama-3-70b", "--on", "h100-sxm-80gb", "--count", "2048", "--tokens", "15T"});
  REQUIRE(o.code == 0);
  const Value& r = o.json.at("result");
  for (const char* key :
       {"params_total", "params_active", "flops_total", "flops_per_token", "step_time_s", "tokens_per_s",
        "tokens_per_s_per_device", "mfu", "hfu", "device_hours", "days", "cost_usd", "energy_kwh", "co2e_kg"})
    CHECK_MESSAGE(r.at(key).is_number(), key);
  CHECK(r.at("fits_in_memory").truth());
  CHECK(r.at("params_total").number() == 70553706496);
  const Value& m = r.at("memory_bytes");
  double sum = 0;
  for (const char* key : {"weights", "gradients", "optimizer", "activations", "logits", "other"})
    sum += m.at(key).number();
  CHECK(agrees(sum, m.at("total").number(), 12));
  CHECK(m.at("total").number() < 80e9);
  CHECK(agrees(r.at("flops_total").number(), r.at("flops_per_token").number() * 15e12, 12));
  CHECK(agrees(r.at("tokens_per_s").number() * r.at("step_time_s").number(), r.at("tokens_per_step").number(), 12));
  CHECK(agrees(r.at("mfu").number(),
               r.at("tokens_per_s_per_device").number() * r.at("flops_per_token").number() / 989e12, 12));
  CHECK(agrees(r.at("device_hours").number(), r.at("days").number() * 24 * 2048, 12));
  CHECK(agrees(r.at("days").number(), 15e12 / r.at("tokens_per_s").number() / 86400 / 0.9, 12));
  CHECK(r.at("mfu").number() > 0.25);
  CHECK(r.at("mfu").number() < 0.6);
  CHECK(r.at("days_interval").at("low").number() < r.at("days").number());
  CHECK(r.at("days_interval").at("high").number() > r.at("days").number());
  // The slowest step gives the lowest utilisation.
  for (const char* key : {"mfu", "mfu_of_16bit_peak", "hfu", "tokens_per_s_per_device"}) {
    const Value& range = r.at(std::string(key) + "_interval");
    CHECK(range.at("central").number() == r.at(key).number());
    CHECK(agrees(range.at("low").number() * r.at("step_time_s_interval").at("high").number(),
                 r.at(key).number() * r.at("step_time_s").number(), 12));
    CHECK(range.at("high").number() > r.at(key).number());
  }
  const Value& peak = r.at("memory_bytes_interval");
  CHECK(peak.at("central").number() == m.at("total").number());
  CHECK(peak.at("low").number() < m.at("total").number());
  CHECK(peak.at("high").number() > m.at("total").number());
}

TEST_CASE("a layout that is asked for is used, and one that is impossible is refused with the reason") {
  const Outcome o = train({"llama-3-8b", "--on", "h100", "--count", "16", "--tokens", "1T", "--tp", "2", "--pp", "2",
                           "--recompute", "full", "--zero", "zero1"});
  REQUIRE(o.code == 0);
  const Value& l = o.json.at("result").at("layout");
  CHECK(l.at("tensor").number() == 2);
  CHECK(l.at("pipeline").number() == 2);
  CHECK(l.at("data").number() == 4);
  CHECK(l.at("recompute").text() == "full");
  const Outcome refused =
      train({"llama-3-8b", "--on", "h100", "--count", "16", "--tokens", "1T", "--tp", "16", "--ep", "2"});
  CHECK(refused.code == 2);
  CHECK(refused.err.find("expert parallel needs a model with experts") != std::string::npos);
}

TEST_CASE("a run that does not fit in memory is printed with exit code 4 and says so") {
  const Outcome o = train({"llama-3.1-405b", "--on", "a100-sxm-40gb", "--count", "8", "--tokens", "1T"});
  CHECK(o.code == 4);
  CHECK_FALSE(o.json.at("result").at("fits_in_memory").truth());
}

TEST_CASE("an unmeasured accelerator is said to borrow its efficiencies") {
  const Outcome o = train({"llama-3-8b", "--on", "mi300x", "--count", "64", "--tokens", "1T"});
  REQUIRE(o.code == 0);
  CHECK(o.json.at("result").at("basis").text() == "borrowed");
  CHECK(to_json(o.json.at("assumptions")).find("borrowed") != std::string::npos);
}

TEST_CASE("--search lists layouts, fastest first, and results do not depend on threads") {
  const Outcome one =
      train({"arctic", "--on", "h100", "--count", "256", "--tokens", "1T", "--search", "--top", "5", "-j", "1"});
  const Outcome four =
      train({"arctic", "--on", "h100", "--count", "256", "--tokens", "1T", "--search", "--top", "5", "-j", "4"});
  REQUIRE(one.code == 0);
  const auto& layouts = one.json.at("result").at("layouts").items();
  REQUIRE(layouts.size() == 5);
  for (std::size_t i = 1; i < layouts.size(); ++i)
    CHECK(layouts[i].at("step_time_s").number() >= layouts[i - 1].at("step_time_s").number());
  CHECK(to_json(one.json.at("result")) == to_json(four.json.at("result")));
}

TEST_CASE("train refuses an unknown stack, skew without experts, bf16 on a V100 and more tokens than positions") {
  const std::vector<std::string> base = {"llama-3-8b", "--on", "h100", "--count", "8", "--tokens", "1T"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.begin(), base.begin(), base.end());
    return train(more);
  };
  CHECK(with({"--stack", "megatron"}).err.find("megatron-lm") != std::string::npos);
  CHECK(with({"--routing-skew", "1"}).err.find("no experts") != std::string::npos);
  CHECK(with({"--micro-batch", "1.5"}).code == 2);
  CHECK(with({"--uncalibrated", "--stack", "megatron-lm"}).code == 2);
  CHECK(train({"llama-3-8b", "--on", "v100", "--count", "8", "--tokens", "1T", "--precision", "bf16"}).code == 2);
  CHECK(train({"llama-3-8b", "--on", "v100", "--count", "8", "--tokens", "1T"}).code == 0);
  const Outcome positions = train({"gpt-3-175b", "--on", "h100", "--count", "64", "--sequence", "4096"});
  CHECK(positions.err.find("2048 learned positions") != std::string::npos);
}

TEST_CASE("train warns of part of a step, of sequences beyond the context and of borrowed efficiencies") {
  const auto warned = [](const Outcome& o, const char* what) {
    return to_json(o.json.at("warnings")).find(what) != std::string::npos;
  };
  CHECK(warned(train({"llama-3-8b", "--on", "h100", "--count", "8", "--tokens", "1M"}), "less than one step"));
  CHECK(warned(train({"llama-3-8b", "--on", "h100", "--count", "8", "--tokens", "1T", "--sequence", "16384"}),
               "longer than the 8192"));
  CHECK(warned(train({"llama-3-8b", "--on", "mi300x", "--count", "64", "--tokens", "1T"}), "borrowed"));
  const Outcome plain = train({"llama-3-8b", "--on", "h100", "--count", "8", "--tokens", "1T"});
  for (const char* what : {"less than one step", "longer than", "borrowed"}) CHECK_FALSE(warned(plain, what));
}

TEST_CASE("memory choices hold the run itself, and each sharding needs no more than the one before it") {
  const Outcome o = train({"llama-3-8b", "--on", "h100", "--count", "64", "--tokens", "1T", "--tp", "2", "--zero",
                           "zero1", "--recompute", "full"});
  REQUIRE(o.code == 0);
  const Value& r = o.json.at("result");
  bool itself = false;
  double before = 0;
  std::string recompute;
  for (const Value& choice : r.at("memory_choices").items()) {
    const double total = choice.at("total").number();
    if (choice.at("recompute").text() == recompute) CHECK(total <= before);
    before = total;
    recompute = choice.at("recompute").text();
    if (recompute == "full" && choice.at("sharding").text() == "zero1") {
      itself = true;
      CHECK(agrees(total, r.at("memory_bytes").at("total").number(), 12));
      CHECK(agrees(choice.at("step_time_s").number(), r.at("step_time_s").number(), 12));
    }
  }
  CHECK(itself);
}

TEST_CASE("plots of a run show its step, its memory over the step and the memory of other choices") {
  const std::string folder = std::filesystem::temp_directory_path().string() + "/train_command_test";
  std::filesystem::create_directories(folder);
  const std::string file = folder + "/run.plot.csv";
  const Outcome o = train({"llama-3-8b", "--on", "h100", "--count", "64", "--tokens", "1T", "--tp", "2", "--pp", "2",
                           "--search", "-o", file});
  REQUIRE(o.code == 0);
  const Value& r = o.json.at("result");
  const auto sums = [](const std::string& path) {  // by category, over the layers of the stack
    std::map<std::string, double> total;
    const CsvTable table = CsvTable::read(path);
    for (std::size_t row = 0; row < table.rows(); ++row) {
      if (table.text(row, table.column("kind")) != "bar") continue;
      if (table.text(row, table.column("layer")) == "up to here") continue;
      total[std::string(table.text(row, table.column("name")))] += table.required_number(row, table.column("x"));
    }
    return total;
  };
  double step = 0;
  for (const auto& [part, seconds] : sums(folder + "/run-step.plot.csv")) step += seconds;
  CHECK(agrees(step, r.at("step_time_s").number(), 6));
  double peak = 0;
  for (const auto& [moment, gb] : sums(folder + "/run-memory.plot.csv")) peak = std::max(peak, gb);
  CHECK(agrees(peak, r.at("memory_bytes").at("total").number() / 1e9, 6));
  CHECK(sums(folder + "/run-memory-choices.plot.csv").size() == r.at("memory_choices").items().size());
  CHECK(sums(file).size() == r.at("layouts").items().size());
  CHECK(sums(folder + "/run-layouts-memory.plot.csv").size() == r.at("layouts").items().size());
}

TEST_CASE("train reads a Hugging Face config and an imported architecture") {
  const std::string folder = std::filesystem::temp_directory_path().string() + "/train_command_test";
  std::filesystem::create_directories(folder);
  write_file(folder + "/config.json",
             R"({"model_type":"llama","hidden_size":2048,"intermediate_size":5632,"num_attention_heads":32,
    "num_hidden_layers":22,"num_key_value_heads":4,"vocab_size":32000,"max_position_embeddings":2048})");
  const Outcome o = train({folder + "/config.json", "--on", "a100", "--count", "8", "--tokens", "20B"});
  REQUIRE(o.code == 0);
  CHECK(o.json.at("result").at("params_total").number() == 1100048384);
}
