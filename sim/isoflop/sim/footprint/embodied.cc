#include "isoflop/sim/footprint/embodied.h"

namespace isoflop::sim {

// 128 kg: A100 teardown LCA (arXiv:2509.00093); 572 kg: BoaviztAPI 2.4.1 bottom-up, H100. TPU chips: 208-585 kg,
// manufacturing and transport of five generations (arXiv:2502.01671).
Distribution device_kg_prior(bool is_tpu) {
  return is_tpu ? Distribution::triangular(208, 300, 585) : Distribution::triangular(128, 250, 572);
}
// 250: rule-of-thumb server; 450: Morrison et al. 2025 (3,700 kg / 8); 712: EcoLogits (5,700 kg / 8).
Distribution server_share_kg_prior() { return Distribution::triangular(250, 450, 712); }
Distribution lifetime_years_prior() { return Distribution::triangular(3, 4, 6); }
Distribution utilisation_prior() { return Distribution::triangular(0.6, 0.8, 0.9); }

}  // namespace isoflop::sim
