// Any bytes as a file with sparse weights: each is refused, or agrees with its tensors and can be
// multiplied where it is mapped.

#include <tamp/io/safetensors.hpp>
#include <tamp/io/sparse_file.hpp>
#include <tamp/sparse/multiply.hpp>
#include <tamp/sparse/pack.hpp>

#include "files.hpp"

namespace fuzz::sparse_files {

using tamp::io::safetensors_file;

template <class T>
void read_as(const safetensors_file& file, const std::string& name) {
  const auto refused = refusal([&] {
    const auto copy = tamp::io::read_sparse<T>(file, name);
    const auto& bits = file.at(name + ".bitmask");
    const std::size_t rows = bits.shape[0], pitch = bits.shape[1];
    check(copy.rows() == rows && (copy.cols() + 7) / 8 == pitch, "the mask has the shape");
    std::size_t kept = 0;
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < copy.cols(); ++j) {
        const auto byte = std::to_integer<unsigned>(bits.bytes[i * pitch + j / 8]);
        check(copy.mask()(i, j) == ((byte >> j % 8 & 1u) != 0), "the mask is that of the file");
        kept += copy.mask()(i, j);
      }
    check(kept == copy.kept() && kept == file.at(name + ".compressed").size(),
          "as many weights are kept as the mask has bits");
    if (copy.rows() > 4096 || copy.cols() > 4096) return;
    std::vector<float> x(copy.cols(), 0.5f), y(copy.rows(), -1), row(copy.cols());
    tamp::sparse::multiply(copy, x, y);
    for (std::size_t i = 0; i < rows; ++i) {
      copy.read_row(i, row);
      for (std::size_t j = 0; j < row.size(); ++j)
        check(copy.mask()(i, j) || row[j] == 0, "what is dropped reads as 0");
    }
    const auto in_place = refusal([&] {
      const auto mapped = tamp::io::sparse_view<T>(file, name);
      check(mapped == copy.view(), "a view and a copy are equal");
      std::vector<float> again(copy.rows(), -2);
      tamp::sparse::multiply(mapped, x, again);
      check(same_bits(y, again), "a view and a copy have the same products");
    });
    check(!in_place || in_place->find("multiple of") != std::string::npos,
          "what can be copied can be mapped, but for its alignment");
  });
  if (refused) check(refused->find(file.name()) != std::string::npos, "an error names the file");
}

void run(source& in) {
  const std::string path = file_of(in.rest());
  refusal([&] {
    const safetensors_file file(path);
    for (const std::string& name : tamp::io::sparse_weights(file)) {
      read_as<float>(file, name);
      read_as<tamp::f16>(file, name);
      read_as<tamp::bf16>(file, name);
      read_as<std::int8_t>(file, name);
    }
  });
}

std::vector<std::string> seeds() {
  const folder place;
  std::vector<std::string> all;
  const auto add = [&]<class T>(T, std::size_t rows, std::size_t cols) {
    std::vector<float> numbers(rows * cols);
    for (std::size_t k = 0; k < numbers.size(); ++k) numbers[k] = static_cast<float>(k * k % 3);
    const auto weight = tamp::sparse::pack_as<T>(tamp::view(numbers, rows, cols));
    tamp::io::safetensors_writer out(place / "seed", tamp::io::declare_sparse("p", weight));
    tamp::io::write_sparse(out, "p", weight);
    out.commit();
    all.push_back(bytes_of(place / "seed"));
  };
  add(float{}, 3, 9);
  add(float{}, 0, 0);
  add(tamp::f16{}, 2, 70);
  add(tamp::bf16{}, 1, 1);
  add(std::int8_t{}, 2, 40);
  return all;
}

const registered here("sparse_files", run, seeds);

}  // namespace fuzz::sparse_files
