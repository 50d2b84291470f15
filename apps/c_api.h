/* isoflop for any language: one function that takes and returns the same JSON as the command line.
 *
 * Request, UTF-8 JSON:
 *   {"command": "plan", "arguments": [], "options": {"compute": "5.76e23", "law": "besiroglu"}}
 * "command" may hold a nested name ("models show"). "options" are the long options of the command line without the
 * leading dashes; underscores count as hyphens; values are texts, numbers, true/false, or lists for repeated options.
 *
 * Response: the envelope isoflop.COMMAND/1, or {"schema":"isoflop.error/1","error":{"exit_code","message"}}.
 */
#ifndef ISOFLOP_C_API_H
#define ISOFLOP_C_API_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define ISOFLOP_API __attribute__((visibility("default")))
#else
#define ISOFLOP_API
#endif

/** Raised when a function changes its meaning or goes away; additions do not raise it. */
#define ISOFLOP_ABI_VERSION 1

/** Runs one request. Returns the exit code of the command line: 0 ok, 1 cannot run, 2 usage, 3 bad input data,
 * 4 computed but not trustworthy (the response still holds the result). *response_json is set to a string that the
 * caller frees with isoflop_free, or to NULL when memory ran out (return value 1). Thread-safe; never exits, never
 * lets an exception cross, never writes to standard output. */
ISOFLOP_API int isoflop_run(const char* request_json, char** response_json);

/** Frees a response of isoflop_run; does nothing for NULL. Every response is freed once. */
ISOFLOP_API void isoflop_free(char* response_json);

/** ISOFLOP_ABI_VERSION of the library that is running, to compare with that of this header. */
ISOFLOP_API int isoflop_abi_version(void);

/** Version of the library, such as "0.1.0"; a constant that nobody frees. */
ISOFLOP_API const char* isoflop_version(void);

#ifdef __cplusplus
}
#endif
#endif
