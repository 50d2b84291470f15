/* A C program that asks isoflop by JSON. With words it sends them as a request and prints one number of the answer;
 * without, it checks good and wrong requests, and that threads asking at once get what one thread gets. */
#include <isoflop/c_api.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ask(const char* request, int expected_code, const char* expected_text) {
  char* response = NULL;
  const int code = isoflop_run(request, &response);
  const int good = code == expected_code && response && strstr(response, expected_text);
  if (!good) printf("%s\n  gave %d: %.300s\n", request ? request : "(null)", code, response ? response : "(null)");
  isoflop_free(response);
  return good ? 0 : 1;
}

/* The number after "key": in the answer; enough where a program wants one value and no JSON library. */
static int value_of(const char* request, const char* key, double* value) {
  char* response = NULL;
  char quoted[100];
  const int code = isoflop_run(request, &response);
  const char* at = NULL;
  snprintf(quoted, sizeof quoted, "\"%s\": ", key);
  if (code == 0 && response) at = strstr(response, quoted);
  if (at) *value = strtod(at + strlen(quoted), NULL);
  else fprintf(stderr, "exit code %d: %s\n", code, response ? response : "no memory");
  isoflop_free(response);
  return at ? 0 : 1;
}

enum { threads = 8, rounds = 3 };
static const char* const questions[] = {
    "{\"command\": \"models show\", \"arguments\": [\"llama-3-8b\"]}",
    "{\"command\": \"plan\", \"options\": {\"compute\": 5.76e23, \"replicates\": 20}}",
    "{\"command\": \"serve\", \"arguments\": [\"phi-3-mini\"], \"options\": {\"on\": \"h100-sxm-80gb\"}}",
    "{\"command\": \"models show\", \"arguments\": [\"no-such-model\"]}"};
enum { kinds = sizeof questions / sizeof questions[0] };
static char* alone[kinds];

static void* ask_again(void* failures) {
  int i;
  for (i = 0; i < rounds * kinds; ++i) {
    char* response = NULL;
    isoflop_run(questions[i % kinds], &response);
    if (!response || strcmp(response, alone[i % kinds]) != 0) ++*(int*)failures;
    isoflop_free(response);
  }
  return NULL;
}

static int ask_from_threads(void) {
  pthread_t pool[threads];
  int failures[threads] = {0}, total = 0, i;
  for (i = 0; i < kinds; ++i) isoflop_run(questions[i], &alone[i]);
  for (i = 0; i < threads; ++i)
    if (pthread_create(&pool[i], NULL, ask_again, &failures[i]) != 0) return 1;
  for (i = 0; i < threads; ++i) pthread_join(pool[i], NULL), total += failures[i];
  for (i = 0; i < kinds; ++i) isoflop_free(alone[i]);
  return total;
}

int main(int count, char** words) {
  int failures = 0;
  double value = 0;
  if (count == 3) {
    if (value_of(words[1], words[2], &value) != 0) return 1;
    printf("%s = %.10g\n", words[2], value);
    return 0;
  }
  failures += ask("{\"command\": \"models show\", \"arguments\": [\"phi-3-mini\"]}", 0, "\"schema\": \"isoflop.models-show/1\"");
  failures += ask("{\"command\": \"models show\", \"arguments\": [\"phi-33\"]}", 2, "isoflop.error/1");
  failures += ask("{\"command\": \"no such\"}", 2, "unknown command");
  failures += ask("{\"command\": ", 3, "request:1:");
  failures += ask("", 3, "isoflop.error/1");
  failures += ask("[]", 3, "isoflop.error/1");
  failures += ask("{\"command\": 7}", 3, "isoflop.error/1");
  failures += ask("{\"command\": \"plan\", \"options\": {\"compute\": {}}}", 3, "isoflop.error/1");
  failures += ask("{\"command\": \"plan\", \"options\": {\"compute\": NaN}}", 3, "request:1:");
  failures += ask("\xff\xfe{\"command\": \"plan\"}", 3, "isoflop.error/1");
  failures += ask(NULL, 2, "null pointer");
  failures += isoflop_run("{}", NULL) != 2;
  failures += value_of("{\"command\": \"models show\", \"arguments\": [\"llama-3-8b\"]}", "params_total", &value) != 0 || value != 8030261248.0;
  failures += ask_from_threads();
  printf("isoflop %s, ABI %d, %d threads, %d failures\n", isoflop_version(), isoflop_abi_version(), threads, failures);
  return failures ? 1 : 0;
}
