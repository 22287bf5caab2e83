#!/usr/bin/env python3
"""Builds and runs program.cpp as a user of each kind of package would.

    check.py KIND WORK [--compiler C++] [--build BUILD]

KIND is one of those below. WORK is emptied first. BUILD is a configured build of tamp.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PRINTED = "wanda, 2:4\n##..\n.##.\n4 -1 0 0 0 -8 -7 0 \n"
WARNINGS = ["-std=c++20", "-Wall", "-Wextra", "-Werror"]


def run(*command, **options):
    """The output of a command, which must succeed."""
    done = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}\nexits with {done.returncode}:\n{done.stdout[:4000]}")
    return done.stdout


def must_print(program, **options):
    printed = run(program, **options)
    if printed != PRINTED:
        sys.exit(f"{program} prints\n{printed}\ninstead of\n{PRINTED}")


def version():
    return run(sys.executable, ROOT / "cmake/version.py").strip()


def single_header(work, options):
    """One header, in two units of one program."""
    run(sys.executable, ROOT / "cmake/single_header.py", work / "tamp_single.hpp")
    (work / "other.cpp").write_text('#include "tamp_single.hpp"\nstd::string_view other() { return tamp::score::wanda{}.label(); }\n')
    run(options.compiler, *WARNINGS, "-O0", "-DAS_SINGLE_HEADER", f"-I{work}", HERE / "program.cpp", work / "other.cpp",
        "-o", work / "program")
    must_print(work / "program")


def module(work, options):
    """The C++20 module, imported beside a unit that includes a header."""
    headers = set()

    def collect(path):
        path = path.resolve()
        if path not in headers:
            headers.add(path)
            for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', path.read_text(), re.MULTILINE):
                collect(path.parent / name)

    collect(ROOT / "include/tamp/tamp.hpp")
    angled = re.compile(r"^\s*#\s*include\s+(<[^>]+>)", re.MULTILINE)
    needed = {name for header in headers for name in angled.findall(header.read_text())}
    listed = set(angled.findall((ROOT / "include/tamp/tamp.cppm").read_text()))
    if needed != listed:
        sys.exit(f"tamp.cppm lacks {needed - listed}, and does not need {listed - needed}")
    include = f"-I{ROOT / 'include'}"
    run(options.compiler, *WARNINGS, include, "--precompile", ROOT / "include/tamp/tamp.cppm", "-o", work / "tamp.pcm")
    (work / "other.cpp").write_text("#include <tamp/tamp.hpp>\nstd::string_view other() { return tamp::score::wanda{}.label(); }\n")
    run(options.compiler, *WARNINGS, f"-fmodule-file=tamp={work / 'tamp.pcm'}", include, "-DAS_MODULE",
        HERE / "program.cpp", work / "other.cpp", "-o", work / "program")
    must_print(work / "program")


def installed(work, options):
    """An installation that was moved after it was made."""
    run("cmake", "--install", options.build, "--prefix", work / "first", "--component", "development")
    (work / "first").rename(work / "prefix")
    return work / "prefix"


def pkg_config(work, options):
    """pkg-config finds the headers of an installation wherever it lies."""
    environment = os.environ | {"PKG_CONFIG_PATH": str(installed(work, options) / "share/pkgconfig")}
    if (found := run("pkg-config", "--modversion", "tamp", env=environment).strip()) != version():
        sys.exit(f"pkg-config finds tamp {found}, the header says {version()}")
    flags = run("pkg-config", "--cflags", "--libs", "tamp", env=environment).split()
    run(options.compiler, *WARNINGS, *flags, HERE / "program.cpp", "-o", work / "program")
    must_print(work / "program")


def meson(work, options):
    """A project that has tamp in subprojects/."""
    project = work / "project"
    (project / "subprojects").mkdir(parents=True)
    for name in ("meson/meson.build", "program.cpp"):
        shutil.copy(HERE / name, project)
    (project / "subprojects/tamp").symlink_to(ROOT)
    environment = os.environ | {"CXX": options.compiler}
    run("meson", "setup", work / "build", project, env=environment)
    run("meson", "compile", "-C", work / "build", "program")
    must_print(work / "build/program")
    run("meson", "setup", work / "own", ROOT, f"--prefix={work / 'prefix'}", env=environment)
    run("meson", "install", "-C", work / "own")
    if not (work / "prefix/include/tamp/tamp.hpp").is_file():
        sys.exit("meson install leaves no tamp/tamp.hpp")


def debian(work, options):
    """libtamp-dev, unpacked, as the compiler would find it."""
    run("cpack", "-G", "DEB", "-D", "CPACK_COMPONENTS_ALL=development", "-B", work / "packages", cwd=options.build)
    (package,) = (work / "packages").glob("*.deb")
    if package.name != f"libtamp-dev_{version()}_all.deb":
        sys.exit(f"cpack makes {package.name}")
    run("dpkg-deb", "--extract", package, work / "root")
    run(options.compiler, *WARNINGS, f"-I{work / 'root/usr/include'}", HERE / "program.cpp", "-o", work / "program")
    must_print(work / "program")


def vcpkg(work, options):
    """The overlay port. vcpkg is no package of Debian: vcpkg/functions.cmake stands in for the functions that it
    offers to a port."""
    port = ROOT / "cmake/vcpkg/ports/tamp"
    description = json.loads((port / "vcpkg.json").read_text())
    if description["version"] != version():
        sys.exit(f"vcpkg.json is of version {description['version']}, the header of {version()}")
    run("cmake", f"-DCURRENT_PACKAGES_DIR={work / 'prefix'}", f"-DCURRENT_BUILDTREES_DIR={work / 'build'}",
        f"-DCOMPILER={options.compiler}", f"-DPORTFILE={port / 'portfile.cmake'}", "-P", HERE / "vcpkg/functions.cmake")
    if (work / "prefix/lib").exists() or not (work / "prefix/share/tamp/copyright").is_file():
        sys.exit("the port leaves lib/, or no copyright")
    run("cmake", "-S", HERE / "conan", "-B", work / "program", f"-DCMAKE_CXX_COMPILER={options.compiler}",
        f"-Dtamp_DIR={work / 'prefix/share/tamp'}")
    run("cmake", "--build", work / "program")
    must_print(work / "program/program")


def conan(work, options):
    """`conan create`, whose test package builds and runs the program."""
    environment = os.environ | {"CONAN_HOME": str(work / "home"), "CXX": options.compiler}
    run("conan", "profile", "detect", env=environment)
    printed = run("conan", "create", ROOT, "-s", "compiler.cppstd=20", "-c",
                  f"tools.cmake.cmake_layout:test_folder={work / 'test'}", env=environment, cwd=work)
    if PRINTED.strip() not in printed or f"tamp/{version()}" not in printed:
        sys.exit(f"conan create prints\n{printed}")


def bazel(work, options):
    """The targets of BUILD.bazel. Debian's Bazel 4 knows no MODULE.bazel, of which the name and the version are
    compared; the repositories are local ones."""
    stated = re.search(r'module\(name = "tamp", version = "([^"]+)"\)', (ROOT / "MODULE.bazel").read_text())
    if stated is None or stated[1] != version():
        sys.exit(f"MODULE.bazel does not state version {version()}")
    project, tamp = work / "project", work / "tamp"
    project.mkdir()
    tamp.mkdir()
    shutil.copytree(ROOT / "include", tamp / "include")
    shutil.copy(ROOT / "BUILD.bazel", tamp)
    shutil.copy(HERE / "program.cpp", project)
    shutil.copy(HERE / "bazel/BUILD.bazel", project)
    repositories = {"tamp": tamp}
    # Bazel's own toolchains load rules from these repositories, which it would fetch. Its native rules do.
    for name, kind, rules in (
            ("rules_cc", "cc", "cc_binary cc_import cc_library cc_test cc_toolchain cc_toolchain_suite"),
            ("rules_java", "java", "java_binary java_import java_library java_plugin java_runtime java_test java_toolchain")):
        repositories[name] = work / name
        (work / name / kind).mkdir(parents=True)
        (work / name / kind / "BUILD").write_text("")
        (work / name / kind / "defs.bzl").write_text("".join(f"{rule} = native.{rule}\n" for rule in rules.split()))
    for name, folder in repositories.items():
        (folder / "WORKSPACE").write_text(f'workspace(name = "{name}")\n')
    (project / "WORKSPACE").write_text("".join(
        f'local_repository(name = "{name}", path = "{folder}")\n' for name, folder in repositories.items()))
    run("bazel", f"--output_user_root={work / 'cache'}", "build", "//:program", cwd=project,
        env=os.environ | {"CC": options.compiler})
    must_print(project / "bazel-bin/program")
    run("bazel", f"--output_user_root={work / 'cache'}", "shutdown", cwd=project)


def citation(work, options):
    """CITATION.cff, README's badge and the SBOM state the version of the header."""
    badge, readme = ROOT / "docs/figures/version.svg", ROOT / "README.md"
    if f">{version()}<" not in badge.read_text() or f"version {version()}]" not in readme.read_text():
        sys.exit(f"README or its badge does not state version {version()}")
    stated = re.search(r"^version: (.+)$", (ROOT / "CITATION.cff").read_text(), re.MULTILINE)
    if stated is None or stated[1] != version():
        sys.exit(f"CITATION.cff does not state version {version()}")
    run(sys.executable, ROOT / "cmake/sbom.py", work / "tamp.spdx.json")
    document = json.loads((work / "tamp.spdx.json").read_text())
    if document["packages"][0]["versionInfo"] != version():
        sys.exit("the SBOM is of another version")


KINDS = {f.__name__: f for f in (single_header, module, pkg_config, meson, debian, vcpkg, conan, bazel, citation)}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("kind", choices=KINDS)
    options.add_argument("work", type=pathlib.Path)
    options.add_argument("--compiler", default="c++")
    options.add_argument("--build", type=pathlib.Path)
    chosen = options.parse_args()
    work = chosen.work.resolve()
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    KINDS[chosen.kind](work, chosen)


if __name__ == "__main__":
    main()
