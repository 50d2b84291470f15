#include "isoflop/import/tensor_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "isoflop/error.h"

namespace isoflop {

// 72 petabytes: what lies beyond is no file, and sums over what lies below do not overflow.
constexpr std::int64_t longest_data = std::int64_t{1} << 56;

bool multiply_shape(const std::vector<std::int64_t>& shape, std::int64_t& elements) {
  // Times 8 bytes of the widest format still fits; a zero anywhere makes the tensor empty, whatever the rest says.
  constexpr std::int64_t most = INT64_MAX / 64;
  elements = 1;
  if (std::find(shape.begin(), shape.end(), 0) != shape.end()) {
    elements = 0;
    return true;
  }
  for (const std::int64_t size : shape) {
    if (size < 0 || elements > most / size) return false;
    elements *= size;
  }
  return true;
}

void check_layout(const TensorFile& file, std::int64_t data_bytes, std::int64_t gap, bool only_header) {
  const auto reject = [&](const std::string& problem) { throw Error(Fault::BadInput, file.name + ": " + problem); };
  std::unordered_set<std::string_view> names;
  for (const StoredTensor& t : file.tensors)
    if (!names.insert(t.name).second) reject(fmt::format("tensor \"{}\" stands in the header twice", t.name));
  std::vector<std::size_t> order(file.tensors.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const StoredTensor &x = file.tensors[a], &y = file.tensors[b];
    return std::pair(x.offset, x.bytes) < std::pair(y.offset, y.bytes);
  });
  std::int64_t end = 0;
  const StoredTensor* before = nullptr;
  for (const std::size_t i : order) {
    const StoredTensor& t = file.tensors[i];
    if (t.bytes > longest_data || t.offset > longest_data - t.bytes)
      reject(fmt::format("tensor \"{}\" ends beyond any file", t.name));
    if (t.offset < end && t.bytes > 0)
      reject(fmt::format("tensor \"{}\" starts at byte {} of the data, inside \"{}\", which ends at {}", t.name,
                         t.offset, before->name, end));
    if (t.offset - end > gap)
      reject(fmt::format(
          "tensor \"{}\" starts at byte {} of the data; expected {}: bytes that belong to no tensor are not allowed",
          t.name, t.offset, end));
    if (t.bytes == 0) continue;
    end = t.offset + t.bytes;
    before = &t;
  }
  if (only_header) return;
  if (end > data_bytes)
    reject(
        fmt::format("the file is cut short: tensor \"{}\" ends at byte {} of the data, but only {} follow the header",
                    before->name, end, data_bytes));
  if (data_bytes - end > gap)
    reject(fmt::format("{} bytes follow the last tensor; expected {}", data_bytes - end,
                       gap == 0 ? "none" : "less than one alignment"));
}

bool is_quantisation_data(std::string_view name) {
  for (const std::string_view end :
       {"_scale_inv", "_scale", ".scale", "_scales", ".scales", ".qzeros", ".zeros", ".g_idx", "_zero_point", ".absmax",
        ".quant_map", ".nested_absmax", ".nested_quant_map", "_scale_2", ".input_scale", ".weight_shape"})
    if (name.size() > end.size() && name.substr(name.size() - end.size()) == end) return true;
  return name.find(".quant_state.") != std::string_view::npos;
}

}  // namespace isoflop
