#include "isoflop/fits/score_link.h"

#include <cmath>

#include "isoflop/error.h"

namespace isoflop::fits {

std::vector<std::string> link_names() {
  return {"linear", "logistic", "logistic-free", "linear-nd", "logistic-nd", "logistic-nd-free",
          "linear-date", "logistic-date", "logistic-date-free"};
}

std::string link_name(Link link) { return link_names()[static_cast<std::size_t>(link)]; }

std::optional<Link> find_link(std::string_view name) {
  const auto names = link_names();
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return static_cast<Link>(i);
  return std::nullopt;
}

std::string link_description(Link link) {
  switch (link) {
    case Link::Linear: return "straight line";
    case Link::Logistic: return "logistic, given ceiling";
    case Link::LogisticFreeCeiling: return "logistic, fitted ceiling";
    case Link::LinearParamsTokens: return "plane in log10 N and log10 D";
    case Link::LogisticParamsTokens: return "logistic in log10 N and log10 D, given ceiling";
    case Link::LogisticParamsTokensFreeCeiling: return "logistic in log10 N and log10 D, fitted ceiling";
    case Link::LinearDate: return "plane in log10 compute and release date";
    case Link::LogisticDate: return "logistic in log10 compute and release date, given ceiling";
    case Link::LogisticDateFreeCeiling: return "logistic in log10 compute and release date, fitted ceiling";
  }
  return {};
}

bool uses_params_and_tokens(Link link) {
  return link >= Link::LinearParamsTokens && link <= Link::LogisticParamsTokensFreeCeiling;
}

bool uses_date(Link link) { return link >= Link::LinearDate; }

std::size_t features_in(Link link) { return uses_params_and_tokens(link) || uses_date(link) ? 2 : 1; }

std::size_t parameters_of(Link link) { return 1 + features_in(link) + (has_free_ceiling(link) ? 1 : 0); }

bool is_logistic(Link link) {
  return link != Link::Linear && link != Link::LinearParamsTokens && link != Link::LinearDate;
}

bool has_free_ceiling(Link link) {
  return link == Link::LogisticFreeCeiling || link == Link::LogisticParamsTokensFreeCeiling ||
         link == Link::LogisticDateFreeCeiling;
}

CurveShape shape_of(Link link, const ScoreBounds& bounds) {
  if (!is_logistic(link)) return {false, 0, bounds.most, false};
  if (!bounds.floor || !bounds.ceiling)
    throw Error(Fault::Usage, "link " + link_name(link) +
                                  " needs a floor and a ceiling of the score; expected --floor and --ceiling");
  return {true, *bounds.floor, has_free_ceiling(link) ? bounds.most : *bounds.ceiling, has_free_ceiling(link)};
}

std::vector<double> features_of(const ScoredModel& model, Predictor predictor, Link link) {
  const auto logarithm = [](const std::optional<double>& value) -> std::vector<double> {
    if (!value || !(*value > 0)) return {};
    return {std::log10(*value)};
  };
  if (uses_params_and_tokens(link)) {
    auto both = logarithm(model.active_params);
    const auto tokens = logarithm(model.tokens);
    if (both.empty() || tokens.empty()) return {};
    both.push_back(tokens[0]);
    return both;
  }
  if (uses_date(link)) {
    auto both = logarithm(model.compute);
    if (both.empty() || !model.release_year) return {};
    both.push_back(*model.release_year);
    return both;
  }
  switch (predictor) {
    case Predictor::Compute: return logarithm(model.compute);
    case Predictor::ActiveParams: return logarithm(model.active_params);
    case Predictor::TotalParams: return logarithm(model.total_params);
    case Predictor::Tokens: return logarithm(model.tokens);
    case Predictor::ReleaseDate: return model.release_year ? std::vector{*model.release_year} : std::vector<double>{};
    case Predictor::Other: return model.other ? std::vector{*model.other} : std::vector<double>{};
  }
  return {};
}

bool usable(const ScoredModel& model, Predictor predictor) {
  return std::isfinite(model.score) && !features_of(model, predictor, Link::Linear).empty();
}

ScoredModel with_tokens(ScoredModel model, double tokens) {
  if (model.tokens && model.compute) *model.compute *= tokens / *model.tokens;
  model.tokens = tokens;
  return model;
}

}  // namespace isoflop::fits
