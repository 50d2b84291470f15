// Memory of one execution: where each tensor's rows are, and gradient buffers while needed. Private to the kernel.
#pragma once
#include <map>
#include <optional>

#include "isoflop/sim/kernel/execution.h"

namespace isoflop::sim {

struct Execution::State {
  State(Program given, const WeightLayout& given_layout, Precision given_precision);

  Program program;
  const WeightLayout& layout;
  Precision precision;

  // Tensors computed by one product share a buffer, side by side.
  struct Place {
    int buffer = -1;
    std::size_t column = 0;
  };
  struct Buffer {
    std::size_t rows = 0, stride = 0;
    std::size_t first = 0, count = 0;   ///< floats of `activations`
  };
  std::vector<Place> place;             ///< per tensor; buffer -1: no floats (token ids, weights)
  std::vector<Buffer> buffers;
  LargeArray<float> activations;        ///< one array: neighbours share large pages
  std::vector<std::vector<std::int64_t>> whole;  ///< per tensor: chosen experts
  std::vector<std::vector<float>> norm_statistics;  ///< per op: 1/rms, or mean and 1/sd, per row and group
  std::vector<ExpertOrder> order;       ///< per tensor of chosen experts
  std::vector<float> cosines, sines;    ///< rotary tables, rows x half, of the last rotated width
  std::int64_t rotary_width = 0;
  std::size_t rotary_positions = 0;
  const float* weights = nullptr;
  const PackedWeights* packed = nullptr;
  const StreamedWeights* streamed = nullptr;
  Crew* crew = nullptr;
  std::optional<std::size_t> context;   ///< overrides the step's, up to it
  const std::int32_t* ids = nullptr;
  const std::int32_t* targets = nullptr;
  float* gradients = nullptr;
  std::vector<bool> of_one_product;     ///< per weight of the layout
  OpSeconds* seconds = nullptr;         ///< where times are added up, if anywhere
  double loss = 0;
  int logits_tensor = -1;
  struct Own {
    PackBuffers pack;
    AttentionScratch scratch;
  };
  std::vector<Own> own = std::vector<Own>(1);  ///< scratch memory of each thread of the crew

  // Gradients of activations: a buffer from the first contribution until its producer has been passed.
  std::vector<LargeArray<float>> gradient;          ///< per buffer
  std::vector<bool> touched;                        ///< per tensor
  std::multimap<std::size_t, LargeArray<float>> spare;

  void use(Crew& others);
  View view(int tensor);
  /// Gradient rows of a tensor; zero-filled at first touch unless the caller overwrites them all.
  View gradient_view(int tensor, bool overwrites = false);
  bool has_gradient(int tensor) const { return touched[static_cast<std::size_t>(tensor)]; }
  /// The outputs of an op side by side.
  View joint_view(const Op& op);
  View joint_gradient(const Op& op);
  void release_gradients(const Op& op);
  const float* weight(const Op& op, std::size_t i) const;
  float* weight_gradient(const Op& op, std::size_t i);
  std::size_t weight_index(const Op& op, std::size_t i) const;
  void prepare_rotation(const Rotate& op, std::size_t positions);
};

}  // namespace isoflop::sim
