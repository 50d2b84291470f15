#include "isoflop/fits/loss_law.h"

#include "isoflop/error.h"
#include "isoflop/fits/laws/laws.h"

namespace isoflop::fits {

std::string evidence_name(Evidence evidence) {
  switch (evidence) {
    case Evidence::Verified: return "verified";
    case Evidence::Transcription: return "transcription";
    case Evidence::Unverified: return "unverified";
  }
  return "";
}

std::optional<std::size_t> LossLaw::input(std::string_view name) const {
  for (std::size_t i = 0; i < facts_.inputs.size(); ++i)
    if (facts_.inputs[i].name == name || facts_.inputs[i].column == name) return i;
  return {};
}

std::size_t LossLaw::parameter(std::string_view name) const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < facts_.parameters.size(); ++i) {
    if (facts_.parameters[i].name == name) return i;
    names.push_back(facts_.parameters[i].name);
  }
  throw unknown_name("parameter of law " + facts_.id, name, names);
}

const PublishedConstants* LossLaw::find_constants(std::string_view id) const {
  for (const auto& constants : facts_.published)
    if (constants.id == id) return &constants;
  return nullptr;
}

const std::vector<const LossLaw*>& loss_laws() {
  static const std::vector<const LossLaw*> laws = {
      &chinchilla(),       &coupled(),        &kaplan(),     &data_constrained(),  &over_training(),
      &moe_routed(),       &fine_grained_moe(), &moe_sparsity(), &precision(),     &vocabulary(),
      &farseer(),          &broken_power_law(), &step_learning_rate(), &step_batch(),
      &saturating(),
  };
  return laws;
}

LawChoice choose_law(std::string_view name) {
  std::vector<std::string> names;
  for (const LossLaw* law : loss_laws()) {
    if (law->facts().id == name)
      return {law, law->facts().published.empty() ? nullptr : &law->facts().published.front()};
    if (const auto* constants = law->find_constants(name)) return {law, constants};
    names.push_back(law->facts().id);
    for (const auto& constants : law->facts().published) names.push_back(constants.id);
  }
  throw unknown_name("law", name, names);
}

}  // namespace isoflop::fits
