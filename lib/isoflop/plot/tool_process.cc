#include "isoflop/plot/tool_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "isoflop/error.h"

extern char** environ;

namespace isoflop {
namespace {

// Unnamed temporary files instead of pipes: nothing can block, and a tool that stops reading raises no SIGPIPE here.
class TemporaryFile {
 public:
  TemporaryFile() : file_(std::tmpfile()) {
    if (!file_) throw Error(Fault::CannotRun, std::string("no temporary file can be made: ") + std::strerror(errno));
    ::fcntl(descriptor(), F_SETFD, FD_CLOEXEC);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() { std::fclose(file_); }

  int descriptor() const { return ::fileno(file_); }

  void write(const std::string& text) {
    const bool written = std::fwrite(text.data(), 1, text.size(), file_) == text.size() && std::fflush(file_) == 0;
    if (!written)
      throw Error(Fault::CannotRun, std::string("a temporary file cannot be written: ") + std::strerror(errno));
    std::rewind(file_);
  }

  std::string read() {
    std::rewind(file_);
    std::string text;
    std::array<char, 65536> block{};
    for (std::size_t n; (n = std::fread(block.data(), 1, block.size(), file_)) > 0;) text.append(block.data(), n);
    return text;
  }

 private:
  std::FILE* file_;
};

std::string first_lines(const std::string& text, std::size_t most) {
  const std::string cut = text.substr(0, most);
  const auto end = cut.find_last_not_of(" \n\t");
  return end == std::string::npos ? "" : cut.substr(0, end + 1);
}

// Output must not depend on the user's language, and a PDF not on the clock.
std::vector<std::string> tool_environment() {
  std::vector<std::string> variables;
  bool has_epoch = false;
  for (char** entry = environ; *entry; ++entry) {
    const std::string variable = *entry;
    if (variable.rfind("LC_", 0) == 0 || variable.rfind("LANG", 0) == 0 || variable.rfind("GNUPLOT_", 0) == 0 ||
        variable.rfind("GNUTERM=", 0) == 0)
      continue;
    has_epoch = has_epoch || variable.rfind("SOURCE_DATE_EPOCH=", 0) == 0;
    variables.push_back(variable);
  }
  variables.push_back("LC_ALL=C");
  if (!has_epoch) variables.push_back("SOURCE_DATE_EPOCH=0");
  return variables;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (auto& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

std::string run_tool(const std::string& program, const std::vector<std::string>& arguments, const std::string& input,
                     const std::string& package) {
  TemporaryFile in, out, err;
  in.write(input);
  std::vector<std::string> words = {program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<std::string> environment = tool_environment();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in.descriptor(), STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, out.descriptor(), STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, err.descriptor(), STDERR_FILENO);
  pid_t child = 0;
  const int problem =
      ::posix_spawnp(&child, program.c_str(), &actions, nullptr, pointers(words).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  if (problem == ENOENT)
    throw Error(Fault::CannotRun, program + " is not installed; install the Debian package " + package +
                                      " (apt-get install " + package + ")");
  if (problem != 0) throw Error(Fault::CannotRun, program + " cannot be started: " + std::strerror(problem));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0)
    if (errno != EINTR) throw Error(Fault::CannotRun, program + ": " + std::strerror(errno));
  const std::string complaint = first_lines(err.read(), 600);
  const std::string said = complaint.empty() ? "" : ": " + complaint;
  if (WIFSIGNALED(status))
    throw Error(Fault::CannotRun, program + " was ended by signal " + std::to_string(WTERMSIG(status)) + said);
  if (WEXITSTATUS(status) != 0)
    throw Error(Fault::CannotRun, program + " failed with status " + std::to_string(WEXITSTATUS(status)) + said);
  std::string output = out.read();
  if (output.empty()) throw Error(Fault::CannotRun, program + " drew nothing" + said);
  return output;
}

}  // namespace isoflop
