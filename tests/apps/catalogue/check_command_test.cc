// `isoflop check` as a user runs it: exit codes, places, and files as they come from spreadsheets.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "apps/run_command.h"
#include "isoflop/report/value.h"

using isoflop::test::run_command;

namespace {

class TableFile {
 public:
  explicit TableFile(const std::string& bytes, const std::string& name = "table.csv")
      : folder_(std::filesystem::temp_directory_path() /
                ("isoflop-check-" + std::to_string(std::hash<std::string>()(bytes + name)))) {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ / name, std::ios::binary) << bytes;
    path = (folder_ / name).string();
  }
  ~TableFile() { std::filesystem::remove_all(folder_); }
  std::string path;

 private:
  std::filesystem::path folder_;
};

}  // namespace

TEST_CASE("without a file the built-in tables are audited and found clean") {
  const auto outcome = run_command({"check"});
  CHECK(outcome.code == 0);
  CHECK(outcome.out.find("0 errors, 0 warnings and 0 notes") == 0);
}

TEST_CASE("an error gives exit code 4 and names file, line and column") {
  const TableFile file("model,layers,heads,kv_heads\na,32,32,8\nb,32,32,64\n");
  const auto outcome = run_command({"check", file.path});
  CHECK(outcome.code == 4);
  CHECK(outcome.out.find(file.path + ":3:4") != std::string::npos);
  const auto json = isoflop::parse_json(run_command({"check", file.path, "--json"}).out, "stdout").at("result");
  CHECK(json.at("errors").number() == 1);
  const auto& finding = json.at("files").items().front().at("findings").items().front();
  CHECK(finding.at("line").number() == 3);
  CHECK(finding.at("column_number").number() == 4);
  CHECK(finding.at("read").text() == "64");
  CHECK(finding.at("rule").text() == "order");
}

TEST_CASE("warnings alone are exit code 0, or 4 with --strict") {
  const TableFile file("model,mmlu_percent\nnew,12\n");
  CHECK(run_command({"check", file.path}).code == 0);
  CHECK(run_command({"check", file.path, "--strict"}).code == 4);
}

TEST_CASE("findings that rest on the catalogue can be left out") {
  const TableFile file("model,mmlu_percent\nLlama-2-7B,34.1\n");
  CHECK(run_command({"check", file.path}).code == 4);
  CHECK(run_command({"check", file.path, "--no-catalogue"}).code == 0);
}

TEST_CASE("Windows line ends, a BOM, quoted commas and quoted line breaks change neither findings nor places") {
  const TableFile file(
      "\xEF\xBB\xBFmodel,notes,heads,kv_heads\r\n\"a\",\"two\r\nlines, and a comma\",32,8\r\n\r\nb,\"say "
      "\"\"x\"\"\",32,64\r\n");
  const auto outcome = run_command({"check", file.path, "--csv"});
  CHECK(outcome.code == 4);
  CHECK(outcome.out.find(file.path + ":5:4,error,b,kv_heads,64") != std::string::npos);
}

TEST_CASE("files that are no tables are refused with code 3, missing ones with code 1") {
  CHECK(run_command({"check", TableFile(std::string("\x7f"
                                                    "ELF\0\1\2",
                                                    7))
                                  .path})
            .code == 3);
  CHECK(run_command({"check", TableFile("").path}).code == 3);
  CHECK(run_command({"check", TableFile("a,b\n1\n").path}).code == 3);
  CHECK(run_command({"check", TableFile("a,b\n\"1,2\n").path}).code == 3);
  CHECK(run_command({"check", "/nowhere/table.csv"}).code == 1);
}

TEST_CASE("the known findings of our own tables are excused only with the very value they name") {
  const std::string header = "device,bf16_tflop_per_s,int8_top_per_s,memory_gb,memory_bandwidth_gb_per_s\n";
  // Same name, other value: not excused.
  const auto outcome =
      run_command({"check", TableFile(header + "rtx-4090,165.2,700,24,1008\n", "accelerators.csv").path});
  CHECK(outcome.out.find("peak ratio") != std::string::npos);
}

TEST_CASE("--explain says which rules were applied and how often") {
  const TableFile file("params,tokens,loss\n1e9,2e10,2.5\n");
  const auto outcome = run_command({"check", file.path, "--explain"});
  CHECK(outcome.code == 0);
  CHECK(outcome.out.find("Rules applied") != std::string::npos);
  CHECK(outcome.out.find("tokens per parameter") != std::string::npos);
}
