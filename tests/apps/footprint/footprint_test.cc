// `footprint`, run in process as a user would.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "agrees.h"
#include "apps/command.h"
#include "isoflop/report/value.h"

namespace {

struct Outcome {
  int code;
  std::string out, err;
};

Outcome footprint(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "footprint");
  std::ostringstream out, err;
  const int code = isoflop::app::run(arguments, out, err);
  return {code, out.str(), err.str()};
}

isoflop::Value result_of(std::vector<std::string> arguments, int code = 0) {
  arguments.push_back("--json");
  const auto outcome = footprint(arguments);
  REQUIRE_MESSAGE(outcome.code == code, outcome.err);
  return isoflop::parse_json(outcome.out, "stdout").at("result");
}

double central(const isoflop::Value& value) { return value.at("central").number(); }

}  // namespace

TEST_CASE("footprint of a published run has every promised key with an interval, and places the card's figure") {
  const auto r = result_of({"llama-3.1-405b"});
  for (const char* key : {"energy_it_kwh", "energy_facility_kwh", "heat_j"}) {
    CHECK(r.at(key).at("low").number() < central(r.at(key)));
    CHECK(central(r.at(key)) < r.at(key).at("high").number());
  }
  for (const char* key : {"operational", "embodied", "total"}) CHECK(central(r.at("co2e_kg").at(key)) > 0);
  for (const char* key : {"onsite", "offsite", "total"}) CHECK(central(r.at("water_l").at(key)) > 0);
  CHECK(agrees(central(r.at("co2e_kg").at("operational")), 11.7e6, 1.85));
  CHECK(r.at("equivalents").items().size() >= 9);
  CHECK(r.at("meter_tier").text() == "fraction of TDP");
  CHECK(r.at("variance_shares").at("co2e_total").items().front().at("input").text() == "host overhead");
  CHECK(footprint({"llama-3.1-405b"}).out.find("below the interval") != std::string::npos);
}

TEST_CASE("footprint of Llama 3.3 is computed but not trusted: exit 4 with the reason") {
  const auto outcome = footprint({"llama-3.3-70b"});
  CHECK(outcome.code == 4);
  CHECK((outcome.out + outcome.err).find("160x below") != std::string::npos);
}

TEST_CASE("footprint --as replays a convention beside the common one") {
  const auto r = result_of({"llama-2-70b", "--as", "meta"});
  CHECK(agrees(r.at("replay").at("computed").number(), 291.42, 5));
  CHECK(central(r.at("co2e_kg").at("operational")) > 300e3);
  CHECK(agrees(result_of({"bloom", "--as", "bloom"}).at("replay").at("computed").number(), 50.5, 3));
  CHECK(agrees(result_of({"gpt-3-175b", "--as", "li"}).at("replay").at("computed").number(), 5439, 4));
  const auto prompt = result_of({"gemini-prompt"});
  CHECK(agrees(central(prompt.at("energy_facility_kwh")), 0.24e-3, 10));
  CHECK(agrees(central(prompt.at("water_l").at("onsite")), 0.253e-3, 2.5));
  CHECK(result_of({"llama-2-70b", "--as", "sci"}).at("replay").at("unit").text() == "g CO2e per token");
}

TEST_CASE("footprint of a described run: fixed inputs give exact arithmetic") {
  const auto r = result_of({"--on",          "a100-sxm-80gb",
                            "--hours",       "1720320",
                            "--power",       "400:400:400",
                            "--host",        "1",
                            "--pue",         "1.1",
                            "--grid",        "0.385",
                            "--device-kg",   "0",
                            "--server-kg",   "0",
                            "--lifetime",    "4",
                            "--utilisation", "1",
                            "--wue",         "0",
                            "--ewif",        "0"});
  CHECK(agrees(central(r.at("co2e_kg").at("total")), 291422.2, 7));
  CHECK(agrees(r.at("co2e_kg").at("total").at("low").number(), 291422.2, 7));
}

TEST_CASE("footprint from parameters and tokens uses observed utilisation and says how many runs it learnt from") {
  const auto outcome =
      footprint({"--on", "h100-sxm-80gb", "--params", "70B", "--tokens", "15T", "--grid", "FRA", "--explain"});
  CHECK(outcome.code == 0);
  CHECK(outcome.out.find("learnt from 9 published runs") != std::string::npos);
  const auto slow =
      result_of({"--on", "h100-sxm-80gb", "--params", "70B", "--tokens", "15T", "--mfu", "0.2", "--grid", "FRA"});
  const auto fast =
      result_of({"--on", "h100-sxm-80gb", "--params", "70B", "--tokens", "15T", "--mfu", "0.4", "--grid", "FRA"});
  CHECK(agrees(central(slow.at("energy_it_kwh")), 2 * central(fast.at("energy_it_kwh")), 10));
}

TEST_CASE("footprint of a fleet: idle time costs energy and embodied carbon") {
  const std::vector<std::string> fleet = {"--on", "h100-sxm-80gb", "--count", "1024", "--days", "30", "--grid", "SWE"};
  auto half = fleet;
  half.insert(half.end(), {"--busy", "0.5"});
  const auto full = result_of(fleet), halved = result_of(half);
  CHECK(agrees(central(full.at("co2e_kg").at("embodied")), central(halved.at("co2e_kg").at("embodied")),
               2));  // other draws
  CHECK(central(halved.at("energy_it_kwh")) < central(full.at("energy_it_kwh")));
  CHECK(central(halved.at("energy_it_kwh")) > 0.55 * central(full.at("energy_it_kwh")));
}

TEST_CASE("footprint of a serving load scores per token, and a market factor changes neither total nor score") {
  const std::vector<std::string> load = {
      "--on", "h100-sxm-80gb", "--tokens-per-day", "1T", "--joules-per-token", "0.4", "--days", "365", "--grid", "USA"};
  auto market = load;
  market.insert(market.end(), {"--market-kg", "0", "--marginal-kg", "0.5"});
  const auto plain = result_of(load), bought = result_of(market);
  CHECK(central(plain.at("co2e_kg").at("total")) == central(bought.at("co2e_kg").at("total")));
  CHECK(central(plain.at("sci").at("per_unit_g")) == central(bought.at("sci").at("per_unit_g")));
  CHECK(central(bought.at("co2e_kg").at("operational_market")) == 0);
  CHECK(central(bought.at("co2e_kg").at("operational_location_marginal")) >
        central(bought.at("co2e_kg").at("operational")));
  const double accelerators = 365e12 * 0.4 / 3.6e6;
  CHECK(central(plain.at("energy_it_kwh")) > 1.2 * accelerators);
  CHECK(central(plain.at("energy_it_kwh")) < 1.82 * accelerators);
}

TEST_CASE("footprint --published lists all rows with verdicts") {
  const auto r = result_of({"--published"});
  CHECK(r.at("n").number() == 46);
  CHECK(r.at("inconsistent").number() == 1);
}

TEST_CASE("footprint without a run, with an unknown model or impossible numbers explains itself") {
  CHECK(footprint({}).code == 2);
  CHECK(footprint({}).err.find("name a run") != std::string::npos);
  CHECK(footprint({"lama-3.1-405b"}).err.find("did you mean") != std::string::npos);
  CHECK(footprint({"llama-2-7b", "--pue", "0.8"}).code == 2);
  CHECK(footprint({"llama-2-7b", "--host", "abc"}).code == 2);
  CHECK(footprint({"--on", "h100-sxm-80gb"}).code == 2);
  CHECK(footprint({"--on", "h100-sxm-80gb", "--hours", "1e5", "--idle-w", "80"}).code == 2);
  CHECK(footprint({"llama-2-7b", "--site", "Atlantis"}).code == 2);
}

TEST_CASE("footprint does not depend on the number of threads") {
  CHECK(footprint({"llama-2-7b", "-j", "1", "--csv"}).out == footprint({"llama-2-7b", "-j", "4", "--csv"}).out);
}

TEST_CASE("footprint of a served model prices its tokens from model and device; an unknown batch widens the interval") {
  const std::vector<std::string> load = {
      "llama-3-8b", "--on", "h100-sxm-80gb", "--tokens-per-day", "1B", "--days", "365", "--grid", "USA"};
  auto known = load;
  known.insert(known.end(), {"--batch", "64"});
  const auto with = result_of(known), without = result_of(load);
  const auto width = [](const isoflop::Value& v) { return v.at("high").number() / v.at("low").number(); };
  CHECK(width(without.at("energy_it_kwh")) > 3 * width(with.at("energy_it_kwh")));
  CHECK(with.at("joules_per_token_accelerator").at("total").number() > 0.08);
  CHECK(with.at("joules_per_token_accelerator").at("total").number() < 0.2);
  CHECK(with.find("published") == nullptr);  // the owner printed nothing about this load
}

TEST_CASE("footprint --cohort redoes the table and names what disagrees") {
  const auto r = result_of({"--cohort", "--draws", "512"});
  CHECK(r.at("models").items().size() == 15);
  CHECK(r.at("remarks").items().front().text().find("385 t") != std::string::npos);
}

TEST_CASE("footprint --compare-zones ranks by carbon and water and marks what nothing beats on both") {
  const auto zones = result_of({"llama-2-7b", "--compare-zones", "BRA,SWE,FRA"}).at("zones").items();
  REQUIRE(zones.size() == 3);
  CHECK(zones[0].at("name").text() == "Sweden");
  CHECK(zones[2].at("name").text() == "Brazil");
  CHECK(zones[1].at("unbeaten_on_both").truth());
  CHECK(!zones[2].at("unbeaten_on_both").truth());
}

TEST_CASE("footprint reads an hourly series, alone and with a run, and never shows foresight alone") {
  const auto file = std::filesystem::temp_directory_path() / "isoflop_hourly_test.csv";
  {
    std::ofstream out(file);
    out << "time,gco2e_per_kwh\n";
    for (int day = 1; day <= 28; ++day)
      for (int h = 0; h < 24; ++h) {
        char line[64];
        std::snprintf(line, sizeof line, "2021-02-%02dT%02d:00,%d\n", day, h, 200 + 10 * ((h + day) % 24));
        out << line;
      }
  }
  const auto alone = result_of({"--hourly", file.string(), "--job-hours", "4", "--slack-hours", "24"}).at("schedule");
  CHECK(alone.at("shift_saves_share").at("oracle").number() >= alone.at("shift_saves_share").at("forecast").number());
  CHECK(alone.at("shift_saves_share").at("forecast").number() > 0.1);
  CHECK(result_of({"llama-2-7b", "--hourly", file.string()}).find("schedule") != nullptr);
  CHECK(footprint({"--hourly", "/nonexistent.csv"}).code == 1);
  std::filesystem::remove(file);
}

TEST_CASE("footprint draws what it compares: zones by carbon and water, waiting, the owner's figure") {
  const auto folder = std::filesystem::temp_directory_path() / "isoflop_footprint_plots";
  std::filesystem::create_directories(folder);
  const auto text = [&](const std::string& name) {
    std::ifstream in(folder / name);
    return std::string(std::istreambuf_iterator<char>(in), {});
  };
  {
    std::ofstream out(folder / "grid.csv");
    out << "time,gco2e_per_kwh,offsite_water_l_per_kwh\n";
    for (int day = 1; day <= 28; ++day)
      for (int h = 0; h < 24; ++h)
        out << (day < 10 ? "2024-02-0" : "2024-02-") << day << (h < 10 ? "T0" : "T") << h << ":00,"
            << (h < 12 ? 100 : 300) << "," << (h < 12 ? 6 : 2) << "\n";
  }
  const auto outcome = footprint({"llama-2-70b", "--compare-zones", "FRA,IND", "--hourly",
                                  (folder / "grid.csv").string(), "-o", (folder / "p.vl.json").string()});
  CHECK(outcome.code == 0);
  CHECK(text("p.vl.json").find("printed by the owner") != std::string::npos);
  CHECK(text("p-footprint-zones.vl.json").find("France") != std::string::npos);
  CHECK(text("p-footprint-schedule.vl.json").find("pause and resume") != std::string::npos);
  CHECK(outcome.out.find("more off-site water") != std::string::npos);
  std::filesystem::remove_all(folder);
}

TEST_CASE("footprint writes a CodeCarbon file and reads it back") {
  const auto file = std::filesystem::temp_directory_path() / "isoflop_emissions_test.csv";
  const auto wrote = result_of({"llama-2-7b", "--grid", "USA", "--codecarbon-out", file.string()});
  const auto read = result_of({"--codecarbon", file.string()});
  CHECK(agrees(read.at("codecarbon").at("energy_facility_kwh").number(), central(wrote.at("energy_facility_kwh")), 10));
  CHECK(agrees(read.at("codecarbon").at("emissions_kg").number(), central(wrote.at("co2e_kg").at("operational")), 10));
  std::filesystem::remove(file);
}

TEST_CASE("footprint refuses grams for kilograms, millilitres for litres, and two ways to say how long it ran") {
  const auto refused = [](std::vector<std::string> more, const char* why) {
    more.insert(more.begin(), {"--on", "h100-sxm-80gb"});
    const auto outcome = footprint(more);
    CHECK_MESSAGE(outcome.code == 2, outcome.out);
    CHECK_MESSAGE(outcome.err.find(why) != std::string::npos, outcome.err);
  };
  refused({"--hours", "1000", "--grid", "350"}, "350 g/kWh is 0.35");
  refused({"--hours", "1000", "--marginal-kg", "500"}, "350 g/kWh is 0.35");
  refused({"--hours", "1000", "--market-kg", "350"}, "350 g/kWh is 0.35");
  refused({"--hours", "1000", "--wue", "1800"}, "mL/kWh");
  refused({"--hours", "1000", "--ewif", "3000"}, "mL/kWh");
  refused({"--hours", "1000", "--pue", "0.9"}, "beyond 1 to 10");
  refused({"--hours", "1000", "--count", "8", "--days", "3"}, "give one of them");
  refused({"--hours", "1000", "--mfu", "0.4"}, "leave one of them out");
  refused({"--tokens-per-day", "1B", "--params", "8B", "--hours", "3"}, "describes a run");
  CHECK(footprint({"--on", "h100-sxm-80gb", "--hours", "1000", "--pue", "1.1+-0.02", "--grid", "0.4+-15%"}).code == 0);
  CHECK(footprint({"--on", "h100-sxm-80gb", "--energy-kwh", "1000+-5%", "--grid", "0.4"}).code == 0);
}

TEST_CASE("footprint does not trust power that such a device cannot draw: exit 4 with the reason") {
  for (const std::vector<std::string>& power : std::vector<std::vector<std::string>>{
           {"--power", "7000"}, {"--power", "0.7"}, {"--tdp", "0.7"}, {"--energy-kwh", "50000"}}) {
    std::vector<std::string> arguments = {"--on", "h100-sxm-80gb", "--hours", "1000", "--grid", "0.4"};
    arguments.insert(arguments.end(), power.begin(), power.end());
    const auto outcome = footprint(arguments);
    CHECK_MESSAGE(outcome.code == 4, power.front());
    CHECK((outcome.out + outcome.err).find("on a device of 700 W TDP") != std::string::npos);
  }
}

TEST_CASE("footprint of metered TPU chips adds the host, which only the prior share of TDP holds") {
  const auto host = [](const std::vector<std::string>& arguments) {
    const auto r = result_of(arguments);
    for (const auto& input : r.at("inputs").items())
      if (input.at("name").text() == "host overhead") return input.at("median").number();
    return 0.0;
  };
  CHECK(host({"--on", "tpu-v4", "--hours", "1000", "--grid", "0.4"}) == 1);
  CHECK(host({"--on", "tpu-v4", "--energy-kwh", "200", "--hours", "1000", "--grid", "0.4"}) > 1.3);
}

TEST_CASE("footprint of a load takes nothing from the model's training run, and a named site brings its grid") {
  const auto r = result_of({"llama-3.1-8b", "--tokens-per-day", "1B", "--batch", "64"});
  for (const auto& input : r.at("inputs").items())
    if (input.at("name").text() == "grid intensity") CHECK(input.at("source").text().starts_with("assumed"));
  const auto site = result_of({"--on", "h100-sxm-80gb", "--hours", "1000", "--site", "us-west1"});
  for (const auto& input : site.at("inputs").items())
    if (input.at("name").text() == "grid intensity") CHECK(agrees(input.at("median").number(), 0.0792, 3));
}

TEST_CASE("footprint of a load says what an assumed prompt length is worth, and is silent once it is given") {
  const std::vector<std::string> load = {"llama-3.1-8b", "--on",    "h100-sxm-80gb", "--tokens-per-day",
                                         "1B",           "--batch", "64"};
  CHECK(footprint(load).out.find("are assumed, and the interval does not hold that") != std::string::npos);
  auto given = load;
  given.insert(given.end(), {"--prompt", "300"});
  CHECK(footprint(given).out.find("are assumed") == std::string::npos);
}

TEST_CASE("footprint credits waiting only to a job of known length, priced with the series' own factor") {
  const auto file = std::filesystem::temp_directory_path() / "isoflop_known_length_test.csv";
  {
    std::ofstream out(file);
    out << "time,gco2e_per_kwh\n";
    for (int day = 1; day <= 28; ++day)
      for (int h = 0; h < 24; ++h)
        out << (day < 10 ? "2024-02-0" : "2024-02-") << day << (h < 10 ? "T0" : "T") << h << ":00,"
            << (h < 12 ? 100 : 300) << "\n";
  }
  const auto unknown = result_of({"llama-2-70b", "--hourly", file.string()});
  CHECK(unknown.at("schedule").at("shift_saves_kg").is_null());
  const auto r = result_of({"--on", "h100-sxm-80gb", "--count", "8", "--days", "0.25", "--grid", "0.9", "--hourly",
                            file.string()});
  const auto& s = r.at("schedule");
  CHECK(s.at("job_hours").number() == 6);
  CHECK(agrees(s.at("shift_saves_kg").number(),
               central(r.at("energy_facility_kwh")) * s.at("baseline_kgco2e_per_kwh").number() *
                   s.at("shift_saves_share").at("forecast").number(),
               10));
  std::filesystem::remove(file);
}

TEST_CASE("footprint of a CodeCarbon file counts every GPU's embodied share and doubts an unknown country's grid") {
  const auto file = std::filesystem::temp_directory_path() / "isoflop_gpu_count_test.csv";
  const auto write = [&](const std::string& country) {
    std::ofstream out(file);
    out << "run_id,duration,emissions,energy_consumed,gpu_energy,gpu_count,country_iso_code\n"
        << "a,3600,1,5,5,8," << country << "\n";
  };
  write("FRA");
  const auto france = result_of({"--codecarbon", file.string()});
  const auto eight = result_of({"--on", "h100-sxm-80gb", "--hours", "8", "--grid", "FRA"});
  CHECK(agrees(central(france.at("co2e_kg").at("embodied")), central(eight.at("co2e_kg").at("embodied")), 2));
  write("");
  const auto nowhere = result_of({"--codecarbon", file.string()});
  const auto& carbon = nowhere.at("co2e_kg").at("operational");
  CHECK(carbon.at("high").number() > 3 * carbon.at("low").number());
  std::filesystem::remove(file);
}

TEST_CASE("footprint with a user's grid table shows marginal beside average, never in its place") {
  const auto folder = std::filesystem::temp_directory_path() / "isoflop_grids_test";
  std::filesystem::create_directories(folder);
  {
    std::ofstream out(folder / "grids.csv");
    out << "zone,name,kgco2e_per_kwh,year,kind,accounting,source\n"
           "STO,Stockholm,0.79,2024,marginal,location,test\nSTO,Stockholm,0.025,2024,average,location,test\n"
           "MKT,Contract,0.01,2024,average,market,test\nUSA,United States,0.38,2024,average,location,test\n"
           "tech:hydro,hydro,0.026,,lifecycle,technology,test\n";
  }
  const auto r = result_of({"llama-2-7b", "--grid", "STO", "--data", folder.string()});
  const double ratio =
      central(r.at("co2e_kg").at("operational_location_marginal")) / central(r.at("co2e_kg").at("operational"));
  CHECK(agrees(ratio, 0.79 / 0.025, 2));
  CHECK(footprint({"llama-2-7b", "--grid", "MKT", "--data", folder.string()}).code == 2);
  std::filesystem::remove_all(folder);
}
