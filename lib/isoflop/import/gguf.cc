// GGUF 2 and 3, little-endian: "GGUF", version, numbers of tensors and of metadata; the metadata (key, type, value);
// per tensor name, dimensions (innermost first), type, offset into the data; the data, aligned. Source: ggml,
// docs/gguf.md. Block sizes of the quantised types: ggml, block_* structures (ggml-common.h).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "isoflop/error.h"
#include "isoflop/import/tensor_checks.h"
#include "isoflop/sha256.h"

namespace isoflop {
namespace {

/// `elements` weights are stored in `bytes` bytes.
struct BlockType {
  std::uint32_t number;
  std::string_view name;
  int elements, bytes;
  bool whole_numbers;
};
constexpr std::array<BlockType, 33> block_types = {{
    {0, "F32", 1, 4, false},         {1, "F16", 1, 2, false},         {2, "Q4_0", 32, 18, false},
    {3, "Q4_1", 32, 20, false},      {6, "Q5_0", 32, 22, false},      {7, "Q5_1", 32, 24, false},
    {8, "Q8_0", 32, 34, false},      {9, "Q8_1", 32, 36, false},      {10, "Q2_K", 256, 84, false},
    {11, "Q3_K", 256, 110, false},   {12, "Q4_K", 256, 144, false},   {13, "Q5_K", 256, 176, false},
    {14, "Q6_K", 256, 210, false},   {15, "Q8_K", 256, 292, false},   {16, "IQ2_XXS", 256, 66, false},
    {17, "IQ2_XS", 256, 74, false},  {18, "IQ3_XXS", 256, 98, false}, {19, "IQ1_S", 256, 50, false},
    {20, "IQ4_NL", 32, 18, false},   {21, "IQ3_S", 256, 110, false},  {22, "IQ2_S", 256, 82, false},
    {23, "IQ4_XS", 256, 136, false}, {24, "I8", 1, 1, true},          {25, "I16", 1, 2, true},
    {26, "I32", 1, 4, true},         {27, "I64", 1, 8, true},         {28, "F64", 1, 8, false},
    {29, "IQ1_M", 256, 56, false},   {30, "BF16", 1, 2, false},       {34, "TQ1_0", 256, 54, false},
    {35, "TQ2_0", 256, 66, false},   {39, "MXFP4", 32, 17, false},    {40, "NVFP4", 64, 36, false},
}};

constexpr std::uint32_t text_type = 8, list_type = 9;
constexpr std::array<int, 13> value_bytes = {1, 1, 2, 2, 4, 4, 4,
                                             1, 8, 9, 8, 8, 8};  // a text or list is at least its length
constexpr std::size_t longest_kept_text = 4096;

class Reader {
 public:
  Reader(std::string_view bytes, std::int64_t file_bytes, const std::string& name)
      : bytes_(bytes), file_bytes_(file_bytes), name_(name) {}

  std::size_t position() const { return at_; }
  std::uint64_t left() const { return bytes_.size() - at_; }
  [[noreturn]] void reject(std::size_t where, const std::string& problem) const {
    throw Error(Fault::BadInput, fmt::format("{}: byte {}: {}", name_, where, problem));
  }

  template <typename T>
  T number(const char* what) {
    need(sizeof(T), what);
    T value;
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  std::string_view text(const char* what) {
    const std::size_t start = at_;
    const auto length = number<std::uint64_t>(what);
    if (length > left()) {
      if (length > static_cast<std::uint64_t>(file_bytes_))
        reject(start, fmt::format("{} of {} bytes; the file has {}", what, length, file_bytes_));
      need(length, what);
    }
    const std::string_view value = bytes_.substr(at_, static_cast<std::size_t>(length));
    at_ += static_cast<std::size_t>(length);
    return value;
  }
  /// Refuses a count of things that take at least `least` bytes each when not so many bytes are left.
  void check_count(std::size_t where, std::uint64_t count, std::uint64_t least, const char* what) const {
    if (count > left() / least)
      reject(where,
             fmt::format("{} {}; the {} bytes that are left hold at most {}", count, what, left(), left() / least));
  }
  void skip(std::uint64_t count, const char* what) {
    need(count, what);
    at_ += static_cast<std::size_t>(count);
  }

 private:
  void need(std::uint64_t count, const char* what) const {
    if (count <= left()) return;
    if (static_cast<std::int64_t>(bytes_.size()) < file_bytes_)
      reject(at_, fmt::format("the header is longer than {} bytes, which no model needs", bytes_.size()));
    reject(at_, fmt::format("the file ends inside {}: {} bytes expected, {} left", what, count, left()));
  }
  std::string_view bytes_;
  std::int64_t file_bytes_;
  std::string name_;
  std::size_t at_ = 0;
};

std::string shown(std::string_view text) {
  std::string result(text.substr(0, longest_kept_text));
  return text.size() > longest_kept_text ? result + "..." : result;
}

// Texts and numbers as text; of a list its length.
std::string read_value(Reader& r, std::uint32_t type, std::size_t where) {
  switch (type) {
    case 0: return std::to_string(r.number<std::uint8_t>("a value"));
    case 1: return std::to_string(r.number<std::int8_t>("a value"));
    case 2: return std::to_string(r.number<std::uint16_t>("a value"));
    case 3: return std::to_string(r.number<std::int16_t>("a value"));
    case 4: return std::to_string(r.number<std::uint32_t>("a value"));
    case 5: return std::to_string(r.number<std::int32_t>("a value"));
    case 6: return fmt::format("{}", r.number<float>("a value"));
    case 7: return r.number<std::uint8_t>("a value") ? "true" : "false";
    case text_type: return shown(r.text("a text"));
    case 10: return std::to_string(r.number<std::uint64_t>("a value"));
    case 11: return std::to_string(r.number<std::int64_t>("a value"));
    case 12: return fmt::format("{}", r.number<double>("a value"));
    case list_type: {
      const auto item = r.number<std::uint32_t>("the type of a list");
      if (item >= value_bytes.size() || item == list_type)
        r.reject(where, fmt::format("a list of type {}; expected 0 to 12, not lists of lists", item));
      const std::size_t count_at = r.position();
      const auto count = r.number<std::uint64_t>("the length of a list");
      r.check_count(count_at, count, static_cast<std::uint64_t>(value_bytes[item]), "list items");
      if (item == text_type)
        for (std::uint64_t i = 0; i < count; ++i) r.text("a text");
      else
        r.skip(count * static_cast<std::uint64_t>(value_bytes[item]), "a list");
      return fmt::format("list of {}", count);
    }
    default: r.reject(where, fmt::format("metadata of type {}; expected 0 to 12", type));
  }
}

StoredTensor read_tensor(Reader& r, std::uint64_t alignment) {
  StoredTensor t;
  const std::size_t where = r.position();
  const std::string_view name = r.text("a tensor's name");
  if (name.empty() || name.size() > 1024)
    r.reject(where, fmt::format("a tensor's name of {} bytes; expected 1 to 1024", name.size()));
  t.name = std::string(name);
  const auto fail = [&](const std::string& problem) {
    r.reject(where, fmt::format("tensor \"{}\": {}", t.name, problem));
  };
  const auto dimensions = r.number<std::uint32_t>("a number of dimensions");
  if (dimensions > 4) fail(fmt::format("{} dimensions; expected at most 4", dimensions));
  for (std::uint32_t i = 0; i < dimensions; ++i) {
    const auto size = r.number<std::uint64_t>("a dimension");
    if (size > static_cast<std::uint64_t>(INT64_MAX)) fail(fmt::format("a dimension of {}", size));
    t.shape.insert(t.shape.begin(), static_cast<std::int64_t>(size));
  }
  const auto number = r.number<std::uint32_t>("a tensor's type");
  const auto type =
      std::find_if(block_types.begin(), block_types.end(), [&](const BlockType& b) { return b.number == number; });
  if (type == block_types.end()) fail(fmt::format("type {} is not known", number));
  t.format = std::string(type->name);
  t.is_parameter = !type->whole_numbers && t.name.rfind("rope_", 0) != 0;  // tables of angles are computed, not trained
  if (!multiply_shape(t.shape, t.elements)) fail("its shape has more elements than any file can hold");
  const std::int64_t row = t.shape.empty() ? 1 : t.shape.back();
  if (row % type->elements != 0)
    fail(fmt::format("rows of {} elements; {} stores blocks of {}", row, t.format, type->elements));
  t.bytes = t.elements / type->elements * type->bytes;
  const auto offset = r.number<std::uint64_t>("a tensor's offset");
  if (offset > static_cast<std::uint64_t>(INT64_MAX)) fail(fmt::format("offset {}", offset));
  if (offset % alignment != 0) fail(fmt::format("offset {} is no multiple of the alignment {}", offset, alignment));
  t.offset = static_cast<std::int64_t>(offset);
  return t;
}

}  // namespace

TensorFile parse_gguf(std::string_view bytes, std::int64_t file_bytes, const std::string& name, bool only_header) {
  Reader r(bytes, file_bytes, name);
  TensorFile file;
  file.name = name;
  file.file_bytes = file_bytes;
  r.skip(4, "the magic word");
  if (bytes.substr(0, 4) != "GGUF") r.reject(0, "expected \"GGUF\"");
  const auto version = r.number<std::uint32_t>("the version");
  if (version != 2 && version != 3)
    r.reject(4, version == 0x02000000 || version == 0x03000000
                    ? std::string("the file is big-endian, which is not supported")
                    : fmt::format("version {}; expected 2 or 3", version));
  file.kind = fmt::format("GGUF {}", version);
  const auto tensors = r.number<std::uint64_t>("the number of tensors"),
             entries = r.number<std::uint64_t>("the number of metadata");
  r.check_count(8, tensors, 24, "tensors");
  r.check_count(16, entries, 13, "metadata entries");
  std::uint64_t alignment = 32;
  for (std::uint64_t i = 0; i < entries; ++i) {
    const std::size_t where = r.position();
    const std::string_view key = r.text("a key");
    if (key.empty() || key.size() > 65535)
      r.reject(where, fmt::format("a key of {} bytes; expected 1 to 65535", key.size()));
    const auto type = r.number<std::uint32_t>("a metadata type");
    std::string value = read_value(r, type, where);
    if (key == "general.alignment") {
      if (type != 4) r.reject(where, "\"general.alignment\" is not a 32-bit number");
      alignment = std::stoul(value);
      if (alignment < 8 || alignment > (1u << 20) || (alignment & (alignment - 1)) != 0)
        r.reject(where, fmt::format("\"general.alignment\" is {}; expected a power of two from 8", alignment));
    }
    if (file.metadata.size() < most_kept_metadata) file.metadata.emplace_back(shown(key), std::move(value));
  }
  for (std::uint64_t i = 0; i < tensors; ++i) file.tensors.push_back(read_tensor(r, alignment));
  const std::uint64_t data = (r.position() + alignment - 1) / alignment * alignment;
  file.header_bytes = static_cast<std::int64_t>(r.position());
  const std::int64_t data_bytes = std::max<std::int64_t>(0, file_bytes - static_cast<std::int64_t>(data));
  check_layout(file, data_bytes, static_cast<std::int64_t>(alignment) - 1, only_header);
  file.header_sha256 = sha256_hex(bytes.substr(0, r.position()));
  return file;
}

}  // namespace isoflop
