// In which unit a table states its messages. A column called bytes may hold elements: the physical bound finds that
// only where the link is nearly full, so two number formats are compared as well. Moving bytes takes the same time
// whatever they mean: if calls of x 16-bit elements take as long as calls of 2 x 8-bit ones, the column counts
// elements.
#pragma once
#include <span>
#include <string>

namespace isoflop::sim {

struct MessageRow {  ///< A call whose message may be bytes or elements.
  std::string call;            ///< everything but message and format: chip, operation, devices, nodes
  double element_bytes = 2;
  double message = 0;          ///< as the table states it
  double seconds = 0;
};

enum class MessageUnit { Bytes, Elements, Undecided };

struct MessageUnitFinding {  ///< What the comparison of formats says.
  MessageUnit unit = MessageUnit::Undecided;
  std::size_t pairs = 0;          ///< calls that could be compared
  double as_bytes = 0;            ///< median ratio of times at equal message, read as bytes
  double as_elements = 0;         ///< the same, read as elements
};

/// Compares messages of at least a megabyte, where time follows size. Undecided with fewer than five pairs, or when
/// neither reading brings the median ratio within 10 % of one while the other is further than 25 % off.
MessageUnitFinding message_unit(std::span<const MessageRow> rows);

}  // namespace isoflop::sim
