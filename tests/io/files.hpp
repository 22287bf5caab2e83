#pragma once

// Files for the tests: a folder that vanishes, contents byte by byte, and damage to them.

#include <boost/test/unit_test.hpp>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <string_view>
#include <system_error>
#include <tamp/error.hpp>

#include "../support/thorough.hpp"

namespace support {

/// An empty folder of its own, removed with all that is in it.
class temporary_folder {
 public:
  temporary_folder()
      : path_(std::filesystem::temp_directory_path() /
              ("tamp_test_" + std::to_string(std::random_device{}()))) {
    std::filesystem::create_directory(path_);
  }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  /// Writes a file and returns its name.
  std::string write(std::string_view name, std::string_view bytes) const {
    std::filesystem::remove(path_ / name);  // some systems wait for the disk to overwrite a file
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return (path_ / name).string();
  }
  std::size_t count() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The bytes of numbers, one after another.
template <class... Numbers>
std::string bytes_of(const Numbers&... numbers) {
  std::string bytes;
  (bytes.append(reinterpret_cast<const char*>(&numbers), sizeof numbers), ...);
  return bytes;
}

/// True if `use(path)` returns or throws one of tamp's errors.
template <class Use>
bool survives(const std::string& path, Use&& use) {
  try {
    use(path);
  } catch (const tamp::error& problem) {
    return std::string_view(problem.what()).find(path) != std::string_view::npos;
  } catch (...) {
    return false;
  }
  return true;
}

/// Cuts a valid file off at every length and overwrites bytes at random; each must be either usable
/// or refused with an error that names the file. `must_refuse(length)`: whether that cut must be.
template <class Use, class MustRefuse>
void damage(const std::string& whole, Use&& use, MustRefuse&& must_refuse) {
  const temporary_folder folder;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    if (!is_run(length, 5)) continue;
    const std::string path = folder.write("cut", whole.substr(0, length));
    bool used = false;
    const auto note = [&](const std::string& name) { use(name), used = true; };
    BOOST_TEST(survives(path, note), "cut off after " << length << " bytes");
    BOOST_TEST((!used || !must_refuse(length)), "believed when cut off after " << length);
  }
  std::mt19937 random(20240611);
  const std::uint8_t telling[] = {0x00, 0x01, 0x7f, 0x80, 0xff, 0x20, 0x22, 0x5b, 0x7b};
  for (int round = 0; round < (is_thorough() ? 6000 : 1000); ++round) {
    std::string damaged = whole;
    for (auto k = 1 + random() % 3; k != 0; --k) {
      const std::size_t at = random() % damaged.size();
      switch (random() % 3) {
        case 0:
          damaged[at] = static_cast<char>(damaged[at] ^ (1 << random() % 8));
          break;
        case 1:
          damaged[at] = static_cast<char>(random());
          break;
        default:
          damaged[at] = static_cast<char>(telling[random() % std::size(telling)]);
      }
    }
    BOOST_TEST(survives(folder.write("damaged", damaged), use), "round " << round);
  }
}

}  // namespace support
