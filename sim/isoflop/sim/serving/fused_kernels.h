// Which operations of a model's list a well-made engine runs inside a neighbour's kernel or message.
//
// Within: the neighbour's measured kernel does it. The expert kernels sort tokens, apply the activation and combine.
// Joined: its bytes move, but nothing is launched for it: a residual sum joins the norm beside it (fused add and norm),
//         a second rotation of the same layer joins the first.
// One all-reduce serves all row-split products whose outputs end in the same sum: it adds up partial sums, so it may
// come after them. So routed and shared experts, Arctic's dense residual, attention and MLP side by side cost one.
// As vLLM, TensorRT-LLM and SGLang do (their sources); an engine that does less is slower than the closed form.
#pragma once
#include <vector>

#include "isoflop/model/program.h"

namespace isoflop::sim {

/// How an operation is launched.
enum class Launch { Own, Joined, Within };

struct Fusion {  ///< Of one operation.
  Launch launch = Launch::Own;
  bool all_reduced_later = false;  ///< a later operation's all-reduce serves this row-split product too
};

/// One entry per operation of the program.
std::vector<Fusion> fusions(const Program& program);

}  // namespace isoflop::sim
