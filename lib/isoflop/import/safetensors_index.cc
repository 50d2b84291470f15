#include "isoflop/import/safetensors_index.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>

#include "isoflop/error.h"
#include "isoflop/report/value.h"
#include "isoflop/sha256.h"

namespace isoflop {
namespace {

namespace fs = std::filesystem;

std::string shortened(const std::string& text) { return text.size() <= 200 ? text : text.substr(0, 200) + "..."; }

std::string index_text(const std::string& path) {
  std::error_code problem;
  const auto size = fs::file_size(path, problem);
  if (problem) throw Error(Fault::CannotRun, path + ": cannot be opened: " + problem.message());
  if (size > static_cast<std::uintmax_t>(longest_safetensors_index))
    throw Error(Fault::BadInput, fmt::format("{}: {} bytes; an index of shards may have {}", path, size,
                                             longest_safetensors_index));
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<std::size_t>(size), '\0');
  if (!file.read(text.data(), static_cast<std::streamsize>(size)))
    throw Error(Fault::CannotRun, path + ": cannot be read");
  return text;
}

// A plain name of a file beside the index: no folder, so that an index cannot make us open what lies elsewhere.
bool is_plain_shard_name(const std::string& shard) {
  return shard.size() <= 255 && shard.ends_with(".safetensors") && shard.find('/') == std::string::npos &&
         shard.find('\\') == std::string::npos && shard.find('\0') == std::string::npos;
}

void refuse_missing(const SafetensorsIndex& index, const fs::path& folder, const std::string& index_path) {
  constexpr std::size_t most_listed = 5;
  std::string names;
  std::size_t missing = 0;
  for (const std::string& shard : index.shards) {
    std::error_code problem;
    if (fs::is_regular_file(folder / shard, problem)) continue;
    if (++missing <= most_listed) names += (names.empty() ? "" : ", ") + shard;
  }
  if (missing == 0) return;
  if (missing > most_listed) names += fmt::format(" and {} more", missing - most_listed);
  throw Error(Fault::CannotRun,
              fmt::format("{}: {} of {} shards are not beside it: {}", index_path, missing, index.shards.size(),
                          names));
}

// Both directions: every tensor of a shard is named by the index, and as many are found as the index names.
void check_shard(const SafetensorsIndex& index, std::size_t place, const TensorFile& file, std::size_t& found) {
  for (const StoredTensor& tensor : file.tensors) {
    const auto named = index.shard_of.find(tensor.name);
    if (named == index.shard_of.end())
      throw Error(Fault::BadInput,
                  fmt::format("{}: tensor \"{}\" is not in the index", file.name, shortened(tensor.name)));
    if (named->second != place)
      throw Error(Fault::BadInput, fmt::format("{}: tensor \"{}\" stands here; the index places it in {}", file.name,
                                               shortened(tensor.name), index.shards[named->second]));
    ++found;
  }
}

}  // namespace

bool is_safetensors_index(std::string_view path) { return path.ends_with(".safetensors.index.json"); }

SafetensorsIndex parse_safetensors_index(std::string_view text, const std::string& name) {
  const Value root = parse_json(text, name);
  const Value* map = root.find("weight_map");
  if (!map || !map->is_object())
    throw Error(Fault::BadInput, name + ": no object \"weight_map\"; expected tensor names with the file of each");
  SafetensorsIndex index;
  std::map<std::string, std::size_t> place;
  for (const auto& [tensor, shard] : map->members()) {
    if (!shard.is_text() || !is_plain_shard_name(shard.text()))
      throw Error(Fault::BadInput,
                  fmt::format("{}: tensor \"{}\": {}; expected the name of a .safetensors file beside the index", name,
                              shortened(tensor), shard.is_text() ? "\"" + shortened(shard.text()) + "\"" : "no text"));
    const auto [at, is_new] = place.emplace(shard.text(), index.shards.size());
    if (is_new) {
      if (index.shards.size() == most_shards)
        throw Error(Fault::BadInput, fmt::format("{}: more than {} shards", name, most_shards));
      index.shards.push_back(shard.text());
    }
    index.shard_of[tensor] = at->second;
  }
  if (index.shards.empty()) throw Error(Fault::BadInput, name + ": \"weight_map\" names no tensor");
  if (const Value* metadata = root.find("metadata"))
    if (const Value* total = metadata->find("total_size")) {
      const auto* whole = std::get_if<std::int64_t>(&total->content());
      const auto* real = std::get_if<double>(&total->content());
      // Some writers print the size as 1.6e10; beyond 2^62 it is the size of nothing.
      if (real && *real >= 0 && *real < 4.6e18) index.total_bytes = static_cast<std::int64_t>(*real);
      else if (whole && *whole >= 0) index.total_bytes = *whole;
      else throw Error(Fault::BadInput, name + ": \"total_size\" is no number of bytes");
    }
  return index;
}

ShardedCheckpoint read_sharded_safetensors(const std::string& index_path, bool only_header) {
  ShardedCheckpoint checkpoint;
  const std::string text = index_text(index_path);
  const SafetensorsIndex index = parse_safetensors_index(text, index_path);
  checkpoint.index_sha256 = sha256_hex(text);
  const fs::path folder = fs::path(index_path).parent_path();
  refuse_missing(index, folder, index_path);
  std::size_t found = 0;
  std::int64_t bytes = 0;
  for (std::size_t i = 0; i < index.shards.size(); ++i) {
    checkpoint.files.push_back(read_tensor_file((folder / index.shards[i]).string(), only_header));
    check_shard(index, i, checkpoint.files.back(), found);
    bytes += checkpoint.files.back().tensor_bytes();
  }
  if (found < index.shard_of.size()) {
    std::map<std::string, std::size_t> left = index.shard_of;
    for (const TensorFile& file : checkpoint.files)
      for (const StoredTensor& tensor : file.tensors) left.erase(tensor.name);
    throw Error(Fault::BadInput, fmt::format("{}: tensor \"{}\" is not in {}; {} tensors are missing from their shards",
                                             index_path, shortened(left.begin()->first),
                                             index.shards[left.begin()->second], left.size()));
  }
  if (index.total_bytes && *index.total_bytes != bytes)
    checkpoint.remark = fmt::format("the index states {} bytes in all, the tensors have {}", *index.total_bytes, bytes);
  return checkpoint;
}

}  // namespace isoflop
