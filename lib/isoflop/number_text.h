// Numbers as people write them: "7B", "1.4T", "1e24", "300 Gtok" in; SI prefixes and significant digits out.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace isoflop {

/// Plain number: the whole text must be one finite decimal number. Correctly rounded.
std::optional<double> parse_plain_number(std::string_view text);

/// Number with an optional magnitude suffix K M B G T P E (decimal; B = G = 1e9) and an optional unit word
/// after it ("tok", "tokens", "FLOP", "params"): "7B" = 7e9, "1.4T" = 1.4e12. Empty when the text is no such number.
std::optional<double> parse_number(std::string_view text);

/// Duration in seconds: "200ms", "1.5s", "3h", "30d"; a bare number is seconds.
std::optional<double> parse_duration_s(std::string_view text);

/// `digits` significant digits without exponent where that stays short: 1234567 -> "1.23e6", 0.0123 -> "0.0123".
std::string format_number(double value, int digits = 4);

/// With an SI prefix: format_si(1.4e12, "FLOP") = "1.4 TFLOP". Counts of parameters and tokens use format_count.
std::string format_si(double value, std::string_view unit, int digits = 3);

/// As the field writes counts: 7.24e9 -> "7.24B", 1.5e13 -> "15T", 410 -> "410".
std::string format_count(double value, int digits = 3);

/// 5400 -> "1.5 h", 0.0123 -> "12.3 ms".
std::string format_duration_s(double seconds, int digits = 3);

/// Binary-free byte sizes (1e9 bytes = 1 GB).
std::string format_bytes(double bytes, int digits = 3);

}  // namespace isoflop
