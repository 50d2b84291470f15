// The tensors that a weight file says it holds, read from its header alone: names, shapes, formats, places. Weights are
// neither read nor allocated. What is counted: an element of a floating-point tensor, or of a block-quantised one, is a
// parameter; scales and zero points of quantisation and tensors of whole numbers are storage, counted apart.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace isoflop {

struct StoredTensor {  ///< A tensor as a header states it.
  std::string name;
  std::string format;               ///< "BF16", "Q4_K"
  std::vector<std::int64_t> shape;  ///< outermost first
  std::int64_t elements = 0;
  std::int64_t bytes = 0;
  std::int64_t offset = 0;          ///< from the start of the data
  bool is_parameter = true;         ///< else whole numbers or quantisation data
};

struct TensorFile {
  std::string name;    ///< what errors call the file
  std::string kind;    ///< "safetensors" or "GGUF 3"
  std::vector<StoredTensor> tensors;
  std::vector<std::pair<std::string, std::string>> metadata;  ///< texts and numbers; of lists only their length
  std::int64_t header_bytes = 0, file_bytes = 0;
  std::string header_sha256;

  std::int64_t parameters() const;       ///< elements of tensors that are parameters
  std::int64_t other_elements() const;
  std::int64_t tensor_bytes() const;
};

/// No header may be longer; what is held in memory is at most a small multiple of the header's own bytes.
inline constexpr std::int64_t longest_safetensors_header = 100'000'000;  ///< limit of the format
inline constexpr std::int64_t longest_gguf_header = 128 << 20;           ///< ours: vocabularies take 5 to 20 MB
inline constexpr std::size_t most_kept_metadata = 4096;                  ///< further entries are checked and dropped

/// Reads by what the file starts with. `only_header`: the file may end after the header, as one fetched in part does.
/// Throws Error: CannotRun when it cannot be opened, BadInput with the byte offset, what was read and what was
/// expected.
TensorFile read_tensor_file(const std::string& path, bool only_header = false);

/// The same from bytes that hold at least the header; `file_bytes` is the length of the whole file.
TensorFile parse_safetensors(std::string_view bytes, std::int64_t file_bytes, const std::string& name,
                             bool only_header = false);
TensorFile parse_gguf(std::string_view bytes, std::int64_t file_bytes, const std::string& name,
                      bool only_header = false);

/// Whether a file of that name is one of weights: .safetensors or .gguf.
bool is_tensor_file(std::string_view path);

/// Same tensors of all layers and experts as one row: "model.layers.*.mlp.up_proj.weight".
struct TensorGroup {
  std::string pattern;
  std::string format;
  std::vector<std::int64_t> shape;  ///< of the first
  std::int64_t count = 0, elements = 0, bytes = 0;
  bool is_parameter = true;
};
/// In order of first appearance.
std::vector<TensorGroup> tensor_groups(const std::vector<TensorFile>& files);

}  // namespace isoflop
