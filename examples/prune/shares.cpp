#include "shares.hpp"

#include <algorithm>
#include <optional>
#include <set>
#include <string_view>
#include <tamp/error.hpp>

#include "sentences.hpp"

namespace tamp_prune {
namespace {

// The rank of each layer that is not done, by its middle byte among all of them.
class owners {
 public:
  owners(const layer_list& layers, const layer_reports& done, std::size_t ranks)
      : done_(done), ranks_(ranks) {
    layers.visit([&](const layer& l) {
      if (!done_.contains(l.name)) all_ += l.length;
    });
  }
  // Asked for one layer after another.
  std::optional<std::size_t> of(const layer& l) {
    if (done_.contains(l.name)) return std::nullopt;
    const double middle = static_cast<double>(before_) + static_cast<double>(l.length) / 2;
    before_ += l.length;
    const double place = middle / static_cast<double>(all_) * static_cast<double>(ranks_);
    return std::min(static_cast<std::size_t>(place), ranks_ - 1);
  }

 private:
  const layer_reports& done_;
  std::size_t ranks_;
  std::uint64_t all_ = 0, before_ = 0;
};

}  // namespace

layer_reports reports_by_name(const std::vector<tamp::layer_report>& reports,
                              const tamp::pruning_plan& plan, const std::string& source) {
  std::set<std::string_view> planned;
  for (const tamp::planned_layer& l : plan.layers) planned.insert(l.name);
  layer_reports by_name;
  for (const tamp::layer_report& report : reports) {
    if (!planned.contains(report.name))
      refuse(source, "says that ", report.name, " is done, which is no layer of the plan");
    if (!by_name.emplace(report.name, report).second)
      refuse(source, "says twice that ", report.name, " is done; remove the folder to begin anew");
  }
  return by_name;
}

std::uint64_t share::bytes() const {
  std::uint64_t bytes = 0;
  layers.visit([&](const layer& l) { bytes += l.length; });
  return bytes;
}

share share_of(const layer_list& layers, const tamp::pruning_plan& plan, const layer_reports& done,
               std::size_t rank, std::size_t ranks) {
  share mine;
  mine.plan = plan;
  mine.plan.layers.clear();
  owners owner(layers, done, ranks);
  std::size_t k = 0;
  for (const block& b : layers.blocks) {
    block& part = mine.layers.blocks.emplace_back(block{b.stack, b.number, {}});
    for (const layer& l : b.layers) {
      if (owner.of(l) == rank) {
        part.layers.push_back(l);
        mine.plan.layers.push_back(plan.layers[k]);
      }
      ++k;
    }
  }
  return mine;
}

}  // namespace tamp_prune
