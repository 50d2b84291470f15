// safetensors: eight bytes with the header's length N (little-endian), N bytes of JSON
//   {"NAME": {"dtype": "BF16", "shape": [4096, 4096], "data_offsets": [BEGIN, END]}, ..., "__metadata__": {"k": "v"}}
// and the data, whose every byte belongs to one tensor. Source: github.com/huggingface/safetensors, README, "Format".
// The JSON is read as a stream of events: nothing is kept but the tensors themselves.
#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "isoflop/error.h"
#include "isoflop/import/tensor_checks.h"
#include "isoflop/sha256.h"

namespace isoflop {
namespace {

struct Format {
  std::string_view name;
  int bits;
  bool whole_numbers;
};
constexpr std::array<Format, 20> formats = {{
    {"BOOL", 8, true},     {"U8", 8, true},       {"I8", 8, true},    {"I16", 16, true},     {"U16", 16, true},
    {"I32", 32, true},     {"U32", 32, true},     {"I64", 64, true},  {"U64", 64, true},     {"F8_E5M2", 8, false},
    {"F8_E4M3", 8, false}, {"F8_E8M0", 8, false}, {"F4", 4, false},   {"F6_E2M3", 6, false}, {"F6_E3M2", 6, false},
    {"F16", 16, false},    {"BF16", 16, false},   {"F32", 32, false}, {"F64", 64, false},    {"C64", 64, false},
}};

const Format* format_named(std::string_view name) {
  for (const Format& f : formats)
    if (f.name == name) return &f;
  return nullptr;
}

constexpr std::size_t most_dimensions = 16;

/// Events of the header's JSON. Depth 1: names; 2: fields of a tensor, or metadata; 3: the two lists.
class HeaderReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  explicit HeaderReader(TensorFile& file) : file_(file) {}

  bool null() override { return value("null"); }
  bool boolean(bool) override { return value("true or false"); }
  bool number_integer(number_integer_t number) override { return whole(number); }
  bool number_unsigned(number_unsigned_t number) override {
    if (number > static_cast<number_unsigned_t>(INT64_MAX)) reject(fmt::format("{} is too large", number));
    return whole(static_cast<std::int64_t>(number));
  }
  bool number_float(number_float_t, const string_t& text) override { reject(text + " is not a whole number"); }
  bool string(string_t& text) override {
    if (depth_ == 2 && in_metadata_) {
      if (file_.metadata.size() < most_kept_metadata) file_.metadata.emplace_back(key_, text.substr(0, 4096));
      return true;
    }
    if (depth_ == 2 && key_ == "dtype") {
      tensor_.format = text;
      has_format_ = true;
      return true;
    }
    return value("a text");
  }
  bool binary(binary_t&) override { return value("binary data"); }
  bool start_object(std::size_t) override {
    if (++depth_ > 2) reject("an object stands where a value was expected");
    if (depth_ == 2) {
      in_metadata_ = name_ == "__metadata__";
      tensor_ = {};
      tensor_.name = name_;
      has_format_ = has_shape_ = has_offsets_ = false;
    }
    return true;
  }
  bool key(string_t& text) override {
    (depth_ == 1 ? name_ : key_) = text;
    return true;
  }
  bool end_object() override {
    if (depth_-- == 2 && !in_metadata_) finish_tensor();
    return true;
  }
  bool start_array(std::size_t) override {
    if (depth_ != 2 || in_metadata_ || (key_ != "shape" && key_ != "data_offsets")) return value("a list");
    ++depth_;
    numbers_.clear();
    return true;
  }
  bool end_array() override {
    --depth_;
    if (key_ == "shape") {
      tensor_.shape = numbers_;
      has_shape_ = true;
    } else {
      if (numbers_.size() != 2)
        reject(fmt::format("\"data_offsets\" has {} numbers; expected begin and end", numbers_.size()));
      tensor_.offset = numbers_[0];
      end_ = numbers_[1];
      has_offsets_ = true;
    }
    return true;
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& problem) override {
    std::string what = problem.what();
    if (const auto at = what.find("parse error at"); at != std::string::npos)
      if (const auto after = what.find(": ", at); after != std::string::npos) what = what.substr(after + 2);
    throw Error(Fault::BadInput,
                fmt::format("{}: header, byte {}: not JSON: {}", file_.name, 8 + position, what.substr(0, 200)));
  }

 private:
  [[noreturn]] void reject(const std::string& problem) const {
    const std::string where =
        depth_ >= 2 ? fmt::format("tensor \"{}\"{}", name_.substr(0, 200), depth_ == 3 ? ", \"" + key_ + "\"" : "")
                    : std::string("header");
    throw Error(Fault::BadInput, file_.name + ": " + where + ": " + problem);
  }
  bool value(const std::string& what) const {
    if (depth_ == 0) reject("is " + what + "; expected an object of tensors");
    if (depth_ == 1)
      reject(fmt::format("\"{}\" is {}; expected an object with dtype, shape and data_offsets", name_.substr(0, 200),
                         what));
    if (in_metadata_) reject(fmt::format("\"{}\" is {}; metadata are texts", key_.substr(0, 200), what));
    if (depth_ == 3) reject(fmt::format("holds {}; expected whole numbers", what));
    if (key_ == "dtype" || key_ == "shape" || key_ == "data_offsets") reject(fmt::format("\"{}\" is {}", key_, what));
    reject(fmt::format("unknown field \"{}\"; expected dtype, shape and data_offsets", key_.substr(0, 200)));
  }
  bool whole(std::int64_t number) {
    if (depth_ != 3) return value("a number");
    if (number < 0) reject(fmt::format("{} is negative", number));
    if (numbers_.size() == most_dimensions) reject(fmt::format("has more than {} numbers", most_dimensions));
    numbers_.push_back(number);
    return true;
  }
  void finish_tensor() {
    ++depth_;  // so that reject() names the tensor
    if (!has_format_ || !has_shape_ || !has_offsets_)
      reject(fmt::format("\"{}\" is missing", !has_format_ ? "dtype" : !has_shape_ ? "shape" : "data_offsets"));
    const Format* format = format_named(tensor_.format);
    if (!format)
      reject(fmt::format("dtype \"{}\" is not known; expected one such as BF16", tensor_.format.substr(0, 40)));
    if (!multiply_shape(tensor_.shape, tensor_.elements)) reject("its shape has more elements than any file can hold");
    const std::int64_t bits = tensor_.elements * format->bits;
    if (bits % 8 != 0)
      reject(fmt::format("{} elements of {} bits do not fill whole bytes", tensor_.elements, format->bits));
    tensor_.bytes = bits / 8;
    if (end_ < tensor_.offset)
      reject(fmt::format("\"data_offsets\" end at {} before they begin at {}", end_, tensor_.offset));
    if (end_ - tensor_.offset != tensor_.bytes)
      reject(fmt::format("\"data_offsets\" span {} bytes; {} elements of {} take {}", end_ - tensor_.offset,
                         tensor_.elements, tensor_.format, tensor_.bytes));
    tensor_.is_parameter = !format->whole_numbers && !is_quantisation_data(tensor_.name);
    file_.tensors.push_back(std::move(tensor_));
    --depth_;
  }

  TensorFile& file_;
  int depth_ = 0;
  std::string name_, key_;
  StoredTensor tensor_;
  std::int64_t end_ = 0;
  std::vector<std::int64_t> numbers_;
  bool in_metadata_ = false, has_format_ = false, has_shape_ = false, has_offsets_ = false;
};

}  // namespace

std::int64_t safetensors_header_bytes(std::string_view first_bytes, const std::string& name) {
  if (first_bytes.size() < 8)
    throw Error(Fault::BadInput,
                fmt::format("{}: {} bytes; a safetensors file starts with 8 bytes of length, a GGUF file with \"GGUF\"",
                            name, first_bytes.size()));
  std::uint64_t length = 0;
  for (std::size_t i = 8; i-- > 0;) length = length << 8 | static_cast<unsigned char>(first_bytes[i]);
  if (length > static_cast<std::uint64_t>(longest_safetensors_header))
    throw Error(Fault::BadInput, fmt::format("{}: byte 0: a header of {} bytes; safetensors allows {}: this is no "
                                             "safetensors file (GGUF files start with \"GGUF\")",
                                             name, length, longest_safetensors_header));
  return static_cast<std::int64_t>(length);
}

TensorFile parse_safetensors(std::string_view bytes, std::int64_t file_bytes, const std::string& name,
                             bool only_header) {
  TensorFile file;
  file.name = name;
  file.kind = "safetensors";
  file.file_bytes = file_bytes;
  const std::int64_t json_bytes = safetensors_header_bytes(bytes, name);
  if (json_bytes > file_bytes - 8 || static_cast<std::int64_t>(bytes.size()) < 8 + json_bytes)
    throw Error(Fault::BadInput,
                fmt::format("{}: byte 0: a header of {} bytes, but only {} follow", name, json_bytes, file_bytes - 8));
  file.header_bytes = 8 + json_bytes;
  const std::string_view json = bytes.substr(8, static_cast<std::size_t>(json_bytes));
  if (json.empty() || json[0] != '{')
    throw Error(Fault::BadInput, name + ": byte 8: expected \"{\", the start of a JSON object");
  HeaderReader reader(file);
  nlohmann::json::sax_parse(json, &reader);
  check_layout(file, file_bytes - file.header_bytes, 0, only_header);
  file.header_sha256 = sha256_hex(bytes.substr(0, static_cast<std::size_t>(file.header_bytes)));
  return file;
}

}  // namespace isoflop
