// The contract of the command line: exit codes, envelope, requests by JSON.
#include <doctest/doctest.h>

#include <sstream>

#include "apps/c_api.h"
#include "apps/shell/request.h"
#include "apps/run_command.h"
#include "isoflop/error.h"

using isoflop::test::run_command;

TEST_CASE("a mistyped option is answered with its likely name, an argument too many is named") {
  const auto answer = [](const std::vector<std::string>& words) {
    const auto outcome = run_command(words);
    CHECK(outcome.code == 2);
    return outcome.err;
  };
  CHECK(answer({"kernel", "train", "--vocab", "300"}).find("unknown option \"--vocab\"; did you mean --vocabulary?") !=
        std::string::npos);
  CHECK(answer({"outliers", "--benchmrak=mmlu"}).find("did you mean --benchmark?") != std::string::npos);
  CHECK(answer({"models", "list", "--sed", "1"}).find("did you mean --seed") != std::string::npos);
  CHECK(answer({"plan", "5"}).find("unexpected argument \"5\"") != std::string::npos);
}

TEST_CASE("every command's help opens with examples that name the command") {
  for (const auto& command : isoflop::app::all_commands()) {
    CAPTURE(command->name());
    CHECK(command->examples().rfind("isoflop " + command->name(), 0) == 0);
    std::vector<std::string> arguments;
    std::istringstream words(command->name());
    for (std::string word; words >> word;) arguments.push_back(word);
    arguments.push_back("--help");
    const auto help = run_command(arguments);
    CHECK(help.code == 0);
    CHECK(help.out.find("Examples:") != std::string::npos);
    CHECK(help.err.empty());
  }
}

TEST_CASE("a mistyped command is wrong usage and names the nearest") {
  const auto typo = run_command({"completoin"});
  CHECK(typo.code == 2);
  CHECK(typo.out.empty());
  CHECK(typo.err.find("did you mean completion") != std::string::npos);
}

TEST_CASE("wrong options are wrong usage") {
  CHECK(run_command({"completion", "bash", "--no-such-option"}).code == 2);
  CHECK(run_command({"completion", "bash", "--json", "--csv"}).code == 2);
  CHECK(run_command({"completion", "bash", "-o", "x.docx"}).code == 2);
  CHECK(run_command({"completion", "bash", "--seed", "x"}).code == 2);
}

TEST_CASE("a folder that is not there cannot run") {
  CHECK(run_command({"--data", "/no/such/folder", "completion", "bash"}).code == 1);
}

TEST_CASE("a request by JSON is the command line it stands for") {
  const auto arguments = isoflop::app::request_arguments(isoflop::parse_json(
      R"({"command": "plan", "arguments": ["x"], "options": {"compute": 1e24, "add": ["p", "q"], "is_set": true, "no": false}})",
      "r"));
  CHECK(arguments == std::vector<std::string>{"plan", "x", "--compute=1e+24", "--add=p", "--add=q", "--is-set"});
  for (const char* wrong : {"{}", "[]", R"({"command":"x","option":{}})", R"({"command":"x","options":{"--a":1}})",
                            R"({"command":"x","options":{"a":{}}})"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(isoflop::app::request_arguments(isoflop::parse_json(wrong, "r")), isoflop::Error);
  }
}

TEST_CASE("the C function answers in JSON whatever it is asked") {
  for (const char* request : {"", "{", "[]", "null", R"({"command": 3})", R"({"command": "no-such"})",
                              R"({"command":"models show","arguments":["no-such-model"]})"}) {
    CAPTURE(request);
    char* response = nullptr;
    const int code = isoflop_run(request, &response);
    REQUIRE(response != nullptr);
    CHECK((code == 2 || code == 3));
    const auto answer = isoflop::parse_json(response, "response");
    CHECK(answer.at("schema").text() == "isoflop.error/1");
    CHECK(static_cast<int>(answer.at("error").at("exit_code").number()) == code);
    isoflop_free(response);
  }
}

TEST_CASE("the envelope has every promised member") {
  const auto models = run_command({"completion", "bash", "--json"});
  REQUIRE(models.code == 0);
  const auto envelope = isoflop::parse_json(models.out, "stdout");
  CHECK(envelope.at("schema").text() == "isoflop.completion/1");
  for (const char* member : {"version", "git", "compiler"}) CHECK(envelope.at("tool").at(member).is_text());
  CHECK(envelope.at("command").items().size() == 4);
  CHECK(envelope.at("seed").number() == 42);
  CHECK(envelope.at("inputs").is_array());
  CHECK(envelope.at("assumptions").is_array());
  CHECK(envelope.at("result").is_object());
  CHECK(envelope.at("warnings").is_array());
}
