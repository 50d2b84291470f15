#include "isoflop/import/tensor_file.h"

#include <doctest/doctest.h>

#include <cstdio>
#include <functional>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/error.h"
#include "tensor_bytes.h"

using namespace isoflop;
using namespace isoflop::test;

namespace {

TensorFile safe(const std::string& bytes, bool only_header = false) {
  return parse_safetensors(bytes, static_cast<std::int64_t>(bytes.size()), "x.safetensors", only_header);
}
TensorFile gguf(const std::string& bytes, bool only_header = false) {
  return parse_gguf(bytes, static_cast<std::int64_t>(bytes.size()), "x.gguf", only_header);
}

/// The complaint, or nothing when there is none.
std::string complaint(const std::function<void()>& read) {
  try {
    read();
  } catch (const Error& problem) {
    return problem.what();
  }
  return "";
}
bool complains(const std::string& of, const std::string& about) {
  INFO(of);
  return of.find(about) != std::string::npos;
}

const std::string two_tensors = R"({"__metadata__": {"format": "pt"},
  "model.layers.0.w": {"dtype": "BF16", "shape": [3, 4], "data_offsets": [0, 24]},
  "model.layers.1.w": {"dtype": "BF16", "shape": [3, 4], "data_offsets": [24, 48]},
  "scalar": {"dtype": "F32", "shape": [], "data_offsets": [48, 52]}})";

std::string one(const std::string& fields) { return R"({"t": {)" + fields + "}}"; }

}  // namespace

TEST_CASE("a safetensors header gives every tensor, their sum and their bytes") {
  const TensorFile file = safe(safetensors(two_tensors, 52));
  REQUIRE(file.tensors.size() == 3);
  CHECK(file.parameters() == 25);
  CHECK(file.tensor_bytes() == 52);
  CHECK(file.tensors[1].offset == 24);
  CHECK(file.tensors[1].shape == std::vector<std::int64_t>{3, 4});
  CHECK(file.metadata == std::vector<std::pair<std::string, std::string>>{{"format", "pt"}});
  const auto groups = tensor_groups({file});
  REQUIRE(groups.size() == 2);
  CHECK(groups[0].pattern == "model.layers.*.w");
  CHECK(groups[0].count == 2);
  CHECK(groups[0].elements == 24);
}

TEST_CASE("packed whole numbers and data of quantisation are not counted as parameters") {
  const TensorFile file = safe(safetensors(R"({"a.qweight": {"dtype": "I32", "shape": [8], "data_offsets": [0, 32]},
    "a.scales": {"dtype": "F16", "shape": [4], "data_offsets": [32, 40]}, "b.weight": {"dtype": "F8_E4M3", "shape": [5], "data_offsets": [40, 45]},
    "b.weight_scale_inv": {"dtype": "F32", "shape": [1], "data_offsets": [45, 49]}, "c": {"dtype": "F4", "shape": [4], "data_offsets": [49, 51]}})",
                                           51));
  CHECK(file.parameters() == 9);
  CHECK(file.other_elements() == 13);
}

TEST_CASE("a file that ends after its header is read only when asked to") {
  const std::string bytes = safetensors(two_tensors, 0);
  CHECK(complains(complaint([&] { safe(bytes); }), "cut short"));
  CHECK(safe(bytes, true).parameters() == 25);
}

TEST_CASE("hostile safetensors headers are refused by name and number") {
  const auto refused = [](const std::string& bytes, const std::string& about) {
    return complains(complaint([&] { safe(bytes); }), about);
  };
  const auto tensor = [&](const std::string& fields, std::size_t data, const std::string& about) {
    return refused(safetensors(one(fields), data), about);
  };
  CHECK(refused("", "0 bytes"));
  CHECK(refused("1234567", "7 bytes"));
  CHECK(refused(little_endian<std::uint64_t>(UINT64_MAX), "safetensors allows 100000000"));
  CHECK(refused(little_endian<std::uint64_t>(100'000'001), "safetensors allows"));
  CHECK(refused(little_endian<std::uint64_t>(99'000'000) + "{}", "only 2 follow"));
  CHECK(refused(safetensors("", 0), "expected \"{\""));
  CHECK(refused(safetensors("[]", 0), "expected \"{\""));
  CHECK(refused(safetensors("{\"t\": ", 0), "not JSON"));
  CHECK(refused(safetensors("{} x", 0), "not JSON"));
  CHECK(refused(safetensors("{\"t\": [" + std::string(100000, '[') + "]}", 0), "is a list"));
  CHECK(refused(safetensors("{\"t\": {\"shape\": [" + std::string(1000, '[') + "]}}", 0), "holds a list"));
  CHECK(refused(safetensors("{\"t\": {\"shape\": {\"a\": " + std::string(1000, '{') + "}}}", 0), "an object stands"));
  CHECK(refused(safetensors("{\"t\": 7}", 0), "expected an object with dtype"));
  CHECK(refused(safetensors("{\"__metadata__\": {\"a\": 1}}", 0), "metadata are texts"));
  CHECK(tensor(R"("dtype": "BF16", "shape": [2])", 4, "\"data_offsets\" is missing"));
  CHECK(tensor(R"("shape": [2], "data_offsets": [0, 4])", 4, "\"dtype\" is missing"));
  CHECK(tensor(R"("dtype": "BF17", "shape": [2], "data_offsets": [0, 4])", 4, "dtype \"BF17\" is not known"));
  CHECK(tensor(R"("dtype": "BF16", "shape": [-2], "data_offsets": [0, 4])", 4, "-2 is negative"));
  CHECK(tensor(R"("dtype": "BF16", "shape": [2.5], "data_offsets": [0, 4])", 4, "2.5 is not a whole number"));
  CHECK(tensor(R"("dtype": "BF16", "shape": [18446744073709551615], "data_offsets": [0, 4])", 4, "too large"));
  CHECK(tensor(R"("dtype": "BF16", "shape": [4294967296, 4294967296], "data_offsets": [0, 4])", 4,
               "more elements than any file"));
  CHECK(tensor(R"("dtype": "BF16", "shape": [2], "data_offsets": [4, 0])", 4, "end at 0 before they begin"));
  CHECK(
      tensor(R"("dtype": "BF16", "shape": [2], "data_offsets": [0, 5])", 5, "span 5 bytes; 2 elements of BF16 take 4"));
  CHECK(tensor(R"("dtype": "BF16", "shape": [2], "data_offsets": [0])", 4, "expected begin and end"));
  CHECK(tensor(R"("dtype": "F4", "shape": [3], "data_offsets": [0, 2])", 2, "do not fill whole bytes"));
  CHECK(tensor(R"("dtype": "BF16", "shape": [2], "data_offsets": [0, 4], "extra": 1)", 4, "unknown field \"extra\""));
  CHECK(tensor(R"("dtype": "BF16", "shape": [2], "data_offsets": [2, 6])", 6, "bytes that belong to no tensor"));
  CHECK(tensor(R"("dtype": "BF16", "shape": [2], "data_offsets": [0, 4])", 9, "5 bytes follow the last tensor"));
  CHECK(tensor(R"("dtype": "BF16", "shape": [1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1], "data_offsets": [0, 2])", 2,
               "more than 16 numbers"));
  const std::string pair =
      R"({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}, "b": {"dtype": "U8", "shape": [4], "data_offsets": [2, 6]}})";
  CHECK(refused(safetensors(pair, 6), "inside \"a\""));
  const std::string twice =
      R"({"a": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}, "a": {"dtype": "U8", "shape": [4], "data_offsets": [4, 8]}})";
  CHECK(refused(safetensors(twice, 8), "stands in the header twice"));
}

TEST_CASE("a GGUF header gives tensors, block formats and metadata") {
  Gguf made;
  made.meta("general.architecture", 8, text("llama")).meta("llama.block_count", 4, little_endian<std::uint32_t>(2));
  made.meta("tokenizer.ggml.tokens", 9,
            little_endian<std::uint32_t>(8) + little_endian<std::uint64_t>(2) + text("a") + text("bc"));
  made.meta("x.f", 6, little_endian<std::uint32_t>(0x3f800000))
      .meta("x.list", 9, little_endian<std::uint32_t>(5) + little_endian<std::uint64_t>(3) + std::string(12, 'x'));
  made.tensor("blk.0.attn_q.weight", {256, 2}, 12, 0)
      .tensor("blk.1.attn_q.weight", {256, 2}, 12, 288)
      .tensor("norm", {6}, 0, 576)
      .tensor("rope_freqs.weight", {8}, 0, 608);
  for (const std::uint32_t version : {2u, 3u}) {
    made.version = version;
    const TensorFile file = gguf(made.file(640));
    REQUIRE(file.tensors.size() == 4);
    CHECK(file.parameters() == 2 * 512 + 6);
    CHECK(file.other_elements() == 8);
    CHECK(file.tensor_bytes() == 2 * 288 + 24 + 32);
    CHECK(file.tensors[0].format == "Q4_K");
    CHECK(file.tensors[0].shape == std::vector<std::int64_t>{2, 256});
    CHECK(file.metadata[1].second == "2");
    CHECK(file.metadata[2].second == "list of 2");
    CHECK(file.metadata[3].second == "1");
    CHECK(file.metadata[4].second == "list of 3");
  }
}

TEST_CASE("hostile GGUF headers are refused without allocating what they claim") {
  const auto refused = [](const std::string& bytes, const std::string& about) {
    return complains(complaint([&] { gguf(bytes); }), about);
  };
  const auto counts = [](std::uint64_t tensors, std::uint64_t entries) {
    return "GGUF" + little_endian<std::uint32_t>(3) + little_endian(tensors) + little_endian(entries);
  };
  CHECK(refused("GGUF", "ends inside the version"));
  CHECK(refused("GGUF" + little_endian<std::uint32_t>(1), "version 1; expected 2 or 3"));
  CHECK(refused("GGUF" + std::string("\0\0\0\3", 4), "big-endian"));
  CHECK(refused(counts(UINT64_MAX, 0), "hold at most 0"));
  CHECK(refused(counts(0, 1ULL << 60), "metadata entries; the 0 bytes"));
  CHECK(refused(counts(1, 0) + std::string(23, 'x'), "tensors; the 23 bytes"));
  CHECK(refused(Gguf().meta("k", 13, "xxxxxxxx").file(0), "metadata of type 13"));
  CHECK(refused(Gguf().meta("k", 8, little_endian<std::uint64_t>(1ULL << 62)).file(0),
                "a text of 4611686018427387904 bytes; the file has"));
  CHECK(refused(Gguf().meta("k", 9, little_endian<std::uint32_t>(0) + little_endian<std::uint64_t>(1ULL << 62)).file(0),
                "list items; the"));
  CHECK(refused(
      Gguf().meta("k", 9, little_endian<std::uint32_t>(8) + little_endian<std::uint64_t>(3) + text("a")).file(0),
      "list items; the"));
  CHECK(refused(Gguf().meta("k", 9, little_endian<std::uint32_t>(9) + little_endian<std::uint64_t>(1)).file(0),
                "not lists of lists"));
  CHECK(refused(Gguf().meta("", 0, "x").file(0), "a key of 0 bytes"));
  CHECK(
      refused(Gguf().meta("general.alignment", 4, little_endian<std::uint32_t>(0)).file(0), "expected a power of two"));
  CHECK(refused(Gguf().meta("general.alignment", 4, little_endian<std::uint32_t>(24)).file(0),
                "expected a power of two"));
  CHECK(refused(Gguf().meta("general.alignment", 0, "\x20").file(0), "not a 32-bit number"));
  CHECK(refused(Gguf().tensor("t", {1, 1, 1, 1, 1}, 0, 0).file(64), "5 dimensions"));
  CHECK(refused(Gguf().tensor("t", {UINT64_MAX}, 0, 0).file(64), "a dimension of 18446744073709551615"));
  CHECK(refused(Gguf().tensor("t", {1ULL << 40, 1ULL << 40}, 0, 0).file(64), "more elements than any file"));
  CHECK(refused(Gguf().tensor("t", {255}, 12, 0).file(640), "rows of 255 elements; Q4_K stores blocks of 256"));
  CHECK(refused(Gguf().tensor("t", {8}, 4, 0).file(64), "type 4 is not known"));
  CHECK(refused(Gguf().tensor("t", {8}, 0, 16).file(64), "no multiple of the alignment"));
  CHECK(refused(Gguf().tensor("t", {8}, 0, 1ULL << 63).file(64), "offset 9223372036854775808"));
  CHECK(refused(Gguf().tensor("t", {8}, 0, 0x7fffffffffffffe0).file(64), "ends beyond any file"));
  CHECK(refused(Gguf().tensor("t", {16}, 0, 0).file(63), "cut short"));
  CHECK(refused(Gguf().tensor("t", {16}, 0, 0).tensor("u", {16}, 0, 32).file(128), "inside \"t\""));
  CHECK(refused(Gguf().tensor("t", {16}, 0, 0).tensor("t", {16}, 0, 64).file(128), "twice"));
  CHECK(refused(Gguf().tensor("t", {16}, 0, 64).file(128), "belong to no tensor"));
  CHECK(refused(Gguf().tensor("t", {16}, 0, 0).file(128), "follow the last tensor"));
}

TEST_CASE("every truncation of a weight file is refused and none reads beyond its end") {
  const std::string safe_bytes = safetensors(two_tensors, 52);
  for (std::size_t n = 0; n < safe_bytes.size(); ++n) CHECK_THROWS_AS(safe(safe_bytes.substr(0, n)), Error);
  Gguf made;
  made.meta("k", 8, text("v")).meta("n", 4, little_endian<std::uint32_t>(7)).tensor("t", {32}, 2, 0);
  const std::string gguf_bytes = made.file(18);
  for (std::size_t n = 0; n < gguf_bytes.size(); ++n) CHECK_THROWS_AS(gguf(gguf_bytes.substr(0, n)), Error);
  CHECK(gguf(gguf_bytes).parameters() == 32);
}

TEST_CASE("the kind of a weight file is told by its first bytes, and only its header is read") {
  const std::string path = "tensor_file_test.bin";
  Gguf made;
  made.tensor("t", {32}, 2, 0);
  write_file(path, made.file(18));
  CHECK(read_tensor_file(path).kind == "GGUF 3");
  write_file(path, safetensors(two_tensors, 52));
  CHECK(read_tensor_file(path).kind == "safetensors");
  write_file(path, "{\"model_type\": \"llama\"}");
  CHECK(complains(complaint([&] { read_tensor_file(path); }), "this is no safetensors file"));
  std::remove(path.c_str());
  CHECK(complains(complaint([&] { read_tensor_file(path); }), "cannot be opened"));
}
