#include "isoflop/sim/kernel/checkpoint.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "isoflop/catalogue/csv_table.h"
#include "isoflop/error.h"
#include "isoflop/model/architecture_json.h"
#include "isoflop/sim/kernel/decoder.h"

namespace isoflop::sim {
namespace {

constexpr std::string_view kind = "isoflop checkpoint ", magic = "isoflop checkpoint 4\n";
constexpr std::size_t fingerprint_size = 64;  // SHA-256 in hexadecimal

void append(std::string& bytes, const void* data, std::size_t count) {
  bytes.append(static_cast<const char*>(data), count);
}

// Of everything behind it: tells a file that was damaged on its way. No defence against forgery. Mixing steps after
// Vigna's SplitMix64.
std::uint64_t checksum(std::string_view bytes) {
  std::uint64_t sum = bytes.size();
  for (; !bytes.empty(); bytes.remove_prefix(std::min<std::size_t>(8, bytes.size()))) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), std::min<std::size_t>(8, bytes.size()));
    sum = (sum ^ word) * 0x9e3779b97f4a7c15u;
    sum ^= sum >> 29;
  }
  return sum;
}

// The parts of a file, in order: magic, fingerprint, line end, checksum, sizes, then what they size.
struct Parts {
  std::string_view fingerprint, architecture, tokenizer, curve, floats;
  std::string_view summed;
  std::uint64_t sum = 0;
  std::int64_t steps = 0;
  void check(const std::string& path) const {
    if (checksum(summed) != sum) throw Error(Fault::BadInput, path + ": is damaged: its checksum is another");
  }
};

Parts parts_of(std::string_view bytes, const std::string& path) {
  const auto ends_early = [&] { return Error(Fault::BadInput, path + ": ends early"); };
  const auto take = [&](std::uint64_t count) {
    if (count > bytes.size()) throw ends_early();
    const auto part = bytes.substr(0, count);
    bytes.remove_prefix(count);
    return part;
  };
  if (!bytes.starts_with(magic))
    throw Error(Fault::BadInput, path + (bytes.starts_with(kind) ? ": is a checkpoint of another version of isoflop"
                                                                 : ": is no checkpoint of isoflop"));
  take(magic.size());
  Parts parts;
  parts.fingerprint = take(fingerprint_size);
  take(1);
  std::memcpy(&parts.sum, take(sizeof parts.sum).data(), sizeof parts.sum);
  parts.summed = bytes;
  std::int64_t numbers[4];
  std::memcpy(numbers, take(sizeof numbers).data(), sizeof numbers);
  for (const auto number : numbers)
    if (number < 0 || number > std::int64_t{1} << 40) throw ends_early();
  parts.steps = numbers[0];
  parts.architecture = take(static_cast<std::uint64_t>(numbers[2]));
  parts.tokenizer = take(static_cast<std::uint64_t>(numbers[3]));
  parts.curve = take(static_cast<std::uint64_t>(numbers[1]) * sizeof(CurvePoint));
  parts.floats = bytes;
  return parts;
}

}  // namespace

void save_checkpoint(const std::string& path, const std::string& fingerprint, const TrainingRunSettings& settings,
                     const BytePairs* tokenizer, Trainer& trainer, const std::vector<CurvePoint>& curve) {
  const std::string architecture = to_json(to_value(settings.architecture), -1);
  const std::string pairs = tokenizer ? tokenizer->text() : "";
  std::string bytes = std::string(magic) + fingerprint + "\n";
  const std::size_t sum_at = bytes.size();
  bytes.append(sizeof(std::uint64_t), '\0');
  const std::int64_t numbers[4] = {trainer.steps_taken(), static_cast<std::int64_t>(curve.size()),
                                   static_cast<std::int64_t>(architecture.size()),
                                   static_cast<std::int64_t>(pairs.size())};
  append(bytes, numbers, sizeof numbers);
  bytes += architecture + pairs;
  append(bytes, curve.data(), curve.size() * sizeof(CurvePoint));
  for (const auto* values : {&trainer.weights(), &trainer.first_moments(), &trainer.second_moments()})
    append(bytes, values->data(), values->size() * sizeof(float));
  const std::uint64_t sum = checksum(std::string_view(bytes).substr(sum_at + sizeof sum));
  std::memcpy(bytes.data() + sum_at, &sum, sizeof sum);
  write_file(path, bytes);
}

std::vector<CurvePoint> resume_checkpoint(const std::string& path, const std::string& fingerprint, Trainer& trainer) {
  const std::string bytes = read_file(path);
  const Parts parts = parts_of(bytes, path);
  if (parts.fingerprint != fingerprint)
    throw Error(Fault::BadInput,
                path + ": is the checkpoint of a run with other settings; give another file or the same settings");
  const std::size_t each = trainer.weights().size() * sizeof(float);
  if (parts.floats.size() != 3 * each) throw Error(Fault::BadInput, path + ": ends early");
  parts.check(path);
  std::vector<CurvePoint> curve(parts.curve.size() / sizeof(CurvePoint));
  std::memcpy(curve.data(), parts.curve.data(), parts.curve.size());
  std::size_t at = 0;
  for (auto* values : {&trainer.weights(), &trainer.first_moments(), &trainer.second_moments()}) {
    std::memcpy(values->data(), parts.floats.data() + at, each);
    at += each;
  }
  trainer.steps_taken() = parts.steps;
  trainer.weights_changed();
  return curve;
}

TrainedModel read_model(const std::string& path) {
  const std::string bytes = read_file(path);
  const Parts parts = parts_of(bytes, path);
  TrainedModel model;
  model.architecture = architecture_from(parse_json(parts.architecture, path), path);
  model.steps = parts.steps;
  if (!parts.tokenizer.empty()) {
    model.tokenizer = BytePairs::from_text(parts.tokenizer, path);
    if (model.tokenizer->vocabulary() > static_cast<std::size_t>(model.architecture.vocabulary))
      throw Error(Fault::BadInput, path + ": its tokenizer has more tokens than its model");
  }
  model.weights.resize(weight_layout(model.architecture).count());
  const std::size_t each = model.weights.size() * sizeof(float);
  if (parts.floats.size() != 3 * each) throw Error(Fault::BadInput, path + ": ends early");
  parts.check(path);
  std::memcpy(model.weights.data(), parts.floats.data(), each);
  return model;
}

}  // namespace isoflop::sim
