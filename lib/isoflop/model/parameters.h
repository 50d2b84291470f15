// Counts that follow from a program's tensors: parameters in every convention, and the size of the KV cache.
#pragma once
#include <array>
#include <cstdint>

#include "isoflop/model/program.h"

namespace isoflop {

/// Vendors count active parameters in three ways that differ by up to 30 % for small models; they are never mixed.
enum class ActiveConvention {
  All,                    ///< everything a token passes, both embeddings counted
  WithoutInputEmbedding,  ///< without the input embedding, which is a look-up; a tied matrix stays, as the head
  WithoutEmbeddings,      ///< without input embedding and head
};

struct PartCount {  ///< Weights of one part.
  std::int64_t total = 0;
  std::int64_t active = 0;
};

struct ParameterCount {  ///< Weights of a model, by convention and by part.
  std::int64_t total = 0;
  std::int64_t active = 0;                          ///< ActiveConvention::All
  std::int64_t active_without_input_embedding = 0;
  std::int64_t active_without_embeddings = 0;
  std::array<PartCount, 12> by_part{};              ///< index: Part

  const PartCount& of(Part part) const { return by_part[static_cast<std::size_t>(part)]; }  ///< Weights of a part.
  std::int64_t active_by(ActiveConvention convention) const;  ///< The count of a convention.
};

ParameterCount count_parameters(const Architecture& architecture);  ///< Sums over the weights of the op list.
ParameterCount count_parameters(const Program& program);

/// Elements that one more token adds to the KV cache of a sequence, windows not yet full: GQA sum 2 g e, MLA sum c + r.
std::int64_t kv_elements_per_token(const Architecture& architecture);

/// Elements of the cache of one sequence of that length: a layer with a window or chunk keeps no more than it sees.
std::int64_t kv_elements(const Architecture& architecture, std::int64_t tokens);

}  // namespace isoflop
