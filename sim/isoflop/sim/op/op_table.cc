#include "isoflop/sim/op/op_table.h"

#include <algorithm>
#include <map>
#include <set>

#include "isoflop/error.h"
#include "isoflop/number_text.h"
#include "isoflop/sim/op/kernel_format.h"
#include "isoflop/sim/op/message_unit.h"

namespace isoflop::sim {
namespace {

/// A row that cannot be priced; becomes a RefusedRow.
struct Refusal {
  std::string reason;
};

// Timer resolution and rounding of published peaks.
constexpr double suspect_beyond = 1.02;
constexpr double refused_beyond = 1.25;

// aiconfigurator's tables of NCCL times state the size in elements in its documentation.
constexpr const char* documented_in_elements = "nccl_perf";

class Reader {
 public:
  explicit Reader(const CsvTable& table) : table_(table) {}
  double number(std::size_t row, const char* column) const {
    const double value = table_.required_number(row, table_.column(column));
    return value;
  }
  double positive(std::size_t row, const char* column) const {
    const double value = number(row, column);
    if (!(value > 0)) table_.reject(row, table_.column(column), "is not positive");
    return value;
  }
  std::string text(std::size_t row, const char* column) const {
    return std::string(table_.text(row, table_.column(column)));
  }
  std::string optional_text(std::size_t row, const char* column) const {
    const auto found = table_.find_column(column);
    return found ? std::string(table_.text(row, *found)) : std::string();
  }

 private:
  const CsvTable& table_;
};

KernelFormat format_of(const std::string& word) {
  const auto format = kernel_format_named(word);
  if (!format) throw Refusal{"number format \"" + word + "\" is not modelled"};
  return *format;
}

OpShape gemm_row(const Reader& read, std::size_t row) {
  GemmShape shape;
  shape.m = static_cast<std::int64_t>(read.positive(row, "m"));
  shape.n = static_cast<std::int64_t>(read.positive(row, "n"));
  shape.k = static_cast<std::int64_t>(read.positive(row, "k"));
  shape.format = format_of(read.text(row, "dtype"));
  return shape;
}

OpShape attention_row(const Reader& read, std::size_t row) {
  AttentionShape shape;
  const std::string kind = read.text(row, "kind"), cache = read.text(row, "kv_cache_dtype");
  if (kind != "context" && kind != "generation")
    throw Refusal{"kind \"" + kind + "\" is neither context nor generation"};
  shape.decode = kind == "generation";
  shape.sequences = read.positive(row, "batch_size");
  shape.new_tokens = shape.decode ? 1 : read.positive(row, "isl");
  shape.cached_tokens = shape.decode ? read.positive(row, "ctx_len") : read.number(row, "step");
  shape.heads = read.positive(row, "num_heads");
  shape.kv_heads = read.positive(row, "num_key_value_heads");
  shape.head_dim = read.positive(row, "head_dim");
  shape.window = read.number(row, "window_size");
  const auto format = format_of(cache);
  shape.kv_bytes_per_element = weight_bytes_per_element(format);
  return shape;
}

OpShape elementwise_row(const Reader& read, std::size_t row) {
  std::string op = read.text(row, "op");
  if (op.find("norm") != std::string::npos) op = "norm";
  return ElementwiseShape{op, read.positive(row, "bytes_min")};
}

OpShape moe_row(const Reader& read, std::size_t row) {
  MoeShape shape;
  shape.tokens = read.positive(row, "num_tokens");
  shape.hidden = read.positive(row, "hidden_size");
  shape.expert_width = read.positive(row, "inter_size");
  shape.per_token = read.positive(row, "topk");
  shape.experts = read.positive(row, "num_experts");
  shape.tensor_parallel = read.positive(row, "moe_tp_size");
  shape.expert_parallel = read.positive(row, "moe_ep_size");
  shape.format = format_of(read.text(row, "moe_dtype"));
  const std::string distribution = read.text(row, "distribution"), power_law = "power_law_";
  if (distribution.rfind(power_law, 0) == 0) {
    const auto skew = parse_plain_number(distribution.substr(power_law.size()));
    if (!skew) throw Refusal{"distribution \"" + distribution + "\" is not power_law_NUMBER"};
    shape.routing_skew = *skew;
  } else if (distribution == "balanced") {
    shape.dealt_evenly = true;
  } else {
    throw Refusal{"distribution \"" + distribution + "\" is neither balanced nor power_law_NUMBER"};
  }
  return shape;
}

OpShape comm_row(const Reader& read, std::size_t row) {
  static const std::map<std::string, Collective> ops = {{"all_reduce", Collective::AllReduce},
                                                        {"all_gather", Collective::AllGather},
                                                        {"reduce_scatter", Collective::ReduceScatter},
                                                        {"alltoall", Collective::AllToAll},
                                                        {"send_recv", Collective::SendReceive}};
  const auto op = ops.find(read.text(row, "op"));
  if (op == ops.end()) throw Refusal{"collective \"" + read.text(row, "op") + "\" is not modelled"};
  CommShape shape;
  shape.op = op->second;
  shape.devices = read.positive(row, "num_gpus");
  shape.nodes = read.positive(row, "nodes");
  shape.message_bytes = read.positive(row, "message_bytes");
  if (shape.devices < 2) throw Refusal{"a collective of one device"};
  return shape;
}

using RowReader = OpShape (*)(const Reader&, std::size_t);
struct TableKind {
  std::string name;
  std::vector<std::string> columns;
  RowReader read;
};

const std::vector<TableKind>& kinds() {
  static const std::vector<TableKind> all = {
      {"op_gemm", {"m", "n", "k", "dtype"}, gemm_row},
      {"op_attention",
       {"kind", "batch_size", "isl", "step", "ctx_len", "num_heads", "num_key_value_heads", "head_dim", "window_size",
        "kv_cache_dtype"},
       attention_row},
      {"op_moe",
       {"num_tokens", "hidden_size", "inter_size", "topk", "num_experts", "moe_tp_size", "moe_ep_size", "moe_dtype",
        "distribution"},
       moe_row},
      {"op_comm", {"op", "num_gpus", "message_bytes", "nodes"}, comm_row},
      {"op_elementwise", {"op", "bytes_min"}, elementwise_row},
  };
  return all;
}

// "github.com/owner/repo@commit:path" -> "owner/repo@commit"
std::string repository(std::string citation) {
  const std::string host = "github.com/";
  if (citation.rfind(host, 0) == 0) citation.erase(0, host.size());
  return citation.substr(0, citation.find(':'));
}

std::string source_file(const Reader& read, std::size_t row) { return read.optional_text(row, "citation"); }

double element_bytes(const Reader& read, std::size_t row) {
  const auto format = kernel_format_named(read.optional_text(row, "dtype"));
  return format ? weight_bytes_per_element(*format) : 1;
}

// Files whose message column counts elements although it is called bytes.
std::set<std::string> sources_in_elements(const Reader& read, const CsvTable& table, std::vector<std::string>& notes) {
  std::map<std::string, std::vector<MessageRow>> by_source;
  for (std::size_t row = 0; row < table.rows(); ++row)
    by_source[source_file(read, row)].push_back({read.text(row, "hardware") + " " + read.text(row, "op") + " " +
                                                     read.text(row, "num_gpus") + " " + read.text(row, "nodes"),
                                                 element_bytes(read, row), read.number(row, "message_bytes"),
                                                 read.number(row, "latency_us")});
  std::set<std::string> result;
  for (const auto& [source, rows] : by_source) {
    const auto finding = message_unit(rows);
    const bool documented = source.find(documented_in_elements) != std::string::npos;
    if (finding.unit == MessageUnit::Elements || (finding.unit == MessageUnit::Undecided && documented)) {
      result.insert(source);
      notes.push_back(
          std::to_string(rows.size()) + " rows of " +
          source.substr(source.rfind('@') == std::string::npos ? 0 : source.rfind('@') + 1) +
          ": message_bytes is read as elements, " +
          (finding.unit == MessageUnit::Elements
               ? "because calls of x 16-bit elements take as long as calls of 2 x 8-bit ones (median ratio " +
                     format_number(finding.as_elements, 3) + "; read as bytes " + format_number(finding.as_bytes, 3) +
                     ", " + std::to_string(finding.pairs) + " pairs)"
               : "as its origin documents"));
    }
  }
  return result;
}

void check_bounds(OpSample& sample) {
  const OpCost cost = op_cost(sample.shape, sample.limits, generic_values(sample.key));
  const auto check = [&](double bound_s, const std::string& at, const std::string& advice) {
    if (sample.measured_s * refused_beyond < bound_s)
      throw Refusal{"impossible: " + format_si(sample.measured_s, "s") + " measured, " + format_si(bound_s, "s") +
                    " at " + at + "; " + advice};
    if (sample.measured_s * suspect_beyond < bound_s) sample.suspect = "faster than " + at;
  };
  check(cost.arithmetic_s, "the chip's peak arithmetic", "check the unit of the time and the number format");
  check(cost.link_s, "the full speed of the link", "check whether the message is in bytes or elements");
  sample.faster_than_memory = sample.measured_s * suspect_beyond < cost.memory_s;
}

}  // namespace

const std::vector<std::string>& op_table_kinds() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> result;
    for (const auto& kind : kinds()) result.push_back(kind.name);
    return result;
  }();
  return names;
}

std::string op_table_kind_of(const CsvTable& table) {
  for (const auto& kind : kinds())
    if (table.find_column("latency_us") &&
        std::all_of(kind.columns.begin(), kind.columns.end(),
                    [&](const auto& column) { return table.find_column(column).has_value(); }))
      return kind.name;
  return {};
}

OpSamples read_op_table(const std::string& kind_name, const CsvTable& table, const DataFolder& data) {
  const auto accelerators = AcceleratorCatalogue::load(data);
  const auto interconnects = InterconnectCatalogue::load(data);
  const auto kind =
      std::find_if(kinds().begin(), kinds().end(), [&](const TableKind& k) { return k.name == kind_name; });
  if (kind == kinds().end()) throw unknown_name("table of operations", kind_name, op_table_kinds());
  const Reader read(table);
  for (const auto& column : kind->columns) table.column(column);
  OpSamples result;
  const auto elements =
      kind_name == "op_comm" ? sources_in_elements(read, table, result.notes) : std::set<std::string>();
  for (std::size_t row = 0; row < table.rows(); ++row) {
    OpSample sample;
    sample.row_id = read.optional_text(row, "row_id");
    if (sample.row_id.empty()) sample.row_id = "line " + std::to_string(table.line(row));
    sample.measured_s = 1e-6 * read.positive(row, "latency_us");
    try {
      const std::string hardware = read.text(row, "hardware");
      const Interconnect* interconnect = interconnects.find(hardware);
      const Accelerator* accelerator = accelerators.find(interconnect ? interconnect->accelerator : hardware);
      if (!accelerator) throw Refusal{"accelerator \"" + hardware + "\" is not in the catalogue"};
      sample.accelerator = accelerator->id;
      sample.chip = interconnect ? interconnect->id : accelerator->id;
      sample.shape = kind->read(read, row);
      if (auto* comm = std::get_if<CommShape>(&sample.shape); comm && elements.count(source_file(read, row)))
        comm->message_bytes *= element_bytes(read, row);
      sample.key = key_of(sample.shape);
      // Rows without a group stand alone.
      sample.group = read.optional_text(row, "group");
      if (sample.group.empty()) sample.group = sample.row_id;
      sample.source = repository(read.optional_text(row, "citation"));
      Accelerator device = *accelerator;
      if (const auto* comm = std::get_if<CommShape>(&sample.shape); comm && interconnect) {
        device.intra_node_bytes_per_s = interconnect->inside_node_bytes_per_s(comm->devices);
        device.inter_node_bytes_per_s = interconnect->network_bytes_per_s;
      }
      try {
        sample.limits = limits_for(sample.shape, device);
      } catch (const Error& problem) {
        throw Refusal{problem.what()};
      }
      check_bounds(sample);
      result.samples.push_back(std::move(sample));
    } catch (const Refusal& refusal) {
      result.refused.push_back({sample.row_id, refusal.reason});
    }
  }
  return result;
}

}  // namespace isoflop::sim
