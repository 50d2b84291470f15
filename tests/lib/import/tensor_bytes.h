// Weight files made by hand, byte by byte, for tests.
#pragma once
#include <cstdint>
#include <string>

namespace isoflop::test {

template <typename T>
std::string little_endian(T value) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof(T); ++i)
    bytes += static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xff);
  return bytes;
}

inline std::string safetensors(const std::string& json, std::size_t data_bytes) {
  return little_endian<std::uint64_t>(json.size()) + json + std::string(data_bytes, '\0');
}

inline std::string text(const std::string& value) { return little_endian<std::uint64_t>(value.size()) + value; }

/// A GGUF file put together from its parts.
struct Gguf {
  std::uint32_t version = 3;
  std::string metadata, tensors;
  std::uint64_t entries = 0, count = 0;

  Gguf& meta(const std::string& key, std::uint32_t type, const std::string& value) {
    metadata += text(key) + little_endian(type) + value;
    ++entries;
    return *this;
  }
  /// `shape` innermost first.
  Gguf& tensor(const std::string& name, std::initializer_list<std::uint64_t> shape, std::uint32_t type,
               std::uint64_t offset) {
    tensors += text(name) + little_endian(static_cast<std::uint32_t>(shape.size()));
    for (const std::uint64_t size : shape) tensors += little_endian(size);
    tensors += little_endian(type) + little_endian(offset);
    ++count;
    return *this;
  }
  std::string header() const {
    return "GGUF" + little_endian(version) + little_endian(count) + little_endian(entries) + metadata + tensors;
  }
  std::string file(std::size_t data_bytes, std::size_t alignment = 32) const {
    std::string bytes = header();
    bytes.resize((bytes.size() + alignment - 1) / alignment * alignment, '\0');
    return bytes + std::string(data_bytes, '\0');
  }
};

}  // namespace isoflop::test
