#pragma once
#include <string>
#include <string_view>

namespace isoflop {

/// Lower-case hexadecimal SHA-256, so that a result can name the very bytes it was computed from.
std::string sha256_hex(std::string_view bytes);

}  // namespace isoflop
