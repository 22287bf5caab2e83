"""Compiles and runs every complete program in README.md and docs/, and compares what it prints.

    python3 check.py [--together=N] [--cuda=FLAGS] [--library=HEADER:FLAGS]... [--only-libraries]
                     ROOT BUILD COMPILER [FLAGS...]

A program is a ```cpp block that contains `int main`, or a ```c block of the C interface. If a ```text block is the next block, it is
what the program must print. A ```cuda block is compiled with the flags of --cuda, separated by
commas, which make its kernels run on the emulator; without --cuda it is left out.

A program that includes a header of LIBRARIES, which a machine may lack, is compiled with the flags that
--library gives for this header; without them it is left out. --only-libraries leaves out all others.

With --together, up to N programs are one translation unit, each in a namespace of its own: that takes
less time, and does not see a header that one of them forgot. Programs that add to tamp's own templates,
and those of a unit that does not compile, are compiled alone.
"""
import argparse
import concurrent.futures
import pathlib
import re
import subprocess
import sys

WHOLE_LIBRARY = "#include <tamp/tamp.hpp>"
C_INTERFACE = "tamp.h"
LIBRARIES = ["armadillo", "opencv2/core.hpp", C_INTERFACE, "tamp/adapt/ggml.hpp", "tamp/adapt/mdspan.hpp",
             "tamp/adapt/torch.hpp", "tamp/adapt/torch_executor.hpp", "tamp/adapt/torch_model.hpp"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def programs(page):
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    for k, (language, text) in enumerate(blocks):
        if language in ("cpp", "cuda", "c") and "int main" in text:
            following = blocks[k + 1] if k + 1 < len(blocks) else ("", "")
            yield language, text, following[1] if following[0] == "text" else None


def precompile(folder, compiler, flags):
    """Compiles tamp.hpp, and nothing else, once for all programs that include it."""
    header = folder / "precompiled.hpp"
    header.write_text(f"{WHOLE_LIBRARY}\n", encoding="utf-8")
    subprocess.run([compiler, *flags, "-x", "c++-header", "-o", f"{header}.gch", header], check=True)
    return ["-include", str(header)]


class program:
    def __init__(self, name, source, output, flags):
        self.name, self.source, self.output, self.flags = name, source, output, flags

    def can_share(self):
        return not re.search(r"template <>|^namespace tamp\b", self.source, re.M)

    def includes_and_body(self):
        """With main as a function of another name, which must end in return."""
        lines = self.source.splitlines()
        includes = [line for line in lines if line.startswith("#include")]
        body = "\n".join(line for line in lines if line not in includes)
        return includes, re.sub(r"}\s*$", "return 0; }", body).replace("int main(", "int run(")


def compile_to(executable, source, compiler, flags):
    """The compiler's complaint, or nothing."""
    path = executable.with_suffix(".c" if f"#include <{C_INTERFACE}>" in source else ".cpp")
    path.write_text(source, encoding="utf-8")
    built = subprocess.run([compiler, "-o", executable, path, *flags], capture_output=True, text=True)
    return built.stderr if built.returncode else None


def problem_of(program, command, folder):
    """The difference of a command's output from the program's, or nothing."""
    folder.mkdir(exist_ok=True)
    run = subprocess.run(command, capture_output=True, text=True, cwd=folder)
    if run.returncode:
        return f"exits with {run.returncode}:\n{run.stdout}{run.stderr}"
    if program.output is not None and run.stdout != program.output:
        return f"prints\n{run.stdout}instead of\n{program.output}"
    return None


def check_alone(program, folder, compiler, flags):
    folder.mkdir(exist_ok=True)
    complaint = compile_to(folder / "program", program.source, compiler, [*flags, *program.flags])
    return "does not compile:\n" + complaint if complaint else problem_of(program, [folder / "program"], folder)


def check_together(programs, folder, compiler, flags):
    """One translation unit whose argument says which of the programs runs."""
    folder.mkdir(exist_ok=True)
    includes, bodies, calls = {}, [], []
    for number, each in enumerate(programs):
        own, body = each.includes_and_body()
        includes |= dict.fromkeys(own)
        bodies.append(f"namespace program_{number} {{\n{body}\n}}")
        calls.append(f"if (argument[1][0] == '{chr(ord('0') + number)}') return program_{number}::run();")
    source = "\n".join([*includes, *bodies, "int main(int, char** argument) {", *calls, "return 99;", "}"])
    if compile_to(folder / "program", source, compiler, [*flags, *programs[0].flags]):
        return [check_alone(each, folder / str(k), compiler, flags) for k, each in enumerate(programs)]
    return [problem_of(each, [folder / "program", chr(ord("0") + k)], folder / str(k))
            for k, each in enumerate(programs)]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--together", type=int, default=1)
    options.add_argument("--cuda", type=lambda text: text.split(","))
    options.add_argument("--library", action="append", default=[], metavar="HEADER:FLAGS")
    options.add_argument("--only-libraries", action="store_true")
    options.add_argument("root", type=pathlib.Path)
    options.add_argument("folder", type=pathlib.Path)
    options.add_argument("compiler")
    chosen, flags = options.parse_known_args()
    folder, compiler = chosen.folder, chosen.compiler
    folder.mkdir(parents=True, exist_ok=True)
    precompiled = [] if chosen.only_libraries else precompile(folder, compiler, flags)
    libraries = dict(each.split(":", 1) for each in chosen.library)
    shared, alone, left_out = [], [], []
    for page in [chosen.root / "README.md", *sorted((chosen.root / "docs").rglob("*.md"))]:
        for number, (language, source, output) in enumerate(programs(page), 1):
            if language == "cuda" and chosen.cuda is None:
                continue
            name = f"{page.relative_to(chosen.root)}, program {number}"
            needed = [header for header in LIBRARIES if f"#include <{header}>" in source]
            if needed or chosen.only_libraries:
                if needed and all(header in libraries for header in needed):
                    flags_of_all = [flag for header in needed for flag in libraries[header].split(",") if flag]
                    alone.append(program(name, source, output, flags_of_all))
                elif needed:
                    left_out.append(f"{name}, which needs {' and '.join(needed)}, is left out")
                continue
            use = chosen.cuda if language == "cuda" else precompiled if WHOLE_LIBRARY in source else []
            one = program(name, source, output, use)
            can_share = chosen.together > 1 and language == "cpp" and one.can_share()
            (shared if can_share else alone).append(one)
            one.flags = precompiled if can_share else one.flags
    groups = [shared[k:k + chosen.together] for k in range(0, len(shared), chosen.together)]
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        together = [pool.submit(check_together, group, folder / f"together_{k}", compiler, flags)
                    for k, group in enumerate(groups)]
        apart = [pool.submit(check_alone, one, folder / str(k), compiler, flags)
                 for k, one in enumerate(alone)]
        answers = [answer for done in together for answer in done.result()] + [done.result() for done in apart]
    checked = [*shared, *alone]
    problems = [(one.name, answer) for one, answer in zip(checked, answers, strict=True) if answer]
    for name, problem in problems:
        print(f"{name} {problem}\n")
    if not chosen.only_libraries:
        print("".join(f"{line}\n" for line in left_out), end="")
    print(f"{len(checked)} programs checked, {len(problems)} failed")
    sys.exit(bool(problems or not checked))


if __name__ == "__main__":
    main()
