// Building blocks of forward(): appends tensors and operations to a program. Internal to the library.
#pragma once
#include <initializer_list>
#include <string>

#include "isoflop/model/program.h"

namespace isoflop::wiring {

class Builder {
 public:
  Builder(const Architecture& architecture, const Step& step);

  /// Layer index and multiplicity of all that is added from here on.
  void enter_layer(int layer, std::int64_t times);
  void enter_layer_as(Part part, int layer, std::int64_t times);  ///< as above; weights all count as `part`
  void leave_layer();

  int activation(const std::string& name, std::int64_t rows, std::int64_t width);
  int tensor(const std::string& name, TensorKind kind, Part part, std::vector<std::int64_t> shape);
  int weight(const std::string& name, Part part, std::vector<std::int64_t> shape, std::int64_t experts = 1,
             std::int64_t experts_used = 1);
  void op(const std::string& name, Part part, OpDetail detail, std::vector<int> inputs, std::vector<int> weights,
          std::vector<int> outputs, std::vector<int> saved);

  /// y = x w^T [+ b], weight made here.
  int matmul(const std::string& name, Part part, int x, std::int64_t columns, bool bias, Split split);
  /// As matmul with the columns dealt to several outputs (name, width).
  std::vector<int> matmul_split(const std::string& name, Part part, int x,
                                const std::vector<std::pair<std::string, std::int64_t>>& outputs, bool bias,
                                Split split);
  int norm(const std::string& name, Part part, int x, NormStyle style);
  int head_norm(const std::string& name, int x, std::int64_t heads, std::int64_t head_dim, QkNorm style,
                NormStyle norm);
  int add(const std::string& name, const std::vector<int>& operands);

  /// Rows routed to experts: what a router found and the sorted copies of x.
  struct Routed {
    int weights, chosen, rows;
  };
  Routed route(const std::string& name, int x, const MixtureOfExperts& experts);
  /// Product of sorted rows with per-expert matrices, columns dealt to the outputs.
  std::vector<int> grouped(const std::string& name, int x, int chosen,
                           const std::vector<std::pair<std::string, std::int64_t>>& outputs, std::int64_t experts,
                           std::int64_t per_token, bool bias, Split split);
  int combine(const std::string& name, Part part, int x, const Routed& routed, std::int64_t per_token, bool bias);

  int attention(int x, const Attention& attention);
  int mlp(const std::string& name, Part part, int x, const Mlp& mlp);
  int mixture(int x, const MixtureOfExperts& experts);
  int layer(int x, const Layer& layer);

  std::int64_t width_of(int tensor) const { return program.tensors[static_cast<std::size_t>(tensor)].shape.back(); }
  std::int64_t rows_of(int tensor) const { return program.tensors[static_cast<std::size_t>(tensor)].shape.front(); }

  const Architecture& architecture;
  const Step& step;
  Program program;

 private:
  int latent_attention(int x, const Attention& attention);
  AttentionCore core_of(const Attention& attention, std::int64_t kv_heads, std::int64_t key_dim,
                        std::int64_t value_dim) const;
  int finish_core(const std::string& name, AttentionCore core, std::vector<int> inputs, const Attention& attention);

  std::string prefix_;
  int layer_ = -1;
  std::int64_t times_ = 1;
  bool recast_ = false;
  Part recast_part_ = Part::Residual;
};

}  // namespace isoflop::wiring
