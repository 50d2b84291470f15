// Seconds of the operations of a served model on one kind of device, from op-time models with constants looked up once.
//
// An operation of a program is priced for one device of its stage: matrices and heads divided by the tensor-parallel
// size, routed experts as the busiest of the expert-parallel groups has them (expert_spread.h). Weight-only formats
// keep the 16-bit kernel's constants and arithmetic and read fewer bytes, from memory and from the cache.
#pragma once
#include <array>
#include <cstdint>
#include <map>

#include "isoflop/model/op_cost.h"
#include "isoflop/sim/op/op_profile.h"
#include "isoflop/sim/serving/expert_spread.h"
#include "isoflop/sim/serving/fused_kernels.h"
#include "isoflop/sim/serving/serving_load.h"

namespace isoflop::sim {

class OpPrices {
 public:
  OpPrices(const Architecture& architecture, const Accelerator& accelerator, const OpProfile& profile);

  /// Constants of one key, with those that are needed by name.
  struct Cell {
    ResolvedCell resolved;
    double t0 = 0, e_b = 1;
  };
  struct Priced {  ///< Seconds of one call with their 90 % range.
    double low_s = 0, central_s = 0, high_s = 0;
    Bound bound = Bound::Bandwidth;
    const Cell* cell = nullptr;  ///< none where nothing is charged
  };

  /// `cost`: of one forward execution; `launch`: see fused_kernels.h. A grouped product counts the tokens of the whole
  /// stage, everything else those of one replica of the attention.
  Priced of(const Op& op, const ServingLoad& load, const PassCost& cost, double weight_bytes, Launch launch) const;
  Priced collective(Collective kind, double message_bytes, std::int64_t devices, std::int64_t nodes) const;
  /// Most token copies on one expert-parallel group over their mean; 1 without expert parallelism.
  double imbalance(const GroupedMatMul& product, const ServingLoad& load) const;

 private:
  const Cell& cell(const OpKey& key) const;
  Priced price(const OpShape& shape, double times = 1) const;
  Priced few_rows(const GemmShape& shape) const;
  Priced gemm(std::int64_t m, std::int64_t n, std::int64_t k, const ServingLoad& load, double weight_bytes) const;
  Priced of(const MatMul& d, const ServingLoad& load, double weight_bytes) const;
  Priced of(const GroupedMatMul& d, const ServingLoad& load, double weight_bytes) const;
  Priced of(const AttentionCore& core, const ServingLoad& load) const;
  Priced latent_core(const AttentionShape& shape, double key_dim, double value_dim) const;
  ExpertSpread spread(const GroupedMatMul& d, const ServingLoad& load) const;
  bool gated_experts() const;

  const Architecture& architecture_;
  const Accelerator& accelerator_;
  OpProfile profile_;
  mutable std::map<OpKey, Cell> cells_;
  mutable std::map<const Cell*, Cell> latent_cells_;  ///< by the decode kernels' cell
  mutable std::map<std::array<std::int64_t, 4>, ExpertSpread> spreads_;  ///< experts, chosen, groups, rows
  mutable double spread_skew_ = 0;
};

}  // namespace isoflop::sim
