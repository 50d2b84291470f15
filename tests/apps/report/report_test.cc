#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "agrees.h"
#include "apps/run_command.h"
#include "isoflop/report/html_page.h"
#include "isoflop/report/value.h"
#include "isoflop/sha256.h"
#include "paths.h"
#include "strict_html.h"

using namespace isoflop;
using isoflop::test::run_command;
using test::HtmlElement;
using test::read_strictly;

namespace {

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// A folder of its own that is gone afterwards.
struct Scratch {
  std::filesystem::path path;
  explicit Scratch(const std::string& name) : path(std::filesystem::temp_directory_path() / ("report-test-" + name)) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~Scratch() { std::filesystem::remove_all(path); }
};

bool has_gnuplot() { return std::system("gnuplot --version >/dev/null 2>&1") == 0; }

std::string base64(const std::string& hex) {
  static const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bits, text;
  for (const char c : hex) {
    const int v = c <= '9' ? c - '0' : c - 'a' + 10;
    for (int k = 3; k >= 0; --k) bits += (v >> k & 1) ? '1' : '0';
  }
  while (bits.size() % 6) bits += '0';
  for (std::size_t i = 0; i < bits.size(); i += 6) text += digits[std::stoul(bits.substr(i, 6), nullptr, 2)];
  while (text.size() % 4) text += '=';
  return text;
}

/// What every page promises, read from its bytes.
void check_page(const std::string& html) {
  std::vector<HtmlElement> elements;
  REQUIRE_NOTHROW(elements = read_strictly(html));
  CHECK(html.size() < 3'000'000);
  std::string policy;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < elements.size(); ++i) {
    const auto& [name, attributes, text, parent] = elements[i];
    CAPTURE(name);
    if (name == "meta" && attributes.count("http-equiv")) policy = attributes.at("content");
    if (attributes.count("id")) CHECK(ids.insert(attributes.at("id")).second);
    CHECK_FALSE(attributes.count("style"));
    CHECK_FALSE(attributes.count("src"));
    for (const auto& [key, value] : attributes) {
      CHECK(key.rfind("on", 0) != 0);
      if (key != "href" && key != "xlink:href") continue;
      CHECK(value.find("//") == std::string::npos);
      CHECK(value.find("javascript:") == std::string::npos);
    }
    CHECK_FALSE((name == "img" || name == "iframe" || name == "object" || name == "embed"));
    if (name == "svg" && !attributes.count("aria-hidden")) {
      REQUIRE(i + 2 < elements.size());
      CHECK(elements[i + 1].name == "title");
      CHECK_FALSE(elements[i + 1].text.empty());
      CHECK(elements[i + 2].name == "desc");
      CHECK_FALSE(elements[i + 2].text.empty());
    }
  }
  for (const auto& element : elements)
    for (const char* key : {"aria-labelledby", "xlink:href", "href"}) {
      if (!element.attributes.count(key)) continue;
      std::istringstream words(element.attributes.at(key));
      for (std::string word; words >> word;)
        if (std::string(key) == "aria-labelledby" || word[0] == '#')
          CHECK(ids.count(word[0] == '#' ? word.substr(1) : word) == 1);
    }
  CHECK(policy.find("default-src 'none'") == 0);
  CHECK(policy.find("unsafe") == std::string::npos);
  CHECK(policy.find("http") == std::string::npos);
  std::size_t guarded = 0;
  for (const auto& element : elements) {
    if (element.name != "style" && (element.name != "script" || element.attributes.count("type"))) continue;
    CHECK(policy.find("'sha256-" + base64(sha256_hex(element.text)) + "'") != std::string::npos);
    CHECK(element.text.find("@import") == std::string::npos);
    if (element.text.size() < 50000) CHECK(element.text.find("http") == std::string::npos);
    ++guarded;
  }
  CHECK(guarded >= 2);
}

std::vector<std::string> section_ids(const std::string& html) {
  std::vector<std::string> ids;
  for (const auto& element : read_strictly(html))
    if (element.name == "section") ids.push_back(element.attributes.at("id"));
  return ids;
}

}  // namespace

TEST_CASE("the strict reader refuses what browsers forgive") {
  const std::string head = "<!DOCTYPE html>\n";
  CHECK(read_strictly(head + "<p a=\"1\" b='2'>x &lt; y<br/></p>").size() == 2);
  for (const char* wrong : {"<p>", "<p></b>", "<p a=1></p>", "<p a></p>", "<p a=\"1\" a=\"2\"></p>", "<p>a & b</p>",
                            "<p>&nbsp;</p>", "<p/><p/>", "<p a=\"<\"></p>", "<p>\x01</p>", "x<p></p>", "<script>"})
    CHECK_THROWS(read_strictly(head + wrong));
}

TEST_CASE("a page escapes every text and needs nothing from outside") {
  const std::string evil = "<script>alert(1)</script> & \"'\x01 </style>";
  HtmlSection section{
      "one", evil, evil, evil, evil, {}, {}, {evil}, evil, {{evil, evil, evil, evil}}, {{evil, evil, 1, 0}}};
  ReportTable table{
      evil, {{evil, "a", Align::Left}, {evil, "b"}}, {{evil, 1.5}, {std::monostate(), std::int64_t{7}}}, evil};
  section.tables.push_back({table, true, {{evil, "files/a b.csv"}}});
  HtmlPage page{evil, evil, {section}, {"1", "2", "3"}, {"isoflop", evil}, 42, {}};
  const std::string html = write_html_page(page);
  check_page(html);
  CHECK((html.find("<script>alert") == std::string::npos));
  CHECK((html.find("&lt;script&gt;alert(1)&lt;/script&gt;") != std::string::npos));
}

TEST_CASE("a report holds the sections asked for and the files behind them, and repeats to the byte") {
  if (!has_gnuplot()) {
    MESSAGE("skipped: gnuplot is not installed");
    return;
  }
  const Scratch scratch("only");
  const std::string page = scratch.path / "r.html";
  const auto first = run_command({"report", "-o", page, "--only", "calibration,footprint", "--static"});
  REQUIRE_MESSAGE(first.code == 0, first.err);
  const std::string html = text_of(page);
  check_page(html);
  CHECK(section_ids(html) == std::vector<std::string>{"findings", "footprint", "calibration", "sources"});
  for (const char* file :
       {"footprint-ledger.svg", "footprint-ledger.csv", "calibration-kernels.svg", "calibration-table-1.csv"}) {
    CAPTURE(file);
    CHECK(std::filesystem::file_size(scratch.path / "r_files" / file) > 100);
    CHECK((html.find(std::string("href=\"r_files/") + file + "\"") != std::string::npos));
  }
  CHECK(text_of(scratch.path / "r_files" / "footprint-ledger.svg").find("<svg") != std::string::npos);
  // The finding is that of the command, written out.
  const auto alone = run_command({"footprint", "llama-3-70b"});
  const std::string alone_start = alone.out.substr(0, alone.out.find(" in all"));
  REQUIRE(alone_start.starts_with("Llama-3-70B: "));
  CHECK((html.find(html_text(alone_start)) != std::string::npos));

  std::filesystem::rename(page, scratch.path / "before.html");
  REQUIRE(run_command({"report", "-o", page, "--only", "calibration,footprint", "--static", "-j", "1"}).code == 0);
  const std::string again = text_of(page), before = text_of(scratch.path / "before.html");
  // The command line that a page prints is all that may differ.
  CHECK((again.substr(0, again.find("<footer>")) == before.substr(0, before.find("<footer>"))));
}

TEST_CASE("a model named like a script joins the score sections as text") {
  if (!has_gnuplot()) {
    MESSAGE("skipped: gnuplot is not installed");
    return;
  }
  const Scratch scratch("add");
  std::ofstream(scratch.path / "mine.csv")
      << "name,family,active_params,tokens,score\n\"<script>alert('x')</script>\",Mine,7e9,2e12,88\n";
  const std::string page = scratch.path / "r.html";
  const auto ran = run_command({"report", "-o", page, "--only", "outliers,dates", "--no-assets", "--add",
                               scratch.path / "mine.csv"});
  REQUIRE_MESSAGE(ran.code == 0, ran.err);
  const std::string html = text_of(page);
  check_page(html);
  CHECK((html.find("<script>alert") == std::string::npos));
  CHECK((html.find("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") != std::string::npos));
  CHECK((html.find("is not in this section: it has no column release_date") != std::string::npos));
  CHECK_FALSE(std::filesystem::exists(scratch.path / "r_files"));
}

TEST_CASE("any command line becomes a section, except report and what is no command") {
  if (!has_gnuplot()) {
    MESSAGE("skipped: gnuplot is not installed");
    return;
  }
  const Scratch scratch("include");
  const std::string page = scratch.path / "r.html";
  const auto ran = run_command({"report", "-o", page, "--only", "calibration", "--no-assets", "--static", "--include",
                                "serve llama-3-8b --on 'h100' --batch 8"});
  REQUIRE_MESSAGE(ran.code == 0, ran.err);
  const std::string html = text_of(page);
  check_page(html);
  CHECK(section_ids(html) == std::vector<std::string>{"findings", "calibration", "own-1", "sources"});
  CHECK((html.find("batch 8: first token after") != std::string::npos));
  for (const char* wrong : {"report --only loss", "nonsense", "serve 'llama", ""})
    CHECK(run_command({"report", "--only", "calibration", "-o", page, "--include", wrong}).code == 2);
  CHECK(run_command({"report", "--only", "calibration", "-o", page, "--include", "fit nowhere.csv"}).code == 1);
}

TEST_CASE("report refuses an unknown section with the nearest one") {
  const auto ran = run_command({"report", "--only", "servng"});
  CHECK(ran.code == 2);
  CHECK(ran.err.find("serving") != std::string::npos);
}

TEST_CASE("report says that Vega's scripts are not in the folder named") {
  const Scratch scratch("web");
  const auto ran =
      run_command({"report", "--only", "calibration", "-o", scratch.path / "r.html", "--web", scratch.path});
  CHECK(ran.code == 1);
  CHECK(ran.err.find("fetch_web_assets.sh") != std::string::npos);
}

TEST_SUITE("slow") {
  TEST_CASE("the whole report stays below three megabytes with and without Vega") {
    if (!has_gnuplot()) {
      MESSAGE("skipped: gnuplot is not installed");
      return;
    }
    const Scratch scratch("size");
    // The pinned scripts where they have been fetched; else blanks of the same length (scripts/fetch_web_assets.sh).
    std::filesystem::path web = std::filesystem::path(build_dir) / "web";
    if (!std::filesystem::exists(web / "vega.min.js")) {
      web = scratch.path / "web";
      std::filesystem::create_directories(web);
      for (const auto& [file, bytes] :
           {std::pair("vega.min.js", 515242), {"vega-lite.min.js", 252198}, {"vega-embed.min.js", 60630}})
        std::ofstream(web / file) << std::string(static_cast<std::size_t>(bytes), ' ');
    }
    const std::string page = scratch.path / "r.html";
    const auto size_of = [&](std::vector<std::string> options) {
      options.insert(options.begin(), {"report", "-o", page, "--no-assets"});
      const auto ran = run_command(options);
      REQUIRE_MESSAGE((ran.code == 0 || ran.code == 4), ran.err);
      return std::filesystem::file_size(page);
    };
    const auto without = size_of({"--static"});
    check_page(text_of(page));
    const auto with = size_of({"--web", web});
    MESSAGE("report: " << without << " bytes, with Vega " << with);
    CHECK(without < 3'000'000);
    CHECK(with < 3'000'000);
    CHECK(with > without + 800'000);
  }
}

TEST_CASE("the cohort's tables recount every architecture and keep base and chat scores apart") {
  const auto ran = run_command({"models", "cohort", "--json", "--draws", "256", "--with", "qwen2-7b"});
  REQUIRE_MESSAGE(ran.code == 0, ran.err);
  const Value result = parse_json(ran.out, "cohort").at("result");
  std::map<std::string, const Value*> models;
  for (const auto& model : result.at("models").items()) models[model.at("id").text()] = &model;
  CHECK(models.size() == 15);
  // Exact counts stated by independent repositories.
  CHECK(models.at("llama-3-8b")->at("params_total").number() == 8030261248.0);
  CHECK(models.at("llama-2-7b")->at("params_total").number() == 6738415616.0);
  // 2 bytes x 2 x 32 layers x 8 heads x 128; latent cache: 2 bytes x 60 layers x (512 + 64).
  CHECK(models.at("llama-3-8b")->at("kv_bytes_per_token").number() == 131072.0);
  CHECK(models.at("deepseek-v2")->at("kv_bytes_per_token").number() == 69120.0);
  CHECK(agrees(models.at("llama-3-8b")->at("training_flop_6nd").number(), 6 * 8030261248.0 * 15e12, 12));
  CHECK(models.at("gemma-7b")->at("corrected").text().find("attention") != std::string::npos);
  std::map<std::string, double> scores;
  for (const auto& score : result.at("benchmarks").items())
    scores[score.at("model").text() + " " + score.at("benchmark").text() + " " + score.at("kind").text()] =
        score.at("score").number();
  // A widely read table prints the chat model's 34.1 as the model's, 77.4 and 71.7 (Llama 2 and 3 cards: 41.2, 81.7).
  CHECK(scores.at("Llama-2-7B mmlu base") == 45.3);
  CHECK(scores.at("Llama-2-7B mmlu instruct") == 34.1);
  CHECK(scores.at("Llama-2-13B gsm8k instruct") == 41.2);
  CHECK(scores.at("Llama-3-70B humaneval instruct") == 81.7);
  CHECK(result.at("environment").at("models").items().size() == 15);
}
