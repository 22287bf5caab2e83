// Calibrations as files. Of any bytes: loaded or refused, and then nothing has changed. Of any
// activations: what was saved is loaded to the bit.

#include <tamp/io/calibration.hpp>

#include <tamp/stat/amia_select.hpp>
#include <tamp/stat/column_norm.hpp>
#include <tamp/stat/column_variance.hpp>
#include <tamp/stat/gram.hpp>
#include <tamp/stat/hidden_change.hpp>
#include <tamp/stat/token_diversity.hpp>
#include <tamp/stat/weighted.hpp>

#include "files.hpp"
#include "small_host.hpp"

namespace fuzz::calibration {

using seen_type =
    tamp::calibration<tamp::stat::column_norm, tamp::stat::gram, tamp::stat::hidden_change,
                      tamp::stat::token_diversity,
                      tamp::stat::weighted<tamp::stat::column_norm, tamp::stat::amia_select>,
                      tamp::stat::column_variance>;

small_host host_of(source& in) {
  small_host host;
  const std::size_t tokens = in.count(0, 5);
  const bool broken = in.once_in(8);
  host.numbers = in.list(tokens * host.features,
                         [&] { return broken ? in.number<float>() : in.finite<float>(); });
  host.kinds = in.list(tokens, [&] { return tamp::modality(in.count(0, 3)); });
  host.attention = in.list(tokens, [&] { return static_cast<float>(in.count(0, 9)); });
  return host;
}

/// Of some blocks.
seen_type calibrated(small_host& host, std::size_t blocks) {
  seen_type seen;
  tamp::calibrate(host, seen, [&](const tamp::progress& p) { return p.block < blocks; });
  return seen;
}

const folder& place() {
  static const folder folder;
  return folder;
}

void load(source& in) {
  small_host host;
  const std::string path = file_of(in.rest());
  static const seen_type before = calibrated(host, 1);
  seen_type loaded = before;
  if (refusal([&] { tamp::io::load(path, host, loaded); })) {
    check(loaded == before, "a calibration that cannot be loaded changes nothing");
    return;
  }
  seen_type again;
  check(!refusal([&] { tamp::io::load(path, host, again); }), "it can be loaded again");
  check(loaded == again, "a file is the same when it is loaded again");
  check(!refusal([&] { tamp::io::save(place() / "saved", loaded); }),
        "what was loaded can be saved");
  tamp::io::load(place() / "saved", host, again);
  check(loaded == again, "what was saved is loaded as it was");
  refusal([&] { tamp::calibrate(host, loaded); });
}

std::vector<std::string> seeds() {
  std::vector<std::string> all;
  for (std::size_t blocks = 0; blocks <= 2; ++blocks) {
    small_host host;
    host.kinds = {tamp::modality::text, tamp::modality::image};
    host.attention = {1, 2};
    host.numbers = {1, 2, 3, 4, 5, -6};
    tamp::io::save(place() / "seed", calibrated(host, blocks));
    all.push_back(bytes_of(place() / "seed"));
  }
  return all;
}

void round_trip(source& in) {
  small_host host = host_of(in);
  seen_type seen;
  if (refusal([&] { seen = calibrated(host, in.count(0, 2)); })) return;
  if (seen.complete() && in.flag()) {
    small_host other = host_of(in);
    refusal([&] { seen.combine(calibrated(other, 2)); });
  }
  // Merging adds up the fingerprints of the samples.
  host.samples = seen.samples();
  const auto path = place() / "saved";
  if (!replaces(place(), path, [&](const auto& to) { tamp::io::save(to, seen); })) return;
  seen_type loaded;
  check(!refusal([&] { tamp::io::load(path, host, loaded); }), "what was saved can be loaded");
  check(loaded == seen, "what was saved is loaded to the bit");
}

const registered here[] = {{"safetensors_files", load, seeds}, {"round_trips", round_trip}};

}  // namespace fuzz::calibration
