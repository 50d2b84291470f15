#include "isoflop/sim/op/comm_model.h"

#include <cmath>

#include "agrees.h"
#include "isoflop/random.h"

using namespace isoflop;
using namespace isoflop::sim;

namespace {
const DeviceLimits h100{989e12, 3.35e12, 132, 450e9, 50e9};
}

TEST_CASE("a ring sends 2 (n-1)/n of the vector for an all-reduce and half of it for a gather") {
  CHECK(agrees(wire_bytes({Collective::AllReduce, 8, 1, 1e9}), 1.75e9, 12));
  CHECK(agrees(wire_bytes({Collective::AllGather, 8, 1, 1e9}), 0.875e9, 12));
  CHECK(agrees(wire_bytes({Collective::ReduceScatter, 4, 1, 1e9}), 0.75e9, 12));
  CHECK(agrees(wire_bytes({Collective::SendReceive, 2, 1, 1e9}), 1e9, 12));
}

TEST_CASE("no collective beats its link, whatever the constants") {
  Random random(41);
  for (int i = 0; i < 2000; ++i) {
    CommShape shape;
    shape.op = static_cast<Collective>(i % 5);
    shape.nodes = i % 2 ? 1 : 2;
    shape.devices = shape.nodes * (1 + static_cast<double>(random.index(8)));
    if (shape.devices < 2) shape.devices = 2;
    shape.message_bytes = std::exp(random.uniform(5, 22));
    std::vector<double> values;
    for (const auto& c : comm_constants(shape.nodes > 1))
      values.push_back(std::exp(random.uniform(std::log(c.low), std::log(c.high))));
    const OpCost cost = comm_cost(shape, h100, values);
    CHECK(cost.seconds >= cost.link_s);
    CHECK(cost.link_s > 0);
  }
}

TEST_CASE("small messages cost latency, large ones their bytes") {
  const auto values = generic_comm_values(false);
  const OpCost small = comm_cost({Collective::AllReduce, 8, 1, 1024}, h100, values);
  const OpCost large = comm_cost({Collective::AllReduce, 8, 1, 1e9}, h100, values);
  CHECK(small.bound == Bound::Launch);
  CHECK(large.bound == Bound::Link);
  CHECK(agrees(large.seconds, 1.75e9 / (450e9 * values[4]), 2));
}

TEST_CASE("more devices, larger messages and slower links never make it faster") {
  const auto values = generic_comm_values(false);
  for (double bytes = 256; bytes < 1e9; bytes *= 4) {
    const double now = comm_cost({Collective::AllReduce, 4, 1, bytes}, h100, values).seconds;
    CHECK(comm_cost({Collective::AllReduce, 8, 1, bytes}, h100, values).seconds >= now);
    CHECK(comm_cost({Collective::AllReduce, 4, 1, 2 * bytes}, h100, values).seconds >= now);
    DeviceLimits slower = h100;
    slower.link_bytes_per_s /= 2;
    CHECK(comm_cost({Collective::AllReduce, 4, 1, bytes}, slower, values).seconds >= now);
  }
}
