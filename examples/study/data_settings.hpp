#pragma once

// The data that the two studies read, and how much of it.

#include <cstddef>
#include <string>

namespace study {

// Of the study of weights. 0 means all that there is of scenes, and the default for text.
struct data_settings {
  std::string text;
  std::string calibration_scenes, evaluation_scenes;
  std::size_t calibration = 0, evaluation = 0;  // scenes, or sequences of text
  std::size_t sequence_length = 256;            // tokens of a sequence of text
};

// Of the study of tokens and visual computation.
struct prompt_settings {
  std::string text;                                   // prose, for a language model
  std::string calibration_scenes, evaluation_scenes;  // for a multimodal one
  std::size_t calibration = 0, evaluation = 0;        // how many prompts; 0: all scenes, 2 texts
  std::size_t length = 2000, visual = 1800;           // tokens of a text, how many count as visual
};

}  // namespace study
