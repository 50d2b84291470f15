// isoflop-mpi as users start it, where it was built and mpirun is installed.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <iterator>
#include <sstream>

#include "apps/run_command.h"
#include "paths.h"
#include "sim/sweep/tiny_sweep.h"

using namespace isoflop;
using namespace isoflop::test;

namespace {

std::vector<std::string> tiny(const std::string& folder) {
  std::istringstream words("sweep --lowest 1e8 --highest 4e9 --budgets 2 --sizes 3 --ladder 1x8,1x16,2x16 "
                           "--vocabulary 16 --batch 8 --length 16 --held-out 4 --curve-points 4 --tune 0.5,1 "
                           "--checkpoint-every 0.02s -j 1 --folder");
  std::vector<std::string> result{std::istream_iterator<std::string>(words), {}};
  result.push_back(folder);
  return result;
}

bool has_mpi() {
  const bool built = std::filesystem::exists(std::string(build_dir) + "/isoflop-mpi");
  const bool can_start = std::system("command -v mpirun >/dev/null 2>&1") == 0;
  if (!built) MESSAGE("skipped: isoflop-mpi was not built (libopenmpi-dev)");
  else if (!can_start) MESSAGE("skipped: mpirun is not installed (openmpi-bin)");
  return built && can_start;
}

// The job in a process group of its own; its output goes to a file.
pid_t start_job(const std::vector<std::string>& arguments, const std::string& output) {
  std::vector<std::string> words = {"mpirun", "-n", "3", "--oversubscribe", "--allow-run-as-root", "--bind-to", "none",
                                    std::string(build_dir) + "/isoflop-mpi"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ::setpgid(0, 0);
    const int file = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    ::dup2(file, 1);
    ::dup2(file, 2);
    std::vector<char*> pointers;
    for (auto& word : words) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    ::execvp("mpirun", pointers.data());
    ::_exit(127);
  }
  return child;
}

std::size_t records_in(const std::string& folder) {
  std::size_t count = 0;
  if (!std::filesystem::exists(folder + "/records")) return 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder + "/records"))
    count += entry.path().extension() == ".json";
  return count;
}

int code_of(pid_t job) {
  int status = 0;
  ::waitpid(job, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace

TEST_SUITE("slow") {
  TEST_CASE("three processes of an MPI job killed twice leave the files of one process that was not") {
    if (!has_mpi()) return;
    const auto one = fresh_folder("mpi-one"), job = fresh_folder("mpi-job"), output = fresh_folder("mpi-output");
    REQUIRE(run_command(tiny(one)).code == 0);
    // Killed among the six tuning runs and among the six runs. A job that ends before it is killed is begun again.
    for (const std::size_t moment : {2, 8}) {
      bool killed = false;
      for (int attempt = 0; !killed; ++attempt) {
        REQUIRE(attempt < 50);
        const pid_t mpi = start_job(tiny(job), output);
        // The job stays unreaped until code_of(), so that its process group cannot become another's.
        siginfo_t ended = {};
        while (records_in(job) < moment && ended.si_pid == 0) {
          ::usleep(1000);
          ::waitid(P_PID, static_cast<id_t>(mpi), &ended, WEXITED | WNOHANG | WNOWAIT);
        }
        ::kill(-mpi, SIGKILL);
        const int code = code_of(mpi);
        killed = code == -1 && records_in(job) < 12;
        if (killed) break;
        // The processes of a killed job take a moment to notice that mpirun is gone; until then the folder is locked.
        if (read_file(output).find("another process") != std::string::npos) {
          ::usleep(100000);
          continue;
        }
        INFO(read_file(output));
        CHECK(records_in(job) == 12);
        std::filesystem::remove_all(job);
      }
    }
    int code = -1;
    for (int attempt = 0; attempt < 20 && code != 0; ++attempt) {
      code = code_of(start_job(tiny(job), output));
      if (code != 0 && read_file(output).find("another process") == std::string::npos) break;
    }
    INFO(read_file(output));
    CHECK(code == 0);
    CHECK(result_files(job) == result_files(one));
    CHECK(std::filesystem::is_empty(job + "/checkpoints"));
    CHECK(read_file(output).find("6 runs") != std::string::npos);
    for (const auto& folder : {one, job, output}) std::filesystem::remove_all(folder);
  }

  TEST_CASE("an MPI job ends with the exit code of wrong usage and not in waiting") {
    if (!has_mpi()) return;
    const auto output = fresh_folder("mpi-usage"), folder = fresh_folder("mpi-none");
    CHECK(code_of(start_job({"models", "list"}, output)) == 2);
    CHECK(code_of(start_job({"sweep", "--folder", folder, "--tune", "x"}, output)) == 2);
    CHECK(code_of(start_job({"sweep", "--folder", folder, "--flop", "1e13", "--shard", "1/2"}, output)) == 2);
    CHECK(code_of(start_job({"sweep", "--folder", folder, "--flop", "1e13", "--dry-run", "--no-probe"}, output)) == 0);
    CHECK(!std::filesystem::exists(folder));
    std::filesystem::remove(output);
  }
}
