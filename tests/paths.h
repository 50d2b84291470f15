#pragma once

// Folders the tests read and write. One source file knows them, so that checkouts in different folders share compiled
// tests.

extern const char* const source_dir;        ///< the project
extern const char* const build_dir;         ///< scratch space
extern const char* const ground_truth_dir;  ///< measured tables beside the project; absent on a user's machine
