// Rewrites the weights of a safetensors file: `exchange pack DENSE SPARSE` makes sparse ones of all
// P.weight, `exchange unpack SPARSE DENSE` dense ones of all sparse weights. check.py runs it.

#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <string>
#include <string_view>
#include <tamp/io/safetensors.hpp>
#include <tamp/io/sparse_file.hpp>
#include <tamp/sparse/pack.hpp>
#include <tamp/sparse/unpack.hpp>
#include <variant>
#include <vector>

namespace {

using tamp::io::dtype;
using tamp::io::safetensors_file;
using tamp::io::safetensors_writer;

// Calls use(T{}) with the type of number that a tensor holds.
template <class Use>
void with_type(dtype type, const Use& use) {
  switch (type) {
    case dtype::f32:
      return use(float{});
    case dtype::f16:
      return use(tamp::f16{});
    case dtype::bf16:
      return use(tamp::bf16{});
    default:
      throw tamp::value_error("exchange: a weight of another type");
  }
}

using any_matrix = std::variant<tamp::sparse::matrix<float>, tamp::sparse::matrix<tamp::f16>,
                                tamp::sparse::matrix<tamp::bf16>>;

void pack(const safetensors_file& from, const std::string& to) {
  constexpr std::string_view ending = ".weight";
  std::map<std::string, any_matrix> weights;
  std::vector<tamp::io::declaration> tensors;
  for (const auto& tensor : from.tensors())
    with_type(tensor.type, [&]<class T>(T) {
      const std::string name = tensor.name.substr(0, tensor.name.size() - ending.size());
      auto packed = tamp::sparse::pack(from.matrix<T>(tensor.name));
      for (auto& declared : tamp::io::declare_sparse(name, packed)) tensors.push_back(declared);
      weights.emplace(name, std::move(packed));
    });
  safetensors_writer out(to, tensors);
  for (const auto& [name, weight] : weights)
    std::visit([&](const auto& s) { tamp::io::write_sparse(out, name, s); }, weight);
  out.commit();
}

void unpack(const safetensors_file& from, const std::string& to) {
  std::vector<tamp::io::declaration> tensors;
  const auto names = tamp::io::sparse_weights(from);
  for (const auto& name : names) {
    const auto type = from.at(name + ".compressed").type;
    with_type(type, [&]<class T>(T) {
      const auto s = tamp::io::sparse_view<T>(from, name);
      tensors.push_back({name + ".weight", type, {s.rows(), s.cols()}});
    });
  }
  safetensors_writer out(to, tensors);
  for (const auto& name : names)
    with_type(from.at(name + ".compressed").type, [&]<class T>(T) {
      const auto s = tamp::io::sparse_view<T>(from, name);
      std::vector<T> dense(s.size());
      tamp::sparse::unpack(s, tamp::view(dense, s.rows(), s.cols()));
      out.write<T>(name + ".weight", dense);
    });
  out.commit();
}

}  // namespace

int main(int count, char** arguments) {
  const std::vector<std::string> words(arguments + 1, arguments + count);
  if (words.size() != 3 || (words[0] != "pack" && words[0] != "unpack")) {
    std::fputs("exchange pack DENSE SPARSE, or exchange unpack SPARSE DENSE\n", stderr);
    return 2;
  }
  try {
    (words[0] == "pack" ? pack : unpack)(safetensors_file(words[1]), words[2]);
  } catch (const std::exception& problem) {
    std::fprintf(stderr, "%s\n", problem.what());
    return 1;
  }
}
