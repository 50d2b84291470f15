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

TEST_CASE("check refuses an activation that models show refuses, and accepts every one that it shows") {
  const std::string header =
      "id,name,params_total_published,params_active_published,layers,hidden_size,heads,kv_heads,head_dim,ffn_size,"
      "gated_ffn,vocabulary_size,tied_embeddings,activation,norm,norms_per_layer,position_encoding,attention,biases\n";
  const auto row = [](const std::string& activation) {
    return "my-7b,My-7B,7241732096,7241732096,32,4096,32,8,128,14336,yes,32000,no," + activation +
           ",RMSNorm,2,RoPE,GQA,none\n";
  };
  for (const char* activation :
       {"SwiGLU", "GELU", "GeGLU", "GEGELU", "ReLU", "squared-ReLU", "xIELU", "swish", "gelu_new", "swiglu", ""}) {
    CAPTURE(activation);
    const TableFile file(header + row(activation), "models.csv");
    const auto folder = std::filesystem::path(file.path).parent_path().string();
    const auto shown = run_command({"models", "show", "my-7b", "--data", folder});
    const auto checked = run_command({"check", file.path, "--no-catalogue"});
    CHECK((shown.code == 0) == (checked.code == 0));
    if (shown.code == 0) continue;
    CHECK(checked.code == 4);
    CHECK(checked.out.find(file.path + ":2:14: error: my-7b:") != std::string::npos);
    CHECK(checked.out.find("one of SwiGLU") != std::string::npos);
  }
}

TEST_CASE("a mixture or a latent attention with missing dimensions is refused by name, never by accident") {
  const std::string header =
      "id,name,layers,hidden_size,heads,kv_heads,head_dim,ffn_size,expert_ffn_size,experts,experts_per_token,gated_ffn,"
      "vocabulary_size,tied_embeddings,activation,norm,norms_per_layer,position_encoding,attention,biases\n";
  const TableFile mixture(header + "m,M,2,64,4,4,16,,32,8,,yes,100,no,SwiGLU,RMSNorm,2,RoPE,MHA,none\n", "models.csv");
  const TableFile latent(header + "m,M,2,64,4,,,128,,,,yes,100,no,SwiGLU,RMSNorm,2,RoPE,MLA,none\n", "models.csv");
  for (const auto& [file, reason] : {std::pair(&mixture, "the experts per token are not known"),
                                     std::pair(&latent, "the ranks and widths of the latent attention")}) {
    const auto folder = std::filesystem::path(file->path).parent_path().string();
    const auto served = run_command({"serve", "m", "--on", "h100", "--data", folder});
    CHECK(served.code == 1);
    CHECK(served.err.find(reason) != std::string::npos);
  }
}
