#include "isoflop/sim/training/training_program.h"

#include <array>
#include <utility>

namespace isoflop::sim {
namespace {

template <class T, std::size_t n>
using Names = std::array<std::pair<T, std::string_view>, n>;

constexpr Names<StateFormat, 4> states = {{{StateFormat::Mixed, "mixed"},
                                           {StateFormat::SixteenBit, "16bit"},
                                           {StateFormat::Autocast, "autocast"},
                                           {StateFormat::EightBit, "8bit"}}};
constexpr Names<LossKind, 7> losses = {{{LossKind::Fp32, "fp32"},
                                        {LossKind::Fp32InPlace, "fp32-in-place"},
                                        {LossKind::Fp32Shifted, "fp32-shifted"},
                                        {LossKind::SixteenBit, "16bit"},
                                        {LossKind::SixteenBitShifted, "16bit-shifted"},
                                        {LossKind::Chunked, "chunked"},
                                        {LossKind::InPlace, "in-place"}}};
constexpr Names<MemoryCount, 4> counts = {{{MemoryCount::Needed, "needed"},
                                           {MemoryCount::Allocated, "allocated"},
                                           {MemoryCount::Reserved, "reserved"},
                                           {MemoryCount::Process, "process"}}};

template <class T, std::size_t n>
std::optional<T> named(const Names<T, n>& names, std::string_view word) {
  for (const auto& [value, name] : names)
    if (name == word) return value;
  return std::nullopt;
}

template <class T, std::size_t n>
std::string_view name_in(const Names<T, n>& names, T value) {
  for (const auto& [known, name] : names)
    if (known == value) return name;
  return "";
}

}  // namespace

std::optional<StateFormat> state_format_named(std::string_view word) { return named(states, word); }
std::optional<LossKind> loss_kind_named(std::string_view word) { return named(losses, word); }
std::optional<MemoryCount> memory_count_named(std::string_view word) { return named(counts, word); }
std::string_view name_of(StateFormat s) { return name_in(states, s); }
std::string_view name_of(LossKind l) { return name_in(losses, l); }
std::string_view name_of(MemoryCount c) { return name_in(counts, c); }

}  // namespace isoflop::sim
