#include "isoflop/sim/serving/fused_kernels.h"

#include <map>
#include <variant>

namespace isoflop::sim {
namespace {

bool splits_rows(const Op& op) {
  if (const auto* product = std::get_if<MatMul>(&op.detail)) return product->split == Split::Rows;
  if (const auto* product = std::get_if<GroupedMatMul>(&op.detail)) return product->split == Split::Rows;
  return false;
}

template <class Detail>
bool is(const Op& op) {
  return std::holds_alternative<Detail>(op.detail);
}

Launch launch_of(const Program& program, std::size_t at) {
  const Op& op = program.ops[at];
  if (is<Dispatch>(op) || is<Combine>(op) || (is<Activate>(op) && op.part == Part::Expert)) return Launch::Within;
  if (is<Add>(op) && op.part == Part::Residual) return Launch::Joined;
  if (at > 0 && is<Rotate>(op) && is<Rotate>(program.ops[at - 1])) return Launch::Joined;
  return Launch::Own;
}

/// The sum in which an operation's output ends while it is still a partial sum; -1 for none.
int sum_after(const Program& program, const std::map<int, std::size_t>& consumer, const Op& op) {
  int tensor = op.outputs.front();
  for (auto next = consumer.find(tensor); next != consumer.end(); next = consumer.find(tensor)) {
    const Op& user = program.ops[next->second];
    if (is<Add>(user)) return static_cast<int>(next->second);
    if (!is<Combine>(user) && !is<GateScale>(user)) return -1;
    tensor = user.outputs.front();
  }
  return -1;
}

}  // namespace

std::vector<Fusion> fusions(const Program& program) {
  std::map<int, std::size_t> consumer;  // the first that reads a tensor
  for (std::size_t at = 0; at < program.ops.size(); ++at)
    for (const int tensor : program.ops[at].inputs) consumer.try_emplace(tensor, at);
  std::vector<Fusion> result(program.ops.size());
  std::map<int, std::size_t> last_into_sum;
  for (std::size_t at = 0; at < program.ops.size(); ++at) {
    result[at].launch = launch_of(program, at);
    if (!splits_rows(program.ops[at])) continue;
    const int sum = sum_after(program, consumer, program.ops[at]);
    if (sum < 0) continue;
    const auto [earlier, fresh] = last_into_sum.try_emplace(sum, at);
    if (fresh) continue;
    result[earlier->second].all_reduced_later = true;
    earlier->second = at;
  }
  return result;
}

}  // namespace isoflop::sim
