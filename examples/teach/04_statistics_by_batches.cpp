// Step 4: statistics. They add up: over batches, over threads, over machines.
#include <iostream>
#include <tamp/tamp.hpp>
#include <vector>

int main() {
  std::vector<float> inputs{1, 0, 2,  //
                            2, 1, 0,  //
                            0, 3, 1,  //
                            2, 1, 1};
  const auto print = [](const char* name, const tamp::stat::column_norm& norms) {
    std::cout << name << ':';
    for (const float norm : norms.values()) std::cout << ' ' << norm;
    std::cout << ", of " << norms.tokens() << " tokens\n";
  };

  // One call for one batch.
  print("at once", tamp::observe<tamp::stat::column_norm>(tamp::view(inputs, 4, 3)));

  // Batch after batch, as a calibration runs. Each call is one sequence: the norms are means over
  // sequences, which changes no order of scores.
  tamp::stat::column_norm first(3), second(3);
  first.add(tamp::row_major(inputs.data(), 2, 3, 3));
  second.add(tamp::row_major(inputs.data() + 6, 2, 3, 3));
  print("first half", first);
  print("second half", second);

  // Two machines, each with its own samples: the sums are added.
  first.combine(second);
  print("combined", first);
}
