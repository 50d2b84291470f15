// Tests see none of the user's settings, and what they write lies in one folder of this process that is gone
// afterwards: the same on any machine, beside other tests, and for two users of one /tmp.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

int main(int count, char** words) {
  for (const char* setting :
       {"ISOFLOP_DATA", "ISOFLOP_SEED", "ISOFLOP_WEB", "NO_COLOR", "CLICOLOR_FORCE", "SOURCE_DATE_EPOCH"})
    ::unsetenv(setting);
  std::error_code problem;
  std::string folder = (std::filesystem::temp_directory_path(problem) / "isoflop-test-XXXXXX").string();
  const bool own = !problem && ::mkdtemp(folder.data()) != nullptr;
  if (own) ::setenv("TMPDIR", folder.c_str(), 1);
  const int result = doctest::Context(count, words).run();
  if (own) std::filesystem::remove_all(folder, problem);
  return result;
}
