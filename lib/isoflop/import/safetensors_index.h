// A checkpoint cut into shards: model.safetensors.index.json beside them says which tensor is in which file,
//   {"metadata": {"total_size": BYTES}, "weight_map": {"lm_head.weight": "model-00004-of-00004.safetensors", ...}}
// Only the index and the shards' headers are read. Source of the layout: the files that Hugging Face transformers
// writes (save_pretrained), github.com/huggingface/transformers.
#pragma once
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "isoflop/import/tensor_file.h"

namespace isoflop {

/// What an index says, as it stands there.
struct SafetensorsIndex {
  std::vector<std::string> shards;                 ///< file names in order of first mention, each once
  std::map<std::string, std::size_t> shard_of;     ///< tensor name to the place in `shards`
  std::optional<std::int64_t> total_bytes;         ///< metadata.total_size
};

inline constexpr std::int64_t longest_safetensors_index = 64 << 20;  ///< ours: that of DeepSeek-V3 takes 9 MB
inline constexpr std::size_t most_shards = 4096;                     ///< ours

/// Whether a file of that name is an index: it ends in .safetensors.index.json.
bool is_safetensors_index(std::string_view path);

/// Throws Error (BadInput): not JSON, no weight_map, a shard outside the index's own folder, more than `most_shards`
/// shards. Of a tensor that is named twice the last place counts, as in JSON.
SafetensorsIndex parse_safetensors_index(std::string_view text, const std::string& name);

/// An index and the headers of all its shards, which together hold exactly the tensors that the index names.
struct ShardedCheckpoint {
  std::vector<TensorFile> files;  ///< in the order of SafetensorsIndex::shards
  std::string index_sha256;
  std::string remark;             ///< where the stated total size is not that of the tensors; else empty
};

/// Shards are looked for beside the index. At most one shard's header and the index's text are held at a time, beside
/// the list of tensors. Throws Error: CannotRun naming the shards that are missing, BadInput for what a shard's header
/// has wrong and for a tensor that its shard lacks or that the index does not name.
ShardedCheckpoint read_sharded_safetensors(const std::string& index_path, bool only_header = false);

}  // namespace isoflop
