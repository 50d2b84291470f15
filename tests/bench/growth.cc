// How time grows with the size of the input, for what must grow in proportion: learning byte pairs from a text ten
// times as long, an outlier table of ten times the rows. Both sizes alternate for ROUNDS rounds (default 3) on
// processor time; the ratio of each round is printed, and their median. A ratio of about 10 is proportion, 100 is
// quadratic. Usage: bench_growth [ROUNDS]
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "apps/command.h"
#include "isoflop/random.h"
#include "isoflop/sim/kernel/byte_pairs.h"

using namespace isoflop;

namespace {

double cpu_s(const std::function<void()>& work) {
  const std::clock_t start = std::clock();
  work();
  return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
}

void compare(const char* name, int rounds, const std::function<void()>& small, const std::function<void()>& tenfold) {
  std::vector<double> ratios;
  double seconds = 0;
  for (int i = 0; i < rounds; ++i) {
    const double once = cpu_s(small);
    seconds = cpu_s(tenfold);
    ratios.push_back(seconds / once);
  }
  std::sort(ratios.begin(), ratios.end());
  fmt::print("{:28} ten times the input takes {:.1f} times as long (rounds {:.1f}), {:.2f} s\n", name,
             ratios[ratios.size() / 2], fmt::join(ratios, " "), seconds);
}

std::string text_of(std::size_t length) {
  const std::string letters = "abcdefghijklmnopqrstuvwxyz      ";
  Random random(9);
  std::string text(length, ' ');
  for (char& c : text) c = letters[random.index(letters.size())];
  return text;
}

std::string score_table(int rows) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("isoflop-growth-{}.csv", rows);
  std::ofstream file(path);
  file << "name,active_params,tokens,score\n";
  Random random(2);
  for (int i = 0; i < rows; ++i) {
    const double n = std::pow(10, random.uniform(8, 11)), d = std::pow(10, random.uniform(11, 13));
    const double eta = 2.2 * (std::log10(6 * n * d) - 23) + 0.4 * random.normal();
    file << 'm' << i << ',' << n << ',' << d << ',' << 25 + 60 / (1 + std::exp(-eta)) << '\n';
  }
  return path.string();
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::stoi(argv[1]) : 3;
  const std::string text = text_of(400000), longer = text_of(4000000);
  const auto learn = [](const std::string& from) { return [&from] { sim::BytePairs::learn(from, 2048); }; };
  compare("byte pairs of a text", rounds, learn(text), learn(longer));

  const std::string table = score_table(50000), larger = score_table(500000);
  const auto outliers = [](const std::string& path) {
    return [&path] {
      std::ostringstream out, err;
      app::run({"outliers", path, "--json"}, out, err);
    };
  };
  compare("outliers of a table", rounds, outliers(table), outliers(larger));
  for (const auto& path : {table, larger}) std::filesystem::remove(path);
  return 0;
}
