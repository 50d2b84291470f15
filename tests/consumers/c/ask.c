/* A C program that asks isoflop by JSON: a good request, a wrong one, and no request at all. */
#include <isoflop/c_api.h>
#include <stdio.h>
#include <string.h>

static int ask(const char* request, int expected_code, const char* expected_text) {
  char* response = NULL;
  const int code = isoflop_run(request, &response);
  const int good = code == expected_code && response && strstr(response, expected_text);
  if (!good) printf("%s\n  gave %d: %.300s\n", request ? request : "(null)", code, response ? response : "(null)");
  isoflop_free(response);
  return good ? 0 : 1;
}

int main(void) {
  int failures = 0;
  failures += ask("{\"command\": \"models show\", \"arguments\": [\"phi-3-mini\"]}", 0, "\"schema\": \"isoflop.models-show/1\"");
  failures += ask("{\"command\": \"models show\", \"arguments\": [\"phi-33\"]}", 2, "isoflop.error/1");
  failures += ask("{\"command\": \"no such\"}", 2, "unknown command");
  failures += ask("{\"command\": ", 3, "request:1:");
  failures += ask(NULL, 2, "null pointer");
  failures += isoflop_run("{}", NULL) != 2;
  printf("isoflop %s, ABI %d, %d failures\n", isoflop_version(), isoflop_abi_version(), failures);
  return failures;
}
