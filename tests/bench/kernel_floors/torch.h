// PyTorch at the same training step, for comparison side by side.
#pragma once
#include <sys/types.h>

#include <cstdio>
#include <optional>
#include <string>

namespace isoflop::sim {

/// A Python process that does one step per line it reads.
class Torch {
 public:
  Torch(const std::string& arguments, const std::string& wait_policy);
  ~Torch();
  Torch(const Torch&) = delete;
  Torch& operator=(const Torch&) = delete;
  /// Empty: PyTorch is not there.
  const std::string& version() const { return version_; }
  /// Seconds of `steps` steps; nothing when the process has ended.
  std::optional<double> steps(int steps);

 private:
  pid_t child_ = -1;
  std::FILE *in_ = nullptr, *out_ = nullptr;
  std::string version_;
};

/// How PyTorch's threads wait where they are faster: "PASSIVE" or "ACTIVE"; empty where there is no PyTorch.
std::string better_wait_policy(int threads);

}  // namespace isoflop::sim
