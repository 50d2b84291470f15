// isoflop-mpi sweep ...: the command of isoflop, its runs shared out among the processes of an MPI job.
//
// The first process reads the command line, plans, tells the others and reports; the others only follow orders. All of
// them see the folder. A process that fails ends the job; the same command continues it.
#include <mpi.h>

#include <iostream>

#include "apps/command.h"
#include "apps/machine/sweep_company.h"

namespace {

// An order is its length, then its bytes; length 0: nothing to do.
void broadcast(std::string& order) {
  unsigned long long length = order.size();
  MPI_Bcast(&length, 1, MPI_UNSIGNED_LONG_LONG, 0, MPI_COMM_WORLD);
  order.resize(length);
  if (length > 0) MPI_Bcast(order.data(), static_cast<int>(length), MPI_CHAR, 0, MPI_COMM_WORLD);
}

void wait() { MPI_Barrier(MPI_COMM_WORLD); }

int lead(const std::vector<std::string>& arguments, std::size_t processes) {
  if (arguments.empty() || (arguments[0] != "sweep" && arguments[0].rfind("-", 0) != 0)) {
    std::cerr << "isoflop-mpi makes sweeps: mpirun -n 8 isoflop-mpi sweep --folder sweep1 --flop 1e14. Everything else "
                 "is isoflop's.\n";
    std::string nothing;
    broadcast(nothing);
    return 2;
  }
  bool told = false;
  isoflop::app::sweep_company() = isoflop::app::SweepCompany{processes,
                                                            [&](const std::string& order) {
                                                              told = true;
                                                              std::string copy = order;
                                                              broadcast(copy);
                                                            },
                                                            wait};
  const int code = isoflop::app::run(arguments, std::cout, std::cerr);
  std::cout.flush();
  if (!told) {
    std::string nothing;
    broadcast(nothing);
  } else if (code != 0 && code != 4) {
    MPI_Abort(MPI_COMM_WORLD, code);  // the others wait for this process
  }
  return code;
}

int follow(int rank, std::size_t processes) {
  std::string order;
  broadcast(order);
  if (order.empty()) return 0;
  try {
    isoflop::app::follow_sweep_order(order, static_cast<std::size_t>(rank) + 1, processes, wait);
  } catch (const std::exception& problem) {
    std::cerr << "process " << rank << ": " << problem.what() << std::endl;
    MPI_Abort(MPI_COMM_WORLD, 1);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  int rank = 0, processes = 1, threads = 0;
  MPI_Init_thread(&argc, &argv, MPI_THREAD_FUNNELED, &threads);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &processes);
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto all = static_cast<std::size_t>(processes);
  const int code = rank == 0 ? lead(arguments, all) : follow(rank, all);
  MPI_Finalize();
  return code;
}
