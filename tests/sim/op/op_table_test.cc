#include "isoflop/sim/op/op_table.h"

#include <cmath>

#include "agrees.h"
#include "isoflop/error.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {

OpSamples gemm_rows(const std::string& rows) {
  return read_op_table("op_gemm", CsvTable::parse("row_id,hardware,dtype,m,n,k,latency_us,group\n" + rows, "test.csv"));
}

}  // namespace

TEST_CASE("a product that beats the peak of its chip is refused as a wrong unit") {
  // 2 * 8192^3 FLOP take 1.11 ms at 989 TFLOP/s.
  const auto read = gemm_rows("a,h100-sxm,bfloat16,8192,8192,8192,1600,g\nb,h100-sxm,bfloat16,8192,8192,8192,1.6,g\n");
  REQUIRE(read.samples.size() == 1);
  REQUIRE(read.refused.size() == 1);
  CHECK(read.refused[0].row_id == "b");
  CHECK(read.refused[0].reason.find("impossible") != std::string::npos);
}

TEST_CASE("a product faster than memory is kept, with its operands noted as cached") {
  // 12 MB at 864 GB/s take 14 us.
  const auto read = gemm_rows("a,l40s,bfloat16,8,2048,3072,10,g\nb,l40s,bfloat16,8,2048,3072,20,g\n");
  REQUIRE(read.samples.size() == 2);
  CHECK(read.samples[0].faster_than_memory);
  CHECK_FALSE(read.samples[1].faster_than_memory);
}

TEST_CASE("unknown chips, unknown formats and formats a chip has no peak for are named, not dropped") {
  const auto read =
      gemm_rows("a,h900,bfloat16,8,8,8,10,g\nb,h100-sxm,fp3,8,8,8,10,g\nc,a100-sxm-80gb,fp8,8,8,8,10,g\n");
  CHECK(read.samples.empty());
  REQUIRE(read.refused.size() == 3);
  CHECK(read.refused[0].reason.find("h900") != std::string::npos);
  CHECK(read.refused[1].reason.find("fp3") != std::string::npos);
  CHECK(read.refused[2].reason.find("no peak for fp8") != std::string::npos);
}

TEST_CASE("a cell that is no number is an error with its place") {
  try {
    gemm_rows("a,h100-sxm,bfloat16,eight,8,8,10,g\n");
    FAIL("not refused");
  } catch (const Error& error) {
    CHECK(error.fault() == Fault::BadInput);
    CHECK(std::string(error.what()).find("test.csv:2:4") != std::string::npos);
  }
}

TEST_CASE("a message column that counts elements is found by comparing two number formats") {
  // Times of true bytes: 10 us + bytes / 100 GB/s; the column holds elements of 2 and 1 bytes.
  std::string rows = "row_id,hardware,op,dtype,num_gpus,message_bytes,nodes,latency_us,group\n";
  for (int i = 0; i < 8; ++i)
    for (const auto& [format, bytes] : {std::pair{"half", 2.0}, std::pair{"int8", 1.0}}) {
      const double elements = 1e6 * std::exp2(i);
      rows += std::string(format) + std::to_string(i) + ",h100-sxm,all_gather," + format + ",8," +
              std::to_string(elements) + ",1," + std::to_string(10 + 1e6 * elements * bytes / 100e9) + ",g" +
              std::to_string(i) + "\n";
    }
  const auto read = read_op_table("op_comm", CsvTable::parse(rows, "comm.csv"));
  REQUIRE(read.samples.size() == 16);
  REQUIRE(read.notes.size() == 1);
  CHECK(read.notes[0].find("read as elements") != std::string::npos);
  CHECK(agrees(std::get<CommShape>(read.samples[0].shape).message_bytes, 2e6, 12));
  CHECK(agrees(std::get<CommShape>(read.samples[1].shape).message_bytes, 1e6, 12));
}

TEST_CASE("a message that would need more than the link is refused with a hint at its unit") {
  // 7/8 GB in a millisecond is 875 GB/s over a 450 GB/s link.
  const auto read = read_op_table(
      "op_comm", CsvTable::parse("row_id,hardware,op,dtype,num_gpus,message_bytes,nodes,latency_us,group\n"
                                 "a,h100-sxm,all_gather,half,8,1000000000,1,1000,g\n",
                                 "comm.csv"));
  REQUIRE(read.refused.size() == 1);
  CHECK(read.refused[0].reason.find("bytes or elements") != std::string::npos);
}
