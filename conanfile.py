"""The Conan 2 recipe: `conan create .` makes the package, and tests/packages/conan uses it."""
import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.files import copy, load


class TampConan(ConanFile):
    name = "tamp"
    description = "Training-free pruning of transformers, header-only"
    license = "MIT"
    topics = "pruning", "sparsity", "transformers", "header-only"
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    exports_sources = "include/*", "LICENSE"
    no_copy_source = True
    test_package_folder = "tests/packages/conan"

    def set_version(self):
        header = load(self, os.path.join(self.recipe_folder, "include/tamp/version.hpp"))
        self.version = ".".join(re.findall(r"#define TAMP_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header))

    def validate(self):
        check_min_cppstd(self, 20)

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        copy(self, "*", os.path.join(self.source_folder, "include"), os.path.join(self.package_folder, "include"))

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.set_property("cmake_file_name", "tamp")
        self.cpp_info.set_property("cmake_target_name", "tamp::tamp")
        self.cpp_info.set_property("pkg_config_name", "tamp")

    def package_id(self):
        self.info.clear()
