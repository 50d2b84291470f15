#include "apps/machine/kernel_options.h"

#include <algorithm>

#include "isoflop/error.h"

namespace isoflop::app {

void KernelShape::declare(OptionSet& options) {
  options.group("Model");
  options.whole("--layers", layers, "layers", 1, 200);
  options.whole("--width", width, "model width d", 8, 16384);
  options.whole("--heads", heads, "query heads", 1, 512);
  options.whole("--kv-heads", kv_heads, "key/value heads (default: as --heads)", 1, 512);
  options.whole("--mlp-width", mlp_width, "MLP width (default: 8/3 width for swiglu, 4 width for gelu)", 1, 131072);
  options.whole("--vocabulary", vocabulary,
                "tokens in the vocabulary (default 128; of text 256 bytes or 1024 byte pairs)", 4, 300000);
  options.choice("--mlp", mlp, {"swiglu", "gelu"}, "gated SiLU with three matrices, or GELU with two");
  options.choice("--norm", norm, {"rms", "layer"}, "RMSNorm or LayerNorm");
  options.choice("--wiring", wiring, {"pre", "post", "parallel", "dense-hybrid"},
                 "how attention and MLP stand to the residual stream");
  options.whole("--window", window, "sliding window: keys a query sees", 1, 1 << 24);
  options.flag("--alibi", alibi, "position bias linear in distance (ALiBi) in place of rotary positions");
  options.whole("--latent", latent, "latent attention (MLA): width of the cached latent vector", 1, 16384);
  options.whole("--latent-query", latent_query, "with --latent: queries pass a latent vector of that width too", 1,
                16384);
  options.whole("--experts", experts, "mixture of experts: how many", 2, 1024);
  options.whole("--experts-per-token", experts_per_token, "experts a token uses (default 2)", 1, 64);
  options.flag("--tied", tied, "output head shares the embedding");
}

Architecture KernelShape::architecture(long default_vocabulary) const {
  if (width % heads != 0)
    throw Error(Fault::Usage,
                "--width " + std::to_string(width) + " is not a multiple of --heads " + std::to_string(heads));
  Architecture a;
  a.name = "small model";
  a.width = width;
  a.vocabulary = vocabulary.value_or(default_vocabulary);
  a.tied_embeddings = tied;
  a.norm = norm == "rms" ? NormStyle{NormKind::RmsNorm, true, false} : NormStyle{NormKind::LayerNorm, true, true};
  Layer layer;
  layer.attention.heads = heads;
  layer.attention.kv_heads = kv_heads.value_or(heads);
  layer.attention.head_dim = width / heads;
  layer.attention.rotary_dims = alibi ? 0 : layer.attention.head_dim / 2 * 2;
  layer.attention.alibi = alibi;
  layer.attention.window = window.value_or(0);
  if (heads % layer.attention.kv_heads != 0) throw Error(Fault::Usage, "--heads must be a multiple of --kv-heads");
  if (latent_query && !latent) throw Error(Fault::Usage, "--latent-query needs --latent");
  if (latent) {
    if (kv_heads || alibi) throw Error(Fault::Usage, "--latent has neither --kv-heads nor --alibi");
    // As in DeepSeek-V2: a shared rotated key half as wide as a head's own.
    const auto head = layer.attention.head_dim, rotated = std::max<std::int64_t>(2, head / 4 * 2);
    layer.attention.latent = LatentAttention{latent_query.value_or(0), *latent, head, rotated, head};
    layer.attention.head_dim = layer.attention.rotary_dims = 0;
  }
  const bool gated = mlp == "swiglu";
  const Mlp feed{mlp_width.value_or(gated ? (8 * width / 3 + 15) / 16 * 16 : 4 * width), gated,
                 gated ? Activation::Silu : Activation::Gelu, false};
  layer.wiring = wiring == "pre"        ? Wiring::PreNorm
                 : wiring == "post"     ? Wiring::PostNorm
                 : wiring == "parallel" ? Wiring::Parallel
                                        : Wiring::DenseHybrid;
  if (layer.wiring == Wiring::DenseHybrid && !experts)
    throw Error(Fault::Usage, "--wiring dense-hybrid needs --experts");
  if (experts) {
    MixtureOfExperts mixture;
    mixture.experts = *experts;
    mixture.per_token = experts_per_token.value_or(2);
    mixture.expert = feed;
    if (mixture.per_token > mixture.experts) throw Error(Fault::Usage, "--experts-per-token is more than --experts");
    layer.experts = mixture;
  }
  if (!experts || layer.wiring == Wiring::DenseHybrid) layer.mlp = feed;
  a.layers.assign(static_cast<std::size_t>(layers), layer);
  check(a);
  return a;
}

}  // namespace isoflop::app
