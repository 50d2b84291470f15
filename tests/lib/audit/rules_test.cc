// Each rule on the smallest table that breaks it, and on the same table repaired.
#include <doctest/doctest.h>

#include <algorithm>

#include "isoflop/audit/audit.h"
#include "isoflop/audit/model_row.h"

using namespace isoflop;
using audit::AuditReport;
using audit::Finding;
using audit::References;
using audit::Severity;

namespace {

AuditReport checked(const std::string& text) {
  static References references;
  return audit::audit(CsvTable::parse(text, "t.csv"), references);
}

const Finding* found(const AuditReport& report, const std::string& rule, std::size_t line = 0) {
  const auto at = std::find_if(report.findings.begin(), report.findings.end(),
                               [&](const Finding& f) { return f.rule == rule && (line == 0 || f.line == line); });
  return at == report.findings.end() ? nullptr : &*at;
}

bool suggests(const Finding* finding, const std::string& words) {
  return finding && finding->expected.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("tables are recognised by their columns") {
  const auto kind = [](const std::string& header) { return audit::table_kind(CsvTable::parse(header + "\n", "t")); };
  CHECK(kind("id,layers,hidden_size") == "models");
  CHECK(kind("name,active_params,tokens,score") == "models");
  CHECK(kind("model,benchmark,value") == "score rows");
  CHECK(kind("model,mmlu_percent") == "score columns");
  CHECK(kind("model,accelerator_hours") == "footprints");
  CHECK(kind("params,tokens,loss") == "runs");
  CHECK(kind("C,N,D,loss") == "runs");
  CHECK(kind("Model Size,Training FLOP,loss") == "runs");
  CHECK(kind("device,memory_gb,memory_bandwidth_gb_per_s") == "accelerators");
  CHECK(kind("zone,kgco2e_per_kwh") == "grids");
  CHECK(kind("a,b") == "other");
}

TEST_CASE("627 trillion tokens for 0.627 are a slip of 10^3, found with and without the catalogue") {
  const auto report =
      checked("model,active_params_billion,training_tokens_trillion\nBTLM-3B,2.646,627\nNew-3B,3,627\n");
  CHECK(suggests(found(report, "range", 2), "divided by 1000 it would fit"));
  CHECK(suggests(found(report, "range", 3), "divided by 1000 it would fit"));
  CHECK(suggests(found(report, "differs from catalogue", 2), "627B"));
  CHECK(checked("model,active_params_billion,training_tokens_trillion\nNew-3B,3,0.627\n").findings.empty());
}

TEST_CASE("284 million that are 284 billion are found from the active size, the name or the dimensions") {
  const auto by_active =
      checked("model,total_params,active_params,tokens\nflash,284000000,13000000000,32000000000000\n");
  CHECK(found(by_active, "order", 2) != nullptr);
  const auto by_name = checked("model,total_params,tokens\nflash-284B,284000000,32000000000000\n");
  CHECK(suggests(found(by_name, "name against size"), "times 1000 it would fit"));
  const auto by_dimensions = checked(
      "model,total_params_billion,layers,hidden_size,heads,ffn_size,vocabulary_size\nflash,0.007,32,4096,32,11008,"
      "32000\n");
  CHECK(suggests(found(by_dimensions, "recount within bounds"), "times 1000 it would fit"));
}

TEST_CASE("sizes in names are read, active sizes and versions are not") {
  CHECK(audit::size_in_name("Llama-3-8B") == 8e9);
  CHECK(audit::size_in_name("Mixtral-8x7B") == 56e9);
  CHECK(audit::size_in_name("Pythia-70M") == 70e6);
  CHECK(audit::size_in_name("Qwen3-235B-A22B") == 235e9);
  CHECK(audit::size_in_name("Phi-1.5") == std::nullopt);
  CHECK(audit::size_in_name("StableLM-3B-4E1T") == 3e9);
  CHECK(audit::size_in_name("gpt-4") == std::nullopt);
}

TEST_CASE("dimensions must agree with each other and with the attention label") {
  const std::string header = "model,layers,hidden_size,heads,kv_heads,head_dim,attention\n";
  CHECK(checked(header + "x,32,4096,32,8,128,GQA\n").findings.empty());
  CHECK(suggests(found(checked(header + "x,32,4096,32,8,128,MHA\n"), "attention label"), "GQA"));
  CHECK(suggests(found(checked(header + "x,32,4096,32,32,128,GQA\n"), "attention label"), "MHA"));
  CHECK(found(checked(header + "x,32,4096,32,7,128,GQA\n"), "heads") != nullptr);
  CHECK(found(checked(header + "x,32,4096,32,8,1280,GQA\n"), "range") != nullptr);
  CHECK(found(checked(header + "x,32,4.096,32,8,128,GQA\n"), "number") != nullptr);
}

TEST_CASE("swapped columns are found as columns, a single swapped row as a row") {
  const std::string header = "model,layers,hidden_size,heads,kv_heads\n";
  const auto columns = checked(header + "a,32,4096,8,32\nb,40,5120,8,40\nc,80,8192,8,64\n");
  const auto* swapped = found(columns, "swapped columns");
  REQUIRE(swapped != nullptr);
  CHECK(swapped->line == 1);
  CHECK(swapped->column_name == "kv_heads");
  const auto row = checked(header + "a,32,4096,32,8\nb,40,5120,8,40\nc,80,8192,64,8\n");
  CHECK(found(row, "swapped columns") == nullptr);
  CHECK(found(row, "order", 3) != nullptr);
}

TEST_CASE("a column that copies another is found") {
  std::string text = "model,mmlu_percent,gsm8k_percent\n";
  for (int i = 0; i < 8; ++i)
    text += "new-" + std::to_string(i) + "," + std::to_string(40 + i) + "," + std::to_string(40 + i) + "\n";
  CHECK(found(checked(text), "copied column") != nullptr);
  text += "new-9,50,51\n";
  CHECK(found(checked(text), "copied column") == nullptr);
}

TEST_CASE("a file separated by semicolons is recognised as such") {
  CHECK(found(checked("params;tokens;loss\n1e9;2e10;2.5\n"), "separator") != nullptr);
  CHECK(found(checked("params,tokens,loss\n1e9,2e10,2.5\n"), "separator") == nullptr);
}

TEST_CASE("a hopeless file is counted in full but kept in part") {
  std::string text = "params,tokens,loss\n";
  for (int i = 0; i < 15000; ++i) text += "x,y,z\n";
  const auto report = checked(text);
  CHECK(report.findings.size() == audit::most_kept_findings);
  CHECK(report.count(Severity::Error) == 3 * 15000 + 14999);
}

TEST_CASE("repeated rows and repeated models are found") {
  const auto report = checked("model,layers\na-1,3\nb-1,4\na-1,3\nB-1,5\n");
  CHECK(found(report, "repeated row", 4) != nullptr);
  CHECK(found(report, "duplicate model", 5) != nullptr);
}

TEST_CASE("a full row is recounted to the integer") {
  const auto models = open_data_table("models.csv");
  const auto rewritten = [&](const std::string& column, const std::string& value) {
    std::string text;
    for (const auto& name : models.columns()) text += (text.empty() ? "" : ",") + name;
    text += "\n";
    for (std::size_t c = 0; c < models.columns().size(); ++c)
      text += (c ? "," : "") + csv_cell(models.columns()[c] == column ? value : std::string(models.text(39, c)));
    return checked(text + "\n");
  };
  REQUIRE(models.text(39, 0) == "llama-3-8b");
  CHECK(rewritten("", "").findings.empty());
  CHECK(suggests(found(rewritten("params_total_recounted", "8030261249"), "recount"), "8030261248"));
  CHECK(suggests(found(rewritten("params_total_published", "8030000"), "recount"), "times 1000 it would fit"));
  CHECK(found(rewritten("layers", "33"), "recount") != nullptr);
  CHECK(suggests(found(rewritten("layers", "33"), "differs from catalogue"), "32"));
  CHECK(found(rewritten("kv_heads", "4"), "recount") != nullptr);
  CHECK(suggests(found(rewritten("training_tokens", "15000000000000000"), "range"), "divided by 1000 it would fit"));
  CHECK(found(rewritten("tokens_source", ""), "source") != nullptr);
  CHECK(found(rewritten("tokens_confidence", "sure"), "confidence word") != nullptr);
  CHECK(found(rewritten("release_date", "18.4.2024"), "date") != nullptr);
}

TEST_CASE("stated compute is compared with 6ND") {
  const std::string header = "model,active_params,tokens,training_flop\n";
  CHECK(checked(header + "new,1e9,1e12,6e21\n").findings.empty());
  CHECK(suggests(found(checked(header + "new,1e9,1e12,6e24\n"), "6ND"), "divided by 1000 it would fit"));
}

TEST_CASE("scores out of range, as shares of one, or of the chat model are found") {
  const std::string rows = "model,benchmark,value,kind\n";
  CHECK(found(checked(rows + "new,mmlu,120,base\n"), "score range")->severity == Severity::Error);
  CHECK(suggests(found(checked(rows + "new,mmlu,0.62,base\n"), "score range"), "62 %"));
  CHECK(found(checked(rows + "new,mmlu,12,base\n"), "score range")->severity == Severity::Warning);
  const std::string wide = "model,mmlu_percent\n";
  CHECK(found(checked(wide + "Llama-2-7B,34.1\n"), "chat score")->severity == Severity::Error);
  CHECK(checked(wide + "Llama-2-7B,45.3\n").findings.empty());
  CHECK(found(checked("model,mmlu_percent,kind\nLlama-2-7B,34.1,instruct\n"), "chat score") == nullptr);
  CHECK(found(checked(wide + "Llama-2-7B,75.3\n"), "differs from catalogue")->severity == Severity::Error);
  CHECK(found(checked("model,benchmark,value,unit,kind\nnew,arena_elo,1100,elo,instruct\n"), "rating date") != nullptr);
}

TEST_CASE("device-hours, power, energy and CO2 must close") {
  const std::string header =
      "model,params,tokens,accelerator,accelerator_hours,power_w_low,power_w_high,pue,grid_kgco2e_per_kwh,energy_mwh,"
      "energy_includes_pue,operational_tco2e\n";
  CHECK(checked(header + "new,7e9,2e12,A100-80GB,184320,400,400,1.1,0.385,73.73,no,31.22\n").findings.empty());
  CHECK(suggests(found(checked(header + "new,7e9,2e12,A100-80GB,184,400,400,1.1,0.385,,no,\n"), "hours against 6ND"),
                 "0.1 to 0.7"));
  CHECK(suggests(found(checked(header + "new,,,A100-80GB,184320,400,400,1.1,0.385,73730,no,\n"), "energy closure"),
                 "divided by 1000 it would fit"));
  CHECK(found(checked(header + "new,,,A100-80GB,184320,400,400,1.1,0.385,73.73,no,28.4\n"), "CO2 closure") != nullptr);
  CHECK(found(checked(header + "new,,,A100-80GB,184320,400,400,0.9,0.385,73.73,no,\n"), "PUE") != nullptr);
  CHECK(suggests(found(checked(header + "new,,,A100-80GB,184320,400,400,1.1,385,73.73,no,\n"), "grid factor"),
                 "divided by 1000 it would fit"));
  CHECK(
      suggests(found(checked(header + "new,,,H100,7000000,700,700,,,4900,no,12.9\n"), "CO2 closure"), "0.0026 kg/kWh"));
}

TEST_CASE("a published run is compared with what was published") {
  const std::string header = "model,accelerator,accelerator_hours,claimed_tco2e\n";
  CHECK(checked(header + "Llama-3-8B,H100,1300000,390\n").findings.empty());
  CHECK(suggests(found(checked(header + "Llama-3-8B,H100,1300000,39\n"), "differs from catalogue"), "390"));
  CHECK(suggests(found(checked(header + "DeepSeek-V2,H800,172800,\n"), "differs from catalogue"), "1.4e6"));
}

TEST_CASE("training runs: compute, ranges and slips") {
  const std::string header = "params,tokens,flops,loss\n";
  CHECK(checked(header + "1e9,2e10,1.2e20,2.5\n").findings.empty());
  CHECK(found(checked(header + "1e9,2e10,1.2e23,2.5\n"), "6ND")->severity == Severity::Error);
  CHECK(found(checked(header + "1e9,2e10,1.2e20,250\n"), "range") != nullptr);
  CHECK(found(checked(header + "1e9,2e10,1.2e20,x\n"), "number") != nullptr);
  CHECK(checked("Model Size,Training FLOP,loss\n1e9,1.2e20,2.5\n").findings.empty());
}

TEST_CASE("accelerators: sparse peaks, both directions of a link, gigabits for gigabytes") {
  const std::string header =
      "device,bf16_tflop_per_s,fp8_tflop_per_s,memory_gb,memory_bandwidth_gb_per_s,"
      "intra_node_link_gb_per_s_per_direction,inter_node_link_gb_per_s_per_direction\n";
  CHECK(checked(header + "H100-SXM-80GB,989,1979,80,3350,450,50\n").findings.empty());
  CHECK(suggests(found(checked(header + "H100-SXM-80GB,1979,3958,80,3350,450,50\n"), "differs from catalogue"),
                 "sparsity"));
  CHECK(suggests(found(checked(header + "H100-SXM-80GB,989,1979,80,3350,900,50\n"), "differs from catalogue"),
                 "both directions"));
  CHECK(found(checked(header + "new,989,1979,80,3350,450,400\n"), "range") != nullptr);
  CHECK(suggests(found(checked(header + "new,989,3958,80,3350,450,50\n"), "peak ratio"), "sparse"));
  CHECK(suggests(found(checked(header + "new,989,1979,80,3.35,450,50\n"), "range"), "times 1000 it would fit"));
}

TEST_CASE("grids: grams for kilograms, shares beyond one, values far from the catalogue") {
  const std::string header = "zone,kgco2e_per_kwh,year,kind,hourly_cfe_share\n";
  CHECK(checked(header + "SWE,0.036,2024,average,0.9\n").findings.empty());
  CHECK(suggests(found(checked(header + "DEU,344,2024,average,\n"), "range"), "divided by 1000 it would fit"));
  CHECK(found(checked(header + "DEU,0.344,2024,average,90\n"), "range") != nullptr);
  CHECK(found(checked(header + "POL,0.05,2024,average,\n"), "differs from catalogue") != nullptr);
}

TEST_CASE("a report counts what it tested, so that silence means something") {
  const auto report = checked("model,layers,hidden_size,heads,kv_heads,attention\nnew,32,4096,32,8,GQA\n");
  CHECK(report.findings.empty());
  for (const char* rule : {"range", "attention label", "heads", "order", "repeated row"})
    CHECK_MESSAGE(std::any_of(report.rules.begin(), report.rules.end(),
                              [&](const auto& r) { return r.rule == rule && r.tested > 0; }),
                  rule);
}

TEST_CASE("dimensions that describe no model are an error even where no other rule finds them") {
  const std::string header =
      "model,layers,hidden_size,heads,kv_heads,head_dim,ffn_size,gated_ffn,vocabulary_size,tied_embeddings,activation,"
      "norm,norms_per_layer,position_encoding,attention,biases\n";
  const auto with_norms = [&](const std::string& norms) {
    return checked(header + "new,4,64,4,4,16,128,yes,1000,no,SwiGLU,RMSNorm," + norms + ",RoPE,MHA,none\n");
  };
  CHECK(with_norms("2").findings.empty());
  CHECK(suggests(found(with_norms("3"), "architecture", 2), "needs both an MLP and experts"));
}
