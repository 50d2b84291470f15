#include "isoflop/import/tensor_file.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <tuple>

#include "isoflop/error.h"
#include "isoflop/import/tensor_checks.h"
#include "isoflop/sha256.h"

namespace isoflop {
namespace {

template <typename Value>
std::int64_t sum(const std::vector<StoredTensor>& tensors, const Value& value) {
  std::int64_t total = 0;
  for (const StoredTensor& t : tensors) total += value(t);
  return total;
}

struct OpenFile {
  explicit OpenFile(const std::string& path) : path_(path), file_(std::fopen(path.c_str(), "rb"), &std::fclose) {
    if (!file_) fail("cannot be opened");
    if (::fseeko(file_.get(), 0, SEEK_END) != 0)
      fail("cannot be measured (a weight file is read from disk, not from a pipe)");
    size_ = static_cast<std::int64_t>(::ftello(file_.get()));
    if (size_ < 0 || ::fseeko(file_.get(), 0, SEEK_SET) != 0) fail("cannot be measured");
  }
  std::int64_t size() const { return size_; }
  /// The first `most` bytes, or all of them.
  std::string start(std::int64_t most) const {
    std::string bytes(static_cast<std::size_t>(std::min(most, size_)), '\0');
    ::rewind(file_.get());
    const std::size_t got = std::fread(bytes.data(), 1, bytes.size(), file_.get());
    if (got != bytes.size()) fail("cannot be read");
    return bytes;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(Fault::CannotRun, path_ + ": " + what + (errno ? std::string(": ") + std::strerror(errno) : ""));
  }
  std::string path_;
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  std::int64_t size_ = 0;
};

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

std::int64_t TensorFile::parameters() const {
  return sum(tensors, [](const StoredTensor& t) { return t.is_parameter ? t.elements : 0; });
}
std::int64_t TensorFile::other_elements() const {
  return sum(tensors, [](const StoredTensor& t) { return t.is_parameter ? 0 : t.elements; });
}
std::int64_t TensorFile::tensor_bytes() const {
  return sum(tensors, [](const StoredTensor& t) { return t.bytes; });
}

bool is_tensor_file(std::string_view path) { return ends_with(path, ".safetensors") || ends_with(path, ".gguf"); }

TensorFile read_tensor_file(const std::string& path, bool only_header) {
  errno = 0;
  const OpenFile file(path);
  const std::string first = file.start(8);
  if (first.substr(0, 4) == "GGUF") return parse_gguf(file.start(longest_gguf_header), file.size(), path, only_header);
  const std::int64_t header = safetensors_header_bytes(first, path);
  return parse_safetensors(file.start(8 + header), file.size(), path, only_header);
}

std::vector<TensorGroup> tensor_groups(const std::vector<TensorFile>& files) {
  std::vector<TensorGroup> groups;
  std::map<std::tuple<std::string, std::string, std::vector<std::int64_t>>, std::size_t> place;
  for (const TensorFile& file : files)
    for (const StoredTensor& t : file.tensors) {
      std::string pattern;
      for (std::size_t i = 0; i < t.name.size();) {
        const std::size_t end = std::min(t.name.find('.', i), t.name.size());
        const std::string part = t.name.substr(i, end - i);
        const bool number = !part.empty() && part.find_first_not_of("0123456789") == std::string::npos;
        pattern += (number ? "*" : part) + (end < t.name.size() ? "." : "");
        i = end + 1;
      }
      const auto [found, is_new] = place.emplace(std::tuple(pattern, t.format, t.shape), groups.size());
      if (is_new) groups.push_back({pattern, t.format, t.shape, 0, 0, 0, t.is_parameter});
      TensorGroup& group = groups[found->second];
      ++group.count;
      group.elements += t.elements;
      group.bytes += t.bytes;
    }
  return groups;
}

}  // namespace isoflop
