// expects: observe<Statistic>(X) shows a statistic the inputs of a layer, and this one reads
// something else
#include <tamp/tamp.hpp>
#include <vector>

void wrong(std::vector<float>& numbers) {
  static_cast<void>(tamp::observe<tamp::stat::token_diversity>(tamp::view(numbers, 2, 4)));
}
