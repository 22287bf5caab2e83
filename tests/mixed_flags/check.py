"""Programs that are linked of units with different flags, in either order of linking.

    check.py ALONE PLAIN_FIRST PLAIN_LAST ...

Each program prints what its unit without flags found: that must be what it finds alone. In the
machine code of functions of that unit there must be no vector instruction of AVX, whichever copies
of inline functions the linker kept, except where tamp chooses them while the program runs.
"""

import platform
import re
import subprocess
import sys


def output_of(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"{command[0]} exits with {done.returncode}")
    return done.stdout


def functions_with_avx(program):
    """The names of tamp's functions that hold an instruction of AVX (they begin with v)."""
    found, name = set(), ""
    for line in output_of("objdump", "-dC", "--no-show-raw-insn", program).splitlines():
        if start := re.match(r"[0-9a-f]+ <(.*)>:$", line):
            name = start[1]
        elif "tamp::" in name and re.match(r"\s+[0-9a-f]+:\s+v[a-z]+", line):
            if not re.match(r"\s+[0-9a-f]+:\s+ver[rw]\b", line):
                found.add(name)
    return found


def main():
    alone, *together = sys.argv[1:]
    expected = output_of(alone)
    if not expected:
        sys.exit("the unit without flags found nothing")
    for program in together:
        if output_of(program) != expected:
            sys.exit(f"{program}: the unit without flags finds something else than alone")
        if platform.machine() != "x86_64":
            continue
        with_avx = functions_with_avx(program)
        of_other_flags = {f for f in with_avx if re.search(r"\bflags_", f)}
        if not of_other_flags:
            sys.exit(f"{program}: the unit with -mavx2 has no instruction of AVX: nothing is tested")
        chosen = {f for f in with_avx if re.search(r"\bavx(2|512)::", f)}
        if wrong := sorted(with_avx - of_other_flags - chosen):
            sys.exit(f"{program}: instructions of AVX in\n" + "\n".join(wrong[:20]))


main()
