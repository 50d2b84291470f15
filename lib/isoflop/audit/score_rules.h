// One score under audit, and the rules that look at it. Internal to the library.
#pragma once
#include "isoflop/audit/auditor.h"

namespace isoflop::audit {

struct ScoreCell {
  std::size_t row = 0;
  std::size_t column = 0;
  std::string model;      ///< as printed
  std::string benchmark;  ///< code
  std::string kind;       ///< empty when the table does not say
  std::string unit;       ///< percent when empty
  std::string source;     ///< empty when the table does not say
  double value = 0;
};

/// Value against what the unit and guessing allow.
void check_score_range(Auditor& auditor, const ScoreCell& score);

/// Value against the catalogue's values of the same model: wrong variant, slip, contradiction.
void check_score_against_catalogue(Auditor& auditor, const ScoreCell& score);

/// Within one family and setting a smaller model far above a larger one. `source` tells settings apart.
struct RankedScore {
  ScoreCell score;
  std::string setting;
};
void check_family_order(Auditor& auditor, const std::vector<RankedScore>& scores);

}  // namespace isoflop::audit
