#include "isoflop/sim/footprint/cohort.h"

#include <filesystem>

#include "agrees.h"
#include "isoflop/error.h"
#include "isoflop/sim/footprint/codecarbon.h"
#include "paths.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

CohortTable table_with(const std::vector<Claim>& claims) {
  const auto devices = AcceleratorCatalogue::load();
  return cohort(ModelCatalogue::load(), PublishedTable::load(), devices, GridCatalogue::load(), claims, {1024, 42, 0});
}
std::string said(const CohortTable& t, std::string_view model) {
  for (const auto& line : t.lines)
    if (line.model == model) {
      std::string all;
      for (const auto& d : line.disagreements) all += d + "\n";
      return all;
    }
  FAIL("no line " << model);
  return "";
}

}  // namespace

TEST_CASE("cohort: the FLOP column of the known table is three to six times low, and DeepSeek-V2's hours 8.1 times") {
  const auto t = table_with(known_claims());
  CHECK(said(t, "Llama-2-70B").find("5.9x low") != std::string::npos);
  CHECK(said(t, "Llama-3-8B").find("3.0x low") != std::string::npos);
  CHECK(said(t, "Arctic").find("5.1x low") != std::string::npos);
  CHECK(said(t, "DeepSeek-V2").find("8.1x low") != std::string::npos);
  CHECK(said(t, "DeepSeek-V2").find("per trillion tokens") != std::string::npos);
  CHECK(t.remarks.front().find("sum to 385 t, the family to 539 t") != std::string::npos);
}

TEST_CASE("a claim about a model outside the cohort is compared where it is known, and named where it is not") {
  const auto table = table_with(read_claims(CsvTable::parse(
      "model,training_flop\nllama-3.1-405b,1e24\nNever-Heard-Of-70B,1e24\nNever-Heard-Of-70B,2e24\n", "c.csv")));
  const auto line = std::find_if(table.lines.begin(), table.lines.end(),
                                 [](const CohortLine& l) { return l.model.find("405B") != std::string::npos; });
  REQUIRE(line != table.lines.end());
  CHECK(line->disagreements.size() == 1);  // 6ND is 3.8e25
  CHECK(table.not_compared == std::vector<std::string>{"Never-Heard-Of-70B"});
  for (const std::string& remark : table.remarks) CHECK(remark.find("Llama-2-34B") == std::string::npos);
}

TEST_CASE("cohort: the printed table itself gives the same disagreements") {
  const std::string file = std::string(ground_truth_dir) + "/data/cohort_environmental_impact.csv";
  if (!std::filesystem::exists(file)) {
    MESSAGE("skipped: no " << file);
    return;
  }
  const auto printed = table_with(read_claims(CsvTable::read(file))), known = table_with(known_claims());
  for (const char* model :
       {"Llama-2-7B", "Llama-2-13B", "Llama-2-70B", "Llama-3-8B", "Llama-3-70B", "Arctic", "DeepSeek-V2"}) {
    CHECK_MESSAGE(said(printed, model) == said(known, model), model);
    CHECK_MESSAGE(!said(printed, model).empty(), model);
  }
  CHECK(printed.remarks.front() == known.remarks.front());
}

TEST_CASE("cohort: hours recomputed without the run's own family contain the published ones; undisclosed stays empty") {
  const auto t = table_with({});
  for (const auto& line : t.lines) {
    if (line.hours_published && line.hours_from_6nd) {
      CHECK_MESSAGE(line.hours_from_6nd->low < *line.hours_published, line.model);
      CHECK_MESSAGE(line.hours_from_6nd->high > *line.hours_published, line.model);
    }
    if (line.model == "Command-R" || line.model == "Mixtral-8x22B") CHECK(!line.training_flop.has_value());
    if (line.model == "Phi-3-mini") CHECK((line.training_flop.has_value() && !line.footprint.has_value()));
    if (line.model == "DBRX") CHECK(line.footprint.has_value());
  }
}

TEST_CASE("cohort: the reason of a wrong FLOP figure is computed, and metered tonnes are not called TDP x hours") {
  const auto t = table_with(read_claims(CsvTable::parse(
      "model,training_flop,claimed_tco2e\nllama-3-8b,2.4e24,390\nT5-11B,4e22,46.7\n", "c.csv")));
  CHECK(said(t, "Llama-3-8B").find("3.3x high): 513 TFLOP/s a device over the hours") != std::string::npos);
  CHECK(said(t, "Llama-3-8B").find("tensor cores") == std::string::npos);
  CHECK(said(table_with(known_claims()), "Llama-2-70B").find("peak without tensor cores") != std::string::npos);
  for (const std::string& remark : t.remarks) CHECK(remark.find("every published tonne") == std::string::npos);
}

TEST_CASE("a claims table without a known column or with a negative figure is refused") {
  CHECK_THROWS_AS(read_claims(CsvTable::parse("model,colour\nx,red\n", "c.csv")), Error);
  CHECK_THROWS_WITH_AS(read_claims(CsvTable::parse("model,training_flop\nx,-1\n", "c.csv")),
                       doctest::Contains("c.csv:2"), Error);
}

TEST_CASE("CodeCarbon: our row is read back with the same energy, carbon and PUE") {
  ActivityInputs in;
  in.device_hours.distribution = Distribution::fixed(1000);
  in.tdp_w.distribution = Distribution::fixed(700);
  in.host_factor.distribution = Distribution::fixed(1.4);
  in.pue.distribution = Distribution::fixed(1.1);
  in.grid_kg_per_kwh.distribution = Distribution::fixed(0.4);
  const auto text =
      write_emissions(assess(in), {"2026-01-01T00:00:00", "a, b", "r1", "USA", "United States", "H100", "0.1", 8});
  const auto rows = read_emissions(CsvTable::parse(text, "emissions.csv"));
  REQUIRE(rows.size() == 1);
  CHECK(agrees(rows[0].facility_kwh, 700 * 1.4 * 1.1, 10));
  CHECK(agrees(rows[0].it_kwh(), 700 * 1.4, 10));
  CHECK(agrees(rows[0].emissions_kg, 700 * 1.4 * 1.1 * 0.4, 10));
  CHECK(agrees(rows[0].gpu_kwh, 700 * 1.1, 10));
  CHECK(agrees(rows[0].duration_s, 1000 * 3600 / 8.0, 10));
  CHECK(rows[0].project == "a, b");
  CHECK(rows[0].country_iso == "USA");
}

TEST_CASE("CodeCarbon: rows are running totals, so that only the last of a run counts; tasks and other runs add up") {
  const std::string rows =
      "a,p,60,0.1,1\n"
      "a,p,120,0.2,2\n"
      "b,p,60,0.1,1\n"
      "a,p,180,0.3,3\n"
      "a,q,180,0.3,3\n"
      ",p,60,0.1,1\n,p,60,0.1,1\n"
      "c,p,120,0.2,2\nc,p,60,0.1,1\n";  // shrinks: no running total
  double kwh = 0;
  for (const auto& row :
       read_emissions(CsvTable::parse("run_id,project_name,duration,emissions,energy_consumed\n" + rows, "e.csv")))
    kwh += row.is_superseded ? 0 : row.facility_kwh;
  CHECK(kwh == 3 + 1 + 3 + 1 + 1 + 2 + 1);
  kwh = 0;
  for (const auto& row : read_emissions(CsvTable::parse(
           "task_name,run_id,duration,emissions,energy_consumed\nx,a,60,0.1,1\ny,a,60,0.1,1\n", "e.csv")))
    kwh += row.is_superseded ? 0 : row.facility_kwh;
  CHECK(kwh == 2);
}

TEST_CASE("CodeCarbon: mean power over the run, as versions from 3 write it, is no sign of a constant") {
  const auto doubts = [](const std::string& version) {
    return read_emissions(CsvTable::parse("duration,emissions,energy_consumed,cpu_energy,cpu_power,codecarbon_version\n"
                                          "3600,0.04,0.1,0.1,100," +
                                              version + "\n",
                                          "e.csv"))[0]
        .doubts.size();
  };
  CHECK(doubts("2.8.3") == 1);
  CHECK(doubts("3.0.2") == 0);
}

TEST_CASE(
    "CodeCarbon: zero energy, missing GPU energy, doubled rows, a thousandfold factor and constant CPU power are "
    "doubted") {
  const std::string header =
      "timestamp,run_id,duration,emissions,cpu_power,cpu_energy,gpu_energy,ram_energy,energy_consumed,gpu_count,pue\n";
  const auto doubts = [&](const std::string& rows) {
    std::string all;
    for (const auto& row : read_emissions(CsvTable::parse(header + rows, "e.csv")))
      for (const auto& d : row.doubts) all += d + "|";
    return all;
  };
  CHECK(doubts("t,a,3600,0.4,0,0,0.9,0.1,1,1,1\n").empty());
  CHECK(doubts("t,a,3600,0,0,0,0,0,0,,1\n").find("no energy") != std::string::npos);
  CHECK(doubts("t,a,3600,0.4,0,0.9,0,0.1,1,2,1\n").find("GPU is named") != std::string::npos);
  CHECK(doubts("t,a,3600,400,0,0,0.9,0.1,1,1,1\n").find("dirtier") != std::string::npos);
  CHECK(doubts("t,a,3600,0.4,0,0,0.9,0.1,1,1,1\nt,a,3600,0.4,0,0,0.9,0.1,1,1,1\n").find("not counted") !=
        std::string::npos);
  CHECK(doubts("t,a,3600,0.4,42.5,0.0425,0.9,0.0575,1,1,1\n").find("constant") != std::string::npos);
  CHECK(doubts("t,a,3600,0.4,0,0,0.5,0.1,1,1,1\n").find("sum to") != std::string::npos);
  CHECK_THROWS_AS(read_emissions(CsvTable::parse(header + "t,a,-1,0,0,0,0,0,0,,1\n", "e.csv")), Error);
  CHECK_THROWS_AS(read_emissions(CsvTable::parse(header + "t,a,1,0,0,0,0,0,0,,0.5\n", "e.csv")), Error);
  CHECK_THROWS_AS(read_emissions(CsvTable::parse("a\n1\n", "e.csv")), Error);
}
