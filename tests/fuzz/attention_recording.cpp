// Recordings of attention as files. Of any bytes: opened or refused. Of any records: what was
// committed is read back, and answers as records in memory do.

#include <tamp/io/attention_recording.hpp>

#include "files.hpp"

namespace fuzz::attention_recording {

using tamp::token::attention_record;

const folder& place() {
  static const folder folder;
  return folder;
}

/// Some of the tokens from 0 to count - 1, ascending.
std::vector<std::size_t> some_of(source& in, std::size_t count) {
  std::vector<std::size_t> left;
  for (std::size_t t = 0; t < count; ++t)
    if (in.flag()) left.push_back(t);
  return left;
}

void open(source& in) {
  const std::string path = file_of(in.rest());
  refusal([&] {
    const tamp::io::attention_recording file(path);
    check(file.visual_tokens().size() == file.samples(), "a sample has one count of tokens");
    for (std::size_t s = 0; s < file.samples(); ++s)
      for (std::size_t l = 0; l < file.layers(); ++l) {
        const std::size_t tokens = file.visual_tokens()[s];
        if (tokens > 1000) return;
        const auto left = some_of(in, tokens);
        const auto answer = file(s, l, left);
        check(answer.cross.size() == left.size() && answer.self.size() == left.size(),
              "there is one answer for each token that is left");
      }
  });
}

attention_record record_of(source& in, std::size_t tokens) {
  const auto attention = [&] { return std::fabs(in.finite<float>()); };
  return {in.list(tokens, [&] { return static_cast<double>(attention()); }),
          in.list(tokens * tokens, attention)};
}

std::string recorded(const std::vector<std::size_t>& tokens, std::size_t layers,
                     const std::vector<attention_record>& records) {
  const auto path = place() / "recording";
  tamp::io::attention_recorder out(path, tokens, layers);
  for (const attention_record& record : records) out.add(record);
  out.commit();
  return path;
}

void round_trip(source& in) {
  const std::size_t layers = in.count(0, 3);
  const auto tokens = in.list(in.count(0, 3), [&] { return in.count(0, 5); });
  std::vector<attention_record> records;
  for (const std::size_t count : tokens)
    for (std::size_t l = 0; l < layers; ++l)
      records.push_back(record_of(in, in.once_in(64) ? count + 1 : count));
  if (in.once_in(16) && !records.empty()) records.pop_back();
  std::string path;
  if (refusal([&] { path = recorded(tokens, layers, records); })) return;
  refusal([&] {
    const tamp::io::attention_recording file(path);
    tamp::token::attention_recording memory(layers);
    for (const attention_record& record : records) memory.add(record);
    check(file.visual_tokens() == memory.visual_tokens(), "samples are read back");
    for (std::size_t s = 0; s < file.samples(); ++s)
      for (std::size_t l = 0; l < layers; ++l) {
        const auto left = some_of(in, tokens[s]);
        check(file(s, l, left) == memory(s, l, left), "file and memory answer the same");
      }
    tamp::io::save(place() / "saved", memory);
    check(bytes_of(place() / "saved") == bytes_of(path),
          "a whole recording is saved as records are");
    const auto loaded = tamp::io::load<tamp::token::attention_recording>(path);
    for (std::size_t s = 0; s < file.samples(); ++s)
      for (std::size_t l = 0; l < layers; ++l) {
        check(same_bits(loaded.at(s, l).cross, memory.at(s, l).cross), "attention is read back");
        check(same_bits(loaded.at(s, l).self, memory.at(s, l).self), "attention is read back");
      }
  });
}

std::vector<std::string> seeds() {
  const attention_record two{{0.5, 0.25}, {1, 0, 0.5, 0.5}}, one{{1}, {1}};
  std::vector<std::string> all;
  all.push_back(bytes_of(recorded({2}, 1, {two})));
  all.push_back(bytes_of(recorded({1, 2}, 2, {one, one, two, two})));
  return all;
}

const registered here[] = {{"safetensors_files", open, seeds}, {"round_trips", round_trip}};

}  // namespace fuzz::attention_recording
