"""Compiles and runs every complete program in README.md and docs/, and compares what it prints.

    python3 check.py [--cuda=FLAGS] ROOT BUILD COMPILER [FLAGS...]

A program is a ```cpp block that contains `int main`. If a ```text block is the next block, it is
what the program must print. A ```cuda block is compiled with the flags of --cuda, separated by
commas, which make its kernels run on the emulator; without --cuda it is left out.
"""
import concurrent.futures
import pathlib
import re
import subprocess
import sys

WHOLE_LIBRARY = "#include <tamp/tamp.hpp>"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def programs(page):
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    for k, (language, text) in enumerate(blocks):
        if language in ("cpp", "cuda") and "int main" in text:
            following = blocks[k + 1] if k + 1 < len(blocks) else ("", "")
            yield language, text, following[1] if following[0] == "text" else None


def precompile(folder, compiler, flags):
    """Compiles tamp.hpp, and nothing else, once for all programs that include it."""
    header = folder / "precompiled.hpp"
    header.write_text(f"{WHOLE_LIBRARY}\n", encoding="utf-8")
    subprocess.run([compiler, *flags, "-x", "c++-header", "-o", f"{header}.gch", header], check=True)
    return ["-include", str(header)]


def check(source, output, folder, compiler, flags):
    folder.mkdir(exist_ok=True)
    (folder / "program.cpp").write_text(source, encoding="utf-8")
    command = [compiler, *flags, "-o", str(folder / "program"), str(folder / "program.cpp")]
    built = subprocess.run(command, capture_output=True, text=True)
    if built.returncode:
        return "does not compile:\n" + built.stderr
    run = subprocess.run([str(folder / "program")], capture_output=True, text=True, cwd=folder)
    if run.returncode:
        return f"exits with {run.returncode}:\n{run.stdout}{run.stderr}"
    if output is not None and run.stdout != output:
        return f"prints\n{run.stdout}instead of\n{output}"
    return None


def main():
    arguments = sys.argv[1:]
    cuda = arguments.pop(0).split("=", 1)[1].split(",") if arguments[0].startswith("--cuda=") else None
    root, build, compiler, *flags = arguments
    folder = pathlib.Path(build)
    folder.mkdir(parents=True, exist_ok=True)
    pages = [pathlib.Path(root, "README.md"), *sorted(pathlib.Path(root, "docs").rglob("*.md"))]
    precompiled = precompile(folder, compiler, flags)
    checks = {}
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        for page in pages:
            for number, (language, source, output) in enumerate(programs(page), 1):
                if language == "cuda" and cuda is None:
                    continue
                use = cuda if language == "cuda" else precompiled if WHOLE_LIBRARY in source else []
                checks[f"{page.relative_to(root)}, program {number}"] = pool.submit(
                    check, source, output, folder / str(len(checks)), compiler, [*flags, *use])
    problems = {name: problem for name, done in checks.items() if (problem := done.result())}
    for name, problem in problems.items():
        print(f"{name} {problem}\n")
    print(f"{len(checks)} programs checked, {len(problems)} failed")
    sys.exit(bool(problems or not checks))


if __name__ == "__main__":
    main()
