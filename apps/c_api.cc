#include "apps/c_api.h"

#include <cstdlib>
#include <cstring>
#include <locale>
#include <sstream>
#include <string>

#include "apps/command.h"
#include "apps/shell/request.h"
#include "build_facts.h"
#include "isoflop/error.h"

namespace {

char* copied(const std::string& text) {
  char* copy = static_cast<char*>(std::malloc(text.size() + 1));
  if (copy) std::memcpy(copy, text.c_str(), text.size() + 1);
  return copy;
}

std::string failure(int code, const std::string& message) {
  using isoflop::Value;
  return isoflop::to_json(Value::object(
             {{"schema", "isoflop.error/1"}, {"error", Value::object({{"exit_code", code}, {"message", message}})}})) +
         "\n";
}

// What the command line would print on standard error, without the program's name.
std::string first_message(std::string text) {
  if (text.rfind("isoflop: ", 0) == 0) text = text.substr(9);
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

}  // namespace

extern "C" int isoflop_run(const char* request_json, char** response_json) {
  if (!response_json) return 2;
  *response_json = nullptr;
  try {
    int code = 2;
    std::string response;
    try {
      if (!request_json) throw isoflop::Error(isoflop::Fault::Usage, "request: is a null pointer");
      auto arguments = isoflop::app::request_arguments(isoflop::parse_json(request_json, "request"));
      arguments.push_back("--json");
      std::ostringstream out, err;
      out.imbue(std::locale::classic());  // the program may have chosen one that groups digits
      err.imbue(std::locale::classic());
      code = isoflop::app::run(arguments, out, err);
      response = out.str();
      if (code != 0 && code != 4) response = failure(code, first_message(err.str()));
    } catch (const isoflop::Error& problem) {
      code = static_cast<int>(problem.fault());
      response = failure(code, problem.what());
    }
    *response_json = copied(response);
    return *response_json ? code : 1;
  } catch (...) {
    return 1;
  }
}

extern "C" void isoflop_free(char* response_json) { std::free(response_json); }
extern "C" int isoflop_abi_version(void) { return ISOFLOP_ABI_VERSION; }
extern "C" const char* isoflop_version(void) { return ISOFLOP_VERSION; }
