#pragma once

// Case "pixel_prune": the patches that their neighbours do not predict.

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <tamp/token/pixel_prune.hpp>
#include <vector>

#include "tally.hpp"

namespace golden {

inline void check_pixel_prune(const std::string& path, const safetensors_file& file,
                              tally& results) {
  namespace token = tamp::token;
  for (const auto& tensor : file.tensors()) {
    const auto key = split(tensor.name, 6);  // out.keep.GRID.KIND.DISTANCE.TAU
    if (key[0] != "out") continue;
    token::grid grid;
    std::istringstream(file.metadata().at(key[2])) >> grid.height >> grid.width;
    const auto made = token::pixel_prune(
        file.matrix<float>("in.pixels." + key[2] + "." + key[3]), grid,
        {.tau = std::stod(key[5]),
         .distance = key[4] == "max"   ? token::pixel_distance::largest
                     : key[4] == "mae" ? token::pixel_distance::mean_absolute
                                       : token::pixel_distance::root_mean_square});
    std::vector<bool> mask(grid.tokens());
    for (const std::size_t t : made.kept) mask[t] = true;
    results.verdict(path + " " + tensor.name,
                    compare(mask, file.values<std::uint8_t>(tensor.name), 0));
  }
}

}  // namespace golden
