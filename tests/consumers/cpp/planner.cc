// A planning tool that links isoflop from an install prefix: reads a table and catches its complaint.
#include <isoflop/catalogue/csv_table.h>
#include <isoflop/catalogue/data_files.h>
#include <isoflop/error.h>
#include <isoflop/number_text.h>
#include <isoflop/statistics.h>

#include <iostream>

int main() {
  const auto runs = isoflop::open_data_table("loss_runs_chinchilla.csv");
  std::vector<double> losses;
  for (std::size_t row = 0; row < runs.rows(); ++row) losses.push_back(runs.required_number(row, runs.column("loss")));
  std::cout << runs.rows() << " runs, median loss " << isoflop::format_number(isoflop::median(losses)) << "\n";
  try {
    runs.column("lost");
  } catch (const isoflop::Error& problem) {
    std::cout << problem.what() << "\n";
    return runs.rows() == 245 ? 0 : 1;
  }
  return 1;
}
