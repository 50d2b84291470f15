#include "isoflop/import/safetensors_index.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <functional>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/error.h"
#include "tensor_bytes.h"

using namespace isoflop;
using namespace isoflop::test;
namespace fs = std::filesystem;

namespace {

std::string complaint(const std::function<void()>& read) {
  try {
    read();
  } catch (const Error& problem) {
    return problem.what();
  }
  return "";
}

std::string entry(const std::string& name, std::size_t elements) {
  return "{\"" + name + R"(": {"dtype": "BF16", "shape": [)" + std::to_string(elements) + R"(], "data_offsets": [0, )" +
         std::to_string(2 * elements) + "]}}";
}

/// A folder with a checkpoint of two shards: tensor "a" of 3 elements and tensor "b" of 5.
struct Checkpoint {
  fs::path folder = fs::temp_directory_path() / ("isoflop-shards-" + std::to_string(::getpid()));
  Checkpoint() {
    fs::create_directories(folder);
    put("s1.safetensors", safetensors(entry("a", 3), 6));
    put("s2.safetensors", safetensors(entry("b", 5), 10));
  }
  ~Checkpoint() { fs::remove_all(folder); }
  std::string put(const std::string& name, const std::string& bytes) const {
    write_file((folder / name).string(), bytes);
    return (folder / name).string();
  }
  std::string index(const std::string& map, const std::string& total = "16") const {
    return put("model.safetensors.index.json",
               R"({"metadata": {"total_size": )" + total + R"(}, "weight_map": )" + map + "}");
  }
};

const std::string both = R"({"a": "s1.safetensors", "b": "s2.safetensors"})";

}  // namespace

TEST_CASE("an index adds up the headers of its shards") {
  const Checkpoint made;
  const ShardedCheckpoint read = read_sharded_safetensors(made.index(both));
  REQUIRE(read.files.size() == 2);
  CHECK(read.files[0].parameters() + read.files[1].parameters() == 8);
  CHECK(read.remark.empty());
  CHECK(read.index_sha256.size() == 64);
  CHECK(is_safetensors_index("x/model.safetensors.index.json"));
  CHECK_FALSE(is_safetensors_index("config.json"));
}

TEST_CASE("a total size that is not that of the tensors is said, not refused") {
  const Checkpoint made;
  CHECK(read_sharded_safetensors(made.index(both, "1.6e1")).remark.empty());
  CHECK(read_sharded_safetensors(made.index(both, "20")).remark ==
        "the index states 20 bytes in all, the tensors have 16");
}

TEST_CASE("missing shards are named and counted") {
  const Checkpoint made;
  const std::string problem = complaint(
      [&] { read_sharded_safetensors(made.index(R"({"a": "s1.safetensors", "b": "s3.safetensors"})")); });
  CHECK(problem.find("1 of 2 shards are not beside it: s3.safetensors") != std::string::npos);
  std::string many = R"({"a": "s1.safetensors")";
  for (int i = 10; i < 20; ++i)
    many += ", \"t" + std::to_string(i) + "\": \"m" + std::to_string(i) + ".safetensors\"";
  CHECK(complaint([&] { read_sharded_safetensors(made.index(many + "}")); })
            .find("10 of 11 shards are not beside it: m10.safetensors, m11.safetensors, m12.safetensors, "
                  "m13.safetensors, m14.safetensors and 5 more") != std::string::npos);
  CHECK(complaint([&] { read_sharded_safetensors("nowhere/model.safetensors.index.json"); }).find("cannot be opened") !=
        std::string::npos);
}

TEST_CASE("an index and its shards must name the same tensors in the same files") {
  const Checkpoint made;
  const auto problem = [&](const std::string& map) {
    return complaint([&] { read_sharded_safetensors(made.index(map)); });
  };
  CHECK(problem(R"({"a": "s1.safetensors", "b": "s2.safetensors", "c": "s2.safetensors"})")
            .find("tensor \"c\" is not in s2.safetensors; 1 tensors are missing") != std::string::npos);
  CHECK(problem(R"({"a": "s1.safetensors", "c": "s2.safetensors"})").find("\"b\" is not in the index") !=
        std::string::npos);
  CHECK(problem(R"({"a": "s2.safetensors", "b": "s1.safetensors"})").find("the index places it in s1.safetensors") !=
        std::string::npos);
}

TEST_CASE("hostile indices are refused before any shard is opened") {
  const auto refused = [](const std::string& text, const std::string& about) {
    const std::string problem = complaint([&] { parse_safetensors_index(text, "i"); });
    INFO(problem);
    return problem.find(about) != std::string::npos;
  };
  CHECK(refused("", "not JSON"));
  CHECK(refused("[]", "no object \"weight_map\""));
  CHECK(refused(std::string(100000, '['), "nested more than 200 deep"));
  CHECK(refused(R"({"weight_map": []})", "no object \"weight_map\""));
  CHECK(refused(R"({"weight_map": {}})", "names no tensor"));
  CHECK(refused(R"({"weight_map": {"a": 1}})", "no text"));
  for (const char* shard : {"/etc/passwd", "../x.safetensors", "a/b.safetensors", "model.bin", ""})
    CHECK(refused(std::string(R"({"weight_map": {"a": ")") + shard + "\"}}", "expected the name of a .safetensors"));
  CHECK(refused(R"({"metadata": {"total_size": -1}, "weight_map": {"a": "s.safetensors"}})", "no number of bytes"));
  CHECK(refused(R"({"metadata": {"total_size": 1e40}, "weight_map": {"a": "s.safetensors"}})", "no number of bytes"));
  std::string many = "{\"weight_map\": {";
  for (int i = 0; i <= 4096; ++i)
    many += (i ? ", \"" : "\"") + std::to_string(i) + "\": \"" + std::to_string(i) + ".safetensors\"";
  CHECK(refused(many + "}}", "more than 4096 shards"));
  const Checkpoint made;
  const auto large = made.put("large.safetensors.index.json", "");
  fs::resize_file(large, (64 << 20) + 1);
  CHECK(complaint([&] { read_sharded_safetensors(large); }).find("an index of shards may have 67108864") !=
        std::string::npos);
}
