#include "paths.h"

const char* const source_dir = SOURCE_DIR;
const char* const build_dir = BINARY_DIR;
const char* const ground_truth_dir = GROUND_TRUTH_DIR;
