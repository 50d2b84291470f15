#include "isoflop/plot/ticks.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "agrees.h"
#include "isoflop/plot/text_metrics.h"
#include "isoflop/random.h"

using namespace isoflop;

namespace {

TickRoom room_of(const Axis& axis, double low, double high, double length_px) {
  TickRoom room;
  const bool log = axis.scale == Scale::Log;
  room.place = [=](double v) {
    return length_px * (log ? std::log(v / low) / std::log(high / low) : (v - low) / (high - low));
  };
  room.extent = [](const std::string& label) { return text_width_px(label, 13); };
  return room;
}

std::vector<std::string> labels(const Axis& axis, double low, double high, double length_px = 800) {
  std::vector<std::string> result;
  for (const auto& t : make_ticks(axis, low, high, room_of(axis, low, high, length_px)).major)
    result.push_back(t.label);
  return result;
}

using Labels = std::vector<std::string>;

Axis axis(Scale scale, TickStyle style = TickStyle::Auto) {
  Axis result;
  result.scale = scale;
  result.ticks = style;
  return result;
}

}  // namespace

TEST_CASE("ticks are round numbers in the field's notation") {
  CHECK(labels(axis(Scale::Log), 1e20, 1e26) == Labels{"10²⁰", "10²¹", "10²²", "10²³", "10²⁴", "10²⁵", "10²⁶"});
  CHECK(labels(axis(Scale::Log), 1e20, 1e26, 250) == Labels{"10²⁰", "10²²", "10²⁴", "10²⁶"});
  CHECK(labels(axis(Scale::Log, TickStyle::Count), 1e8, 2e11) == Labels{"100M", "1B", "10B", "100B"});
  CHECK(labels(axis(Scale::Log), 0.02, 30) == Labels{"0.1", "1", "10"});
  CHECK(labels(axis(Scale::Linear), 0, 100, 400) == Labels{"0", "20", "40", "60", "80", "100"});
  CHECK(labels(axis(Scale::Linear), -1, 1, 220) == Labels{"−1.0", "−0.5", "0.0", "0.5", "1.0"});
  CHECK(labels(axis(Scale::Linear), 0, 2.5e9, 500) == Labels{"0", "5×10⁸", "10⁹", "1.5×10⁹", "2×10⁹", "2.5×10⁹"});
  CHECK(labels(axis(Scale::Linear), 900, 4100, 300) == Labels{"1,000", "2,000", "3,000", "4,000"});
}

TEST_CASE("date ticks stand on the first of a year, quarter or month") {
  CHECK(labels(axis(Scale::Date), days_of_date(2019, 6, 1), days_of_date(2024, 6, 1), 500) ==
        Labels{"2020", "2021", "2022", "2023", "2024"});
  CHECK(labels(axis(Scale::Date), days_of_date(2023, 12, 20), days_of_date(2024, 5, 15)) ==
        Labels{"2024-01", "2024-02", "2024-03", "2024-04", "2024-05"});
  CHECK(labels(axis(Scale::Date), days_of_date(2024, 4, 1), days_of_date(2024, 4, 8)).front() == "2024-04-01");
}

TEST_CASE("dates and day numbers are inverse") {
  CHECK(days_of_date(1970, 1, 1) == 0);
  CHECK(days_of_date(2000, 3, 1) == 11017);  // 30 years with 7 leap days, then January and a leap February
  for (const double day : {-1.0, 0.0, 18262.0, 19846.0}) CHECK(date_text(day).size() == 10);
  CHECK(date_text(19846) == "2024-05-03");
}

TEST_CASE("on 2000 random axes ticks lie inside, rise, and their labels keep their distance") {
  for (std::uint64_t index = 0; index < 2000; ++index) {
    Random random(9, index);
    const Scale scale = std::vector{Scale::Linear, Scale::Log, Scale::Date}[random.index(3)];
    const Axis a = axis(
        scale, std::vector{TickStyle::Auto, TickStyle::Plain, TickStyle::Power, TickStyle::Count}[random.index(4)]);
    double low = std::pow(10.0, random.uniform(-6, 20)), high = low * (1 + std::pow(10.0, random.uniform(-2, 8)));
    if (scale == Scale::Linear && random.coin()) low = -low;
    if (scale == Scale::Date) low = random.uniform(-1e4, 3e4), high = low + std::pow(10.0, random.uniform(0.3, 4));
    const double length = random.uniform(150, 1200);
    const TickRoom room = room_of(a, low, high, length);
    const Ticks ticks = make_ticks(a, low, high, room);
    INFO("axis " << index << " from " << low << " to " << high << " on " << length << " px");
    for (std::size_t i = 0; i < ticks.major.size(); ++i) {
      const double at = room.place(ticks.major[i].at);
      CHECK((at > -0.01 && at < length + 0.01));
      if (i == 0) continue;
      const double apart = at - room.place(ticks.major[i - 1].at);
      CHECK(apart >= (room.extent(ticks.major[i].label) + room.extent(ticks.major[i - 1].label)) / 2);
      CHECK(ticks.major[i].label != ticks.major[i - 1].label);
    }
    for (const double at : ticks.minor) CHECK((room.place(at) > -0.01 && room.place(at) < length + 0.01));
  }
}
