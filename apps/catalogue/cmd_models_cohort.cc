// `models cohort`: the tables of the spring-2024 cohort, generated from the catalogue.
#include "apps/catalogue/cohort_tables.h"
#include "apps/commands.h"

namespace isoflop::app {
namespace {

class ModelsCohort : public Command {
 public:
  std::string name() const override { return "models cohort"; }
  std::string summary() const override {
    return "architectures, benchmarks and footprints of the 2024 cohort, recounted and corrected";
  }
  std::string examples() const override {
    return "isoflop models cohort\n"
           "isoflop models cohort --with llama-3.1-405b,deepseek-v3 --md\n"
           "isoflop models cohort --json";
  }

  void declare(OptionSet& options) override {
    options.list("--with", with_, "further models of the catalogue");
    options.whole("--draws", draws_, "draws of the footprint intervals", 256, 1000000);
  }

  Report run(const Settings& settings) override { return cohort_tables(settings, with_, draws_); }

 private:
  std::vector<std::string> with_;
  long draws_ = 4096;
};

}  // namespace

std::unique_ptr<Command> make_models_cohort() { return std::make_unique<ModelsCohort>(); }

}  // namespace isoflop::app
