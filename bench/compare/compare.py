#!/usr/bin/env python3
"""Times the published algorithms as PyTorch runs them against tamp, on the same buffers in this process.

    bash bench/run.sh compare              everything, into build/bench/compare.json
    compare.py --tasks amia,das --threads 1,2 --sizes 640x4096
    compare.py --sweep                     one thread, from small to large, for the figure
    compare.py --quick                     small sizes, to see that everything is equal
    compare.py --battery                   no timing: masks on hard data against a stable order

PyTorch, tamp and the floor (what the memory, or the processor, allows) take turns on freshly written data;
times are medians. Every result is compared, and the exit status is 1 if one is not equal.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import shlex
import statistics
import sys
import time

PAUSE = 0.002  # seconds for the threads of the one before to go to sleep


def parse(arguments):
    def listed(of_item):
        return lambda text: [of_item(item) for item in text.split(",") if item]

    def size(text):
        rows, cross, cols = text.partition("x")
        if not (cross and rows.isdigit() and cols.isdigit() and 0 < int(rows) and 0 < int(cols) <= 1 << 20
                and int(rows) <= 1 << 20):
            raise argparse.ArgumentTypeError(f"a size is ROWSxCOLUMNS, such as 4096x11008, not '{text}'")
        return int(rows), int(cols)

    def at_least(least, of_text):
        def number(text):
            try:
                value = of_text(text)
            except ValueError:
                value = least - 1
            if not least <= value <= 1e6:
                raise argparse.ArgumentTypeError(f"'{text}' is not a number of at least {least}")
            return value
        return number

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=listed(str), help="which, separated by commas (default: all)")
    parser.add_argument("--sizes", type=listed(size), metavar="RxC,...",
                        help="rows x columns: of weights, of activations (tokens x features), of attention "
                             "(heads x tokens)")
    parser.add_argument("--elements", type=listed(str), default=["float", "bf16"], metavar="float,bf16")
    parser.add_argument("--threads", type=listed(at_least(1, int)), metavar="N,...", help="default: 1,2")
    parser.add_argument("--repeat", type=at_least(1, int), default=25, help="runs of each, at most")
    parser.add_argument("--budget", type=at_least(0, float), default=1.0,
                        help="seconds to spend on the runs of each; one is made in any case")
    parser.add_argument("--sweep", action="store_true", help="sizes from small to large, one thread, float")
    parser.add_argument("--quick", action="store_true", help="small sizes, few runs")
    parser.add_argument("--battery", action="store_true", help="masks on hard data, without timing")
    parser.add_argument("--no-best", dest="best", action="store_false",
                        help="leave out what PyTorch could do at best")
    parser.add_argument("--instructions", choices=("portable", "avx2", "avx512"), help="for tamp")
    parser.add_argument("--library", help="default: build/bench/bench/libtamp_compare.so")
    parser.add_argument("--json", type=pathlib.Path, help="write the results to this file; those of "
                        "other tasks and sizes that it holds from the same machine are kept")
    return parser.parse_args(arguments)


ARGUMENTS = parse(sys.argv[1:])  # before PyTorch, which takes its time

try:
    import torch
    import exact
    import library
    import tasks
except ImportError as problem:
    sys.exit(f"compare.py needs PyTorch and NumPy: {problem}. bash bench/run.sh compare installs Debian's")


def machine():
    name = platform.processor()
    flags, model = set(), {}
    try:
        for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
            key, _, value = (part.strip() for part in line.partition(":"))
            if key in ("model name", "cpu family", "model"):
                model.setdefault(key, value)
            elif key == "flags":
                flags = set(value.split())
    except OSError:
        pass
    if model:
        name = f"{model.get('model name')} (family {model.get('cpu family')}, model {model.get('model')})"
    known = ("avx2", "fma", "f16c", "avx512f", "avx512bw", "avx512_bf16")
    return {"processor": name, "cores": os.cpu_count(), "flags": [flag for flag in known if flag in flags],
            "system": platform.platform()}


def torch_says(word):
    lines = (line.strip(" -") for line in torch.__config__.show().splitlines())
    return next((line for line in lines if word in line), "")


def versions():
    return {"python": platform.python_version(), "torch": torch.__version__,
            "torch_runs_on": torch_says("CPU capability"),
            "torch_multiplies_with": "MKL" if torch.backends.mkl.is_available() else "the system's BLAS"}


def median_times(case, threads, args):
    """Seconds of each contender. The first run of PyTorch and tamp is the one that is checked."""
    contenders = {"torch": case.torch, "tamp": case.tamp, "floor": case.floor}
    if args.best and getattr(case, "tuned_code", None):
        contenders["best"] = case.best

    def run(name):
        torch.set_num_threads(threads)
        case.refresh()
        time.sleep(PAUSE)
        return contenders[name]()

    first = {"torch": run("torch")}
    case.keep_result()
    first["tamp"] = run("tamp")
    good, verdict = case.check()
    first |= {name: run(name) for name in contenders if name not in first}

    # The first run warms up, and does not count.
    rounds = {name: max(1, min(args.repeat, int(args.budget / max(seconds, 1e-9))))
              for name, seconds in first.items()}
    times = {name: [] for name in contenders}
    turns = max(rounds.values())
    for turn in range(turns):
        for name, count in rounds.items():
            if len(times[name]) * turns <= turn * count:
                times[name].append(run(name))
    return ({name: statistics.median(taken) for name, taken in times.items()},
            {name: len(taken) for name, taken in times.items()}, good, verdict)


def measure(lib, case, name, size, element, threads, args):
    case.threads = threads
    seconds, runs, good, verdict = median_times(case, threads, args)
    result = {"task": name, "title": tasks.TASKS[name].title, "rows": size[0], "cols": size[1],
              "element": element, "threads": threads, "instructions": lib.instructions(),
              "sweep": args.sweep, "date": datetime.date.today().isoformat(), "runs": runs, "equal": good,
              "verdict": verdict}
    result |= {f"{contender}_ms": 1e3 * taken for contender, taken in seconds.items()}
    result |= {"to_floor": seconds["tamp"] / seconds["floor"],
               "speed_up": seconds["torch"] / seconds["tamp"]}
    return result


HEADER = (f"{'task':21}{'size':>12} {'element':>7}{'threads':>8}{'PyTorch ms':>12}{'at best':>10}"
          f"{'tamp ms':>10}{'floor ms':>10}{'to floor':>9}{'speed-up':>9}  result")


def line(result):
    best = f"{result['best_ms']:10.2f}" if "best_ms" in result else f"{'-':>10}"
    return (f"{result['task']:21}{result['rows']:>6}x{result['cols']:<6}{result['element']:>6}"
            f"{result['threads']:8}{result['torch_ms']:12.2f}{best}{result['tamp_ms']:10.3f}"
            f"{result['floor_ms']:10.3f}{result['to_floor']:9.2f}{result['speed_up']:9.1f}  "
            f"{'' if result['equal'] else 'NOT EQUAL: '}{result['verdict']}")


def plan(args):
    """(task, size, element) of all that is to be measured."""
    for name in args.tasks or tasks.TASKS:
        task = tasks.TASKS[name]
        sizes = args.sizes or (task.sweep if args.sweep else task.sizes)
        if args.quick and not args.sizes:
            sizes = [(max(8, rows // 16) if rows > 32 else rows, cols // 16) for rows, cols in task.sizes]
        for element in task.elements:
            if element not in args.elements or (args.sweep and element != "float"):
                continue
            for size in sizes:
                yield name, size, element


def key(result):
    return tuple(result[name] for name in ("task", "rows", "cols", "element", "threads", "instructions", "sweep"))


def earlier(path, about):
    """The rows that runs on the same machine have left in the file."""
    nothing = {"commands": [], "results": []}
    if path is None or not path.exists():
        return nothing
    try:
        old = json.loads(path.read_text())
        if any(old[name] != about[name] for name in about):
            print(f"{path} is of another machine or other versions, and is replaced", file=sys.stderr)
            return nothing
        return {name: old[name] for name in nothing}
    except (ValueError, KeyError, TypeError):
        raise library.Problem(f"{path} is there, and not a file of compare.py: remove it, or name another")


def save(path, about, old, results):
    """Writes a new file beside the old one and replaces it. What was measured again is replaced, too."""
    fresh = {key(result) for result in results}
    command = shlex.join(["bench/compare/compare.py", *sys.argv[1:]])
    document = about | {"commands": [c for c in old["commands"] if c != command] + [command],
                        "results": [r for r in old["results"] if key(r) not in fresh] + results}
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(document, indent=1) + "\n")
    part.replace(path)


def check_arguments(args):
    for what, given, known in (("task", args.tasks or [], tasks.TASKS),
                               ("element", args.elements, library.ELEMENTS)):
        for name in given:
            if name not in known:
                raise library.Problem(f"there is no {what} '{name}'; known are {', '.join(known)}")
    if args.sizes and args.sweep:
        raise library.Problem("--sweep has sizes of its own: leave out --sizes")


def main(args):
    check_arguments(args)
    lib = library.Library(args.library or library.DEFAULT)
    if args.instructions:
        lib.use_instructions(args.instructions)
    if args.quick:
        args.repeat, args.budget = min(args.repeat, 5), min(args.budget, 0.2)
    if args.battery:
        elements = {name: library.ELEMENTS[name] for name in args.elements}
        return min(1, sum(exact.battery(lib, elements, threads, print) for threads in args.threads or (1, 2)))
    about = {"machine": machine(), "versions": versions()}
    old = earlier(args.json, about)
    print(f"{about['machine']['processor']}; PyTorch {about['versions']['torch']} "
          f"({about['versions']['torch_runs_on']}, products by {about['versions']['torch_multiplies_with']}); "
          f"tamp with {lib.instructions()} instructions\n{HEADER}")
    results = []
    for name, size, element in plan(args):
        torch.manual_seed(1)
        case = tasks.TASKS[name].case(lib, *size, library.ELEMENTS[element])
        for threads in args.threads or ((1,) if args.sweep else (1, 2)):
            results.append(measure(lib, case, name, size, element, threads, args))
            print(line(results[-1]), flush=True)
            if args.json:
                save(args.json, about, old, results)
    if not results:
        raise library.Problem("none of these tasks is measured with these elements")
    failed = sum(not result["equal"] for result in results)
    print(f"{len(results)} comparisons, {failed} not equal")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(ARGUMENTS))
    except (library.Problem, OSError) as problem:
        sys.exit(f"compare.py: {problem}")
    except (MemoryError, RuntimeError) as problem:  # PyTorch's own, such as too little memory
        sys.exit(f"compare.py: {str(problem).splitlines()[0]}")
    except KeyboardInterrupt:
        sys.exit("compare.py: interrupted")
