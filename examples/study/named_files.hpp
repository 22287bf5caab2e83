#pragma once

// The files that a command line names: what a run writes must replace neither what it reads nor what
// else it writes.

#include <string>
#include <vector>

namespace study {

enum class written {
  whole,       // beside its place, and renamed
  by_rows,     // row by row: what a file has already may stay
  in_a_folder  // whole, in a folder that the run makes
};

// A file that a run writes, by an option.
struct output_file {
  std::string option;  // "--json"
  std::string path;
  written how = written::whole;
};

// True if both names are of one file, or would be if it existed. Links are followed.
bool is_one_file(const std::string& one, const std::string& other);

// Throws tamp::value_error if an output is one of the files that the run reads, or two options name
// one file. Neither reads nor writes files. An output without a path is none, and devices and pipes
// may have several.
void refuse_replacing(const std::vector<std::string>& inputs,
                      const std::vector<output_file>& outputs);

// Throws tamp::file_error if an output cannot be written. Leaves all files as they are.
void refuse_unwritable(const std::vector<output_file>& outputs);

}  // namespace study
