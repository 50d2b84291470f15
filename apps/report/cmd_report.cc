// `isoflop report`: one self-contained HTML page, and the files behind it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "apps/commands.h"
#include "apps/report/report_page.h"
#include "isoflop/catalogue/name_index.h"
#include "isoflop/error.h"
#include "isoflop/parallel.h"

namespace isoflop::app {
namespace {

/// Words of a line as a shell splits them: blanks part, single and double quotes keep together.
std::vector<std::string> shell_words(const std::string& line) {
  std::vector<std::string> words;
  std::string word;
  bool inside = false;
  char quote = 0;
  for (const char c : line) {
    if (quote != 0) {
      if (c == quote) quote = 0;
      else word += c;
    } else if (c == '\'' || c == '"') {
      quote = c;
      inside = true;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      if (inside) words.push_back(word);
      word.clear();
      inside = false;
    } else {
      word += c;
      inside = true;
    }
  }
  if (quote != 0) throw Error(Fault::Usage, "--include \"" + line + "\": a quote is not closed");
  if (inside) words.push_back(word);
  return words;
}

class ReportCommand : public Command {
 public:
  std::string name() const override { return "report"; }
  std::string summary() const override {
    return "one HTML page: findings, charts and tables, with the files behind them";
  }
  std::string examples() const override {
    return "isoflop report                                    writes report.html and report_files/\n"
           "isoflop report -o spring.html --only outliers,costs\n"
           "isoflop report --add mine.csv --runs sweep.csv    your models and your runs in it\n"
           "isoflop report --include 'fit sweep.csv --law kaplan' --include 'train arctic --on h100 --count 1024'\n"
           "isoflop report --no-assets -o page.html           the page alone";
  }

  void declare(OptionSet& options) override {
    std::string names;
    for (const auto& kind : section_kinds()) names += (names.empty() ? "" : ", ") + kind.id;
    options.list("--only", only_, "sections, in the order of the page: " + names);
    options.group("Your own");
    options.files("--add", request_.add,
                  "CSV of models joined to the score sections (name,active_params,tokens,score)");
    options.files("--include", include_,
                  "a command line (without isoflop) whose result becomes a section; may be given several times");
    options.text("--runs", request_.runs, "CSV of training runs for the loss law, instead of the 240 of Chinchilla");
    options.list("--with", request_.with, "models of the catalogue beside the 2024 cohort");
    options.text("--on", request_.device, "accelerator for costs and serving");
    options.text("--footprint-of", request_.footprint_of, "model of the footprint ledger");
    options.group("Files");
    options.text("--assets", assets_,
                 "folder for plots (SVG, PNG, PDF, CSV) and tables (CSV); default NAME_files beside NAME.html");
    options.flag("--no-assets", no_assets_, "write the page alone");
    options.flag("--static", static_, "no zoom and pan, even where Vega's scripts are installed");
    options.text("--web", web_,
                 "folder with vega.min.js, vega-lite.min.js and vega-embed.min.js (else ISOFLOP_WEB, or as installed)");
  }

  Report run(const Settings& settings) override {
    if (no_assets_ && !assets_.empty()) throw Error(Fault::Usage, "--assets and --no-assets exclude each other");
    std::vector<NamedSection> sections = chosen_sections();
    const std::size_t known = sections.size();
    const std::vector<SectionKind> own = included_kinds();
    for (const auto& kind : own) sections.push_back({&kind, {}});
    const std::size_t count = sections.size();
    // Sections side by side; each alone in its thread, so that two do not share the machine twice.
    Settings inside = settings;
    if (thread_count(settings.threads) > 1 && count > 1) inside.threads = 1;
    inside.progress = [](double, const std::string&) {};
    settings.progress(0.05, "sections");
    parallel_for(count, settings.threads, [&](std::size_t i) {
      sections[i].content =
          i < known ? sections[i].kind->make(request_, inside) : included_section(include_[i - known], inside);
    });
    settings.progress(0.5, "plots");

    PageRequest page;
    page.page = page_path(settings);
    if (!no_assets_)
      page.assets =
          assets_.empty() ? std::filesystem::path(page.page).replace_extension().string() + "_files" : assets_;
    page.vega = !static_;
    page.web = web_;
    Report report;
    report.command = "report";
    report.files = report_files(sections, page, settings, report.warnings);
    report.seed = settings.seed;
    describe(report, sections, page);
    return report;
  }

 private:
  std::vector<NamedSection> chosen_sections() const {
    std::vector<std::string> ids;
    for (const auto& kind : section_kinds()) ids.push_back(kind.id);
    for (const auto& name : only_)
      if (std::find(ids.begin(), ids.end(), name) == ids.end()) throw unknown_name("section", name, ids);
    std::vector<NamedSection> sections;
    for (const auto& kind : section_kinds())
      if (only_.empty() || std::find(only_.begin(), only_.end(), kind.id) != only_.end())
        sections.push_back({&kind, {}});
    return sections;
  }

  std::vector<SectionKind> included_kinds() const {
    std::vector<SectionKind> kinds;
    for (const auto& line : include_) {
      const auto words = shell_words(line);
      if (words.empty() || words[0] == "report")
        throw Error(Fault::Usage, "--include \"" + line +
                                      "\": expected a command line such as 'fit runs.csv', and not report itself");
      const std::string number = std::to_string(kinds.size() + 1);
      kinds.push_back({"own-" + number, "isoflop " + line, "Own " + number, nullptr});
    }
    return kinds;
  }

  static SectionContent included_section(const std::string& line, const Settings& settings) {
    const auto words = shell_words(line);
    const Report report = run_command(words, settings);
    SectionContent content = content_of(report, words);
    content.plots = report.plots;
    content.tables = report.tables;
    content.notes.insert(content.notes.begin(), report.messages.begin(), report.messages.end());
    return content;
  }

  static std::string page_path(const Settings& settings) {
    for (const auto& file : settings.outputs)
      if (file.ends_with(".html")) return file;
    return "report.html";
  }

  static void describe(Report& report, const std::vector<NamedSection>& sections, const PageRequest& page) {
    const double size = static_cast<double>(report.files.front().content.size());
    std::size_t plots = 0, tables = 0;
    Value& list = report.result["sections"] = Value::array();
    ReportTable table{"Sections", {{"section", "section", Align::Left}, {"finding", "finding", Align::Left}}, {}, ""};
    for (const auto& section : sections) {
      plots += section.content.plots.size();
      tables += section.content.tables.size();
      table.rows.push_back({section.kind->id, section.content.finding});
      Value plot_names = Value::array();
      for (const auto& plot : section.content.plots) plot_names.push_back(plot.name);
      list.push_back(Value::object({{"section", section.kind->id},
                                    {"title", section.kind->title},
                                    {"finding", section.content.finding},
                                    {"plots", plot_names},
                                    {"tables", section.content.tables.size()},
                                    {"trusted", section.content.distrust.empty()},
                                    {"result", section.content.result}}));
      if (!section.content.distrust.empty())
        report.distrust += (report.distrust.empty() ? "" : "; ") + section.kind->id + ": " + section.content.distrust;
      for (const auto& input : section.content.inputs)
        if (std::none_of(report.inputs.begin(), report.inputs.end(), [&](const ReportInput& other) {
              return other.path == input.path && other.sha256 == input.sha256;
            }))
          report.inputs.push_back(input);
    }
    report.headline = fmt::format(
        "{}: {} sections, {} plots and {} tables in {:.2f} MB{}.", page.page, sections.size(), plots, tables,
        size / 1e6,
        page.assets.empty() ? "" : fmt::format("; {} files beside it in {}", report.files.size() - 1, page.assets));
    for (const auto& section : sections) report.messages.push_back(section.kind->id + ": " + section.content.finding);
    report.data_table = table;
    report.result["page"] = page.page;
    report.result["page_bytes"] = static_cast<std::int64_t>(size);
    report.result["assets"] = page.assets.empty() ? Value() : Value(page.assets);
    Value files = Value::array();
    for (const auto& file : report.files) files.push_back(file.path);
    report.result["files"] = files;
    report.result["vega"] = page.vega && !web_folder(page.web).empty();
  }

  ReportRequest request_;
  std::vector<std::string> only_, include_;
  std::string assets_, web_;
  bool no_assets_ = false, static_ = false;
};

}  // namespace

std::unique_ptr<Command> make_report() { return std::make_unique<ReportCommand>(); }

}  // namespace isoflop::app
