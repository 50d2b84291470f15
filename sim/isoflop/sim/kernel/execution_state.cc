#include "isoflop/sim/kernel/execution_state.h"

#include <cmath>

#include "isoflop/error.h"

namespace isoflop::sim {
namespace {

std::size_t index(int i) { return static_cast<std::size_t>(i); }

std::size_t rounded_stride(std::size_t width) { return width < 16 ? width : (width + 15) / 16 * 16; }

bool outputs_lie_side_by_side(const Op& op) {
  return std::holds_alternative<MatMul>(op.detail) || std::holds_alternative<GroupedMatMul>(op.detail);
}

}  // namespace

Execution::State::State(Program given, const WeightLayout& given_layout, Precision given_precision)
    : program(std::move(given)), layout(given_layout), precision(given_precision) {
  place.resize(program.tensors.size());
  whole.resize(program.tensors.size());
  order.resize(program.tensors.size());
  touched.assign(program.tensors.size(), false);
  norm_statistics.resize(program.ops.size());
  const auto alone = weights_of_one_product(program);
  for (const auto& at : layout.places()) of_one_product.push_back(alone.count(at.name) > 0);
  std::size_t all = 0;
  const auto add_buffer = [&](std::size_t rows, std::size_t width) {
    const std::size_t stride = rounded_stride(width), count = rounded_stride(rows * stride + 16);
    buffers.push_back({rows, stride, all, count});
    all += count;
    return static_cast<int>(buffers.size()) - 1;
  };
  for (const Op& op : program.ops) {
    if (outputs_lie_side_by_side(op)) {
      std::size_t width = 0, rows = 0;
      for (int t : op.outputs) {
        rows = static_cast<std::size_t>(program.tensors[index(t)].shape[0]);
        width += static_cast<std::size_t>(program.tensors[index(t)].shape[1]);
      }
      const int buffer = add_buffer(rows, width);
      std::size_t column = 0;
      for (int t : op.outputs) {
        place[index(t)] = {buffer, column};
        column += static_cast<std::size_t>(program.tensors[index(t)].shape[1]);
      }
    }
    if (op.part == Part::Head && std::holds_alternative<MatMul>(op.detail)) logits_tensor = op.outputs[0];
  }
  for (std::size_t t = 0; t < program.tensors.size(); ++t) {
    const Tensor& tensor = program.tensors[t];
    if (tensor.kind == TensorKind::Selection) whole[t].resize(static_cast<std::size_t>(tensor.elements()));
    const bool floats = tensor.kind == TensorKind::Activation || tensor.kind == TensorKind::Statistic ||
                        tensor.kind == TensorKind::KvCache;
    if (!floats || place[t].buffer >= 0) continue;
    const std::size_t rows = static_cast<std::size_t>(tensor.shape[0]);
    place[t] = {add_buffer(rows, tensor.shape.size() > 1 ? static_cast<std::size_t>(tensor.shape[1]) : 1), 0};
  }
  activations.resize(all);
  gradient.resize(buffers.size());
}

void Execution::State::use(Crew& others) {
  crew = &others;
  own.resize(std::max(own.size(), others.size()));
}

View Execution::State::view(int tensor) {
  const Place& at = place[index(tensor)];
  const Buffer& buffer = buffers[index(at.buffer)];
  const auto& shape = program.tensors[index(tensor)].shape;
  return {activations.data() + buffer.first + at.column, buffer.rows,
          shape.size() > 1 ? static_cast<std::size_t>(shape[1]) : 1, buffer.stride};
}

View Execution::State::gradient_view(int tensor, bool overwrites) {
  const Place& at = place[index(tensor)];
  const Buffer& buffer = buffers[index(at.buffer)];
  auto& values = gradient[index(at.buffer)];
  if (values.empty()) {
    const auto found = spare.find(buffer.count);
    if (found != spare.end()) {
      values = std::move(found->second);
      spare.erase(found);
    } else {
      values.resize(buffer.count);
    }
  }
  const auto& shape = program.tensors[index(tensor)].shape;
  const View result{values.data() + at.column, buffer.rows, shape.size() > 1 ? static_cast<std::size_t>(shape[1]) : 1,
                    buffer.stride};
  if (!touched[index(tensor)]) {
    touched[index(tensor)] = true;
    if (!overwrites) result.fill(0);
  }
  return result;
}

View Execution::State::joint_view(const Op& op) {
  View all = view(op.outputs[0]);
  for (std::size_t i = 1; i < op.outputs.size(); ++i) all.width += view(op.outputs[i]).width;
  return all;
}

View Execution::State::joint_gradient(const Op& op) {
  View all = gradient_view(op.outputs[0]);
  for (std::size_t i = 1; i < op.outputs.size(); ++i) all.width += gradient_view(op.outputs[i]).width;
  return all;
}

void Execution::State::release_gradients(const Op& op) {
  for (int t : op.outputs) {
    if (place[index(t)].buffer < 0) continue;
    touched[index(t)] = false;
    auto& values = gradient[index(place[index(t)].buffer)];
    if (!values.empty()) {
      const std::size_t size = values.size();
      spare.emplace(size, std::move(values));
      values = {};
    }
  }
}

std::size_t Execution::State::weight_index(const Op& op, std::size_t i) const {
  return layout.index_of(program.tensors[index(op.weights[i])]);
}
const float* Execution::State::weight(const Op& op, std::size_t i) const {
  return weights + layout.places()[weight_index(op, i)].offset;
}
float* Execution::State::weight_gradient(const Op& op, std::size_t i) {
  return gradients + layout.places()[weight_index(op, i)].offset;
}

void Execution::State::prepare_rotation(const Rotate& op, std::size_t positions) {
  if (op.rotated == rotary_width && positions <= rotary_positions) return;
  const std::size_t known = op.rotated == rotary_width ? rotary_positions : 0;
  rotary_width = op.rotated;
  rotary_positions = positions;
  const auto half = static_cast<std::size_t>(op.rotated / 2);
  cosines.resize(positions * half);
  sines.resize(positions * half);
  for (std::size_t p = known; p < positions; ++p)
    for (std::size_t i = 0; i < half; ++i) {
      // Base 10000 (Su et al. 2021, arXiv:2104.09864).
      const double angle =
          static_cast<double>(p) * std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(op.rotated));
      cosines[p * half + i] = static_cast<float>(std::cos(angle));
      sines[p * half + i] = static_cast<float>(std::sin(angle));
    }
}

}  // namespace isoflop::sim
