#!/usr/bin/env python3
"""kills.py TAMP_PRUNE FOLDER [KILLS]: runs of tamp_prune that are stopped in every way give the same files.

A model of three shards is pruned once without disturbance. Then, KILLS times (default 5), it is pruned by
processes that are killed (SIGKILL) after random times and go on with --resume; the result must be the same
to the last byte, and nothing else may be left. So it is with --packed and --masks. Further: SIGINT, journals
that end anywhere, what was done is not done again, the system stops, other options, two runs at once, no room, and targets that cannot be
written.
"""
import fcntl
import json
import os
import pathlib
import random
import resource
import shutil
import signal
import struct
import subprocess
import sys
import termios
import time

program, folder = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2]).resolve()
kills = int(sys.argv[3]) if len(sys.argv) > 3 else 5
SHARDS, BLOCKS = 3, 60
seed = int(os.environ.get("TAMP_KILLS_SEED", time.time_ns() % 1000000))
print(f"random times from TAMP_KILLS_SEED={seed}")
random.seed(seed)
environment = {**os.environ, "OMP_WAIT_POLICY": "passive", "LC_ALL": "C"}


def safetensors(tensors):
    """A file of F32 tensors: {name: (shape, bytes)}."""
    header, data = {"__metadata__": {"format": "pt"}}, []
    end = 0
    for name, (shape, bytes_) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + len(bytes_)]}
        data.append(bytes_)
        end += len(bytes_)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(data)


def numbers(count):
    """Finite floats of any bits but those of infinities: the exponents are below 64."""
    bytes_ = bytearray(random.randbytes(4 * count))
    bytes_[3::4] = bytes(b & 0xBF for b in bytes_[3::4])
    return bytes(bytes_)


def make_model(path, blocks=BLOCKS, width=256):
    """Two linear layers in each block, and norms that stay as they are."""
    path.mkdir()
    index = {}
    for shard in range(SHARDS):
        tensors = {}
        if shard == 0:
            tensors["model.embed_tokens.weight"] = ([width, width], numbers(width * width))
        for block in range(shard * blocks // SHARDS, (shard + 1) * blocks // SHARDS):
            name = f"model.layers.{block}"
            tensors[f"{name}.input_layernorm.weight"] = ([width], numbers(width))
            tensors[f"{name}.mlp.up_proj.weight"] = ([width, width], numbers(width * width))
            tensors[f"{name}.mlp.down_proj.weight"] = ([width, width], numbers(width * width))
        file = f"model-{shard + 1:05}-of-{SHARDS:05}.safetensors"
        (path / file).write_bytes(safetensors(tensors))
        index.update(dict.fromkeys(tensors, file))
    (path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    (path / "config.json").write_text('{"model_type": "llama"}')
    (path / "tokenizer").mkdir()
    (path / "tokenizer" / "vocabulary.txt").write_bytes(random.randbytes(100000))


def files_of(path):
    if path.is_file():
        return path.read_bytes()
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
model, whole = folder / "model", folder / "whole"
make_model(model)
work = folder / "work"  # what stands beside OUT
out, unfinished = work / "out", work / "out.unfinished"


def command(*options, model=model, out=out):
    return [program, str(model), "--out", str(out), *options]


def run(*options, **others):
    return subprocess.run(command(*options, **others), capture_output=True, text=True, env=environment)


def succeed(*options, **others):
    result = run(*options, **others)
    assert result.returncode == 0, (result.returncode, result.stderr)
    return result.stdout


def refused(sentence, *options, code=1, **others):
    """The run fails with a sentence on one line that contains this one."""
    result = run(*options, **others)
    assert result.returncode == code and sentence in result.stderr, (result.returncode, result.stderr)
    assert result.stderr.count("\n") == 1 and "json.exception" not in result.stderr, result.stderr


def afresh():
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()


def check_finished(expected=None, beside=()):
    assert files_of(out) == (expected or files_of(whole)), "other files than without a disturbance"
    left = {path.name for path in work.iterdir()} - {"out", *beside}
    assert not left, f"left beside OUT: {left}"


def journal():
    """The complete lines of the journal, without times and without those of the system's start."""
    try:
        text = (unfinished / "journal").read_bytes()
    except FileNotFoundError:
        return []
    lines = [json.loads(line) for line in text.split(b"\n")[:-1]]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines
            if "system_start" not in line]


started = time.monotonic()
succeed(out=whole)
duration = time.monotonic() - started
succeed("--threads", "1", out=folder / "one_thread")
assert files_of(folder / "one_thread") == files_of(whole), "other bits with one thread"
assert files_of(model).keys() == files_of(whole).keys()
assert sum(bytes_ != files_of(model)[name] for name, bytes_ in files_of(whole).items()) == SHARDS


def kill_until_finished(*options):
    """Returns the number of kills that an unfinished run went on from."""
    afresh()
    interrupted, before = 0, []
    for attempt in range(1000):
        again = ["--resume"] if attempt > 0 else []
        process = subprocess.Popen(command(*options, *again), stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, env=environment)
        try:
            # Some kills come before a run can do anything, most while it does.
            process.wait(timeout=random.random() ** 2 * duration)
        except subprocess.TimeoutExpired:
            process.kill()
        error = process.communicate()[1].decode()
        if process.returncode == 0:
            return interrupted
        if process.returncode != -signal.SIGKILL:
            # It was killed after its last step, and there is nothing to go on with.
            assert "exists already" in error and not unfinished.exists(), error
            return interrupted
        now = journal()
        if unfinished.exists():
            interrupted += 1
            assert now[:len(before)] == before, "what was done was done again"
            before = now
        if not out.exists():
            continue
        assert files_of(out) == files_of(whole) or options, "OUT was there before it was complete"
    raise AssertionError("the run does not come to its end")


count = models = 0
while models < kills or (count == 0 and models < kills + 50):
    count += kill_until_finished()
    check_finished()
    models += 1
assert count > 0, "no run was killed while it wrote"
print(f"{models} models from runs that were killed {count} times while they wrote: all the same")

# Packed layers, and masks.
succeed("--packed", "--masks", str(folder / "masks_whole"), out=folder / "packed_whole")
assert files_of(folder / "packed_whole") != files_of(whole)
for _ in range((kills + 4) // 5):
    kill_until_finished("--packed", "--masks", str(work / "masks"))
    check_finished(files_of(folder / "packed_whole"), beside=("masks",))
    assert files_of(work / "masks") == files_of(folder / "masks_whole")

# One file instead of a folder, which replaces another; a report; a plan.
single = folder / "single"
shutil.copyfile(model / "model-00002-of-00003.safetensors", single)
single_model, folder_model = single, model
model = single
succeed(out=folder / "single_whole", model=single)
for _ in range((kills + 4) // 5):
    afresh()
    out.write_text("something else")
    attempt = 0
    while True:
        again = ["--resume"] if attempt > 0 else []
        process = subprocess.Popen(command("--overwrite", "--report", str(work / "report"), "--save-plan",
                                           str(work / "plan"), *again, model=single),
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
        try:
            process.wait(timeout=random.random() * duration / 2)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        assert files_of(out) in (b"something else", files_of(folder / "single_whole"))
        attempt += 1
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
    check_finished(files_of(folder / "single_whole"), beside=("report", "plan"))
    assert len(json.loads((work / "report").read_text())["layers"]) == 2 * BLOCKS // SHARDS
model = folder_model


def interrupt(number=signal.SIGINT, layers=10, *options):
    """A run that is stopped after a number of layers at least."""
    process = subprocess.Popen(command(*options), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               env=environment)
    while process.poll() is None:
        # The size is enough to see that layers are there; reading all of it takes too long.
        try:
            lines = (unfinished / "journal").read_bytes().count(b"\n")
        except FileNotFoundError:
            lines = 0
        if lines >= layers + 2 + SHARDS:
            process.send_signal(number)
            break
    return process.wait(), process.stderr.read().decode()


for number in (signal.SIGINT, signal.SIGTERM):
    afresh()
    code, error = interrupt(number)
    if code == 0:
        print("a run was over before a signal reached it")
        continue
    assert code == 130 and error == (f"Stopped. {unfinished} has what is done; the same command with "
                                     "--resume goes on.\n"), (code, error)
    assert not out.exists()
    refused("is of a run that was interrupted, or has just begun: --resume goes on with it, or remove it if no other run is writing there")
    succeed("--resume")
    check_finished()


# Before anything is written: a run that waits to print its plan, since nobody reads it.
afresh()
reading, writing = os.pipe()
fcntl.fcntl(writing, 1031, 4096)  # F_SETPIPE_SZ of Linux
process = subprocess.Popen(command("--dry-run"), stdout=writing, stderr=subprocess.PIPE, env=environment)
waiting = bytearray(4)
while struct.unpack("i", waiting)[0] < 4096:
    assert process.poll() is None
    fcntl.ioctl(reading, termios.FIONREAD, waiting)
process.send_signal(signal.SIGINT)
assert process.wait() == 130 and process.stderr.read() == b"\nStopped. Nothing was written.\n"
os.close(reading)
os.close(writing)
assert not list(work.iterdir())


def stopped():
    """The folder of a run that was stopped after some layers, to begin with more than once."""
    while True:
        afresh()
        if interrupt(signal.SIGKILL, 20)[0] != 0 and unfinished.exists() and not out.exists():
            break
    place = folder / "stopped"
    shutil.rmtree(place, ignore_errors=True)
    shutil.copytree(unfinished, place)
    return place


def as_stopped(text=None):
    afresh()
    shutil.copytree(kept, unfinished)
    if text is not None:
        (unfinished / "journal").write_bytes(text)


kept = stopped()
text = (kept / "journal").read_bytes()
lines = text.split(b"\n")
complete = text[:text.rfind(b"\n") + 1]

# What is done is not done again: a byte that is changed in a finished layer stays so.
first = json.loads(next(line for line in lines if b'"name":"model.layers.0.mlp' in line and
                        b'"tamp_prune"' not in line))
header_length = struct.unpack("<Q", (model / "model-00001-of-00003.safetensors").read_bytes()[:8])[0]
header = json.loads((model / "model-00001-of-00003.safetensors").read_bytes()[8:8 + header_length])
place = 8 + header_length + header[first["name"]]["data_offsets"][0]
as_stopped()
with open(unfinished / "files" / "model-00001-of-00003.safetensors", "r+b") as file:
    file.seek(place)
    file.write(b"\x2a\x2a\x2a\x2a")
succeed("--resume")
expected = files_of(whole)
shard = bytearray(expected["model-00001-of-00003.safetensors"])
shard[place:place + 4] = b"\x2a\x2a\x2a\x2a"
expected["model-00001-of-00003.safetensors"] = bytes(shard)
check_finished(expected)

# A journal whose last line is cut off anywhere, and one that was cut off in its first line. Each
# byte before a release.
last = complete[:-1].rfind(b"\n") + 1
step = 1 if kills >= 100 else 37
cuts = [*range(last, len(complete) + 1, step), 0, 1, 100, len(lines[0]), len(lines[0]) + 1]
for cut in cuts:
    as_stopped(complete[:cut])
    succeed("--resume")
    check_finished()
# Lines that are complete and damaged are refused, and so are lines that tell of something else.
for damaged, what in [
        (complete + b"{]\n", "damaged"),
        (complete + b"\0\0\n", "damaged"),
        (complete + b"[1]\n", "damaged"),
        (complete + b'{"copied":77}\n', "damaged"),
        (complete + b'{"copied":-1}\n', "damaged"),
        (complete + b'{"copied":"x"}\n', "damaged"),
        (complete + b'{"name":"x"}\n', "damaged"),
        (complete + lines[-2] + b"\n", "says twice that"),
        (b"hello\n", "line 1 is damaged"),
        (b"{}\n", "was begun with another tamp_prune"),
]:
    as_stopped(damaged)
    refused(what, "--resume")
    assert not out.exists()
as_stopped()
os.truncate(unfinished / "files" / "model-00001-of-00003.safetensors", 1000)
refused("is damaged; remove", "--resume")
as_stopped()
(unfinished / "files" / "model-00001-of-00003.safetensors").unlink()
refused("is damaged; remove", "--resume")
as_stopped()
(unfinished / "files" / "config.json").unlink()  # is copied again
succeed("--resume")
check_finished()

# After the system has stopped, what was not synced is done again.
other_start = complete.replace(json.loads(lines[1])["system_start"].encode(), b"another")
as_stopped(other_start)
with open(unfinished / "files" / "model-00001-of-00003.safetensors", "r+b") as file:
    file.write(bytes(place + 1000))
succeed("--resume")
check_finished()

# Other options, another model, and the same once more.
as_stopped()
refused("was begun with the pattern per_row instead of 2:4", "--resume", "--pattern", "2:4")
refused("was begun with another plan", "--resume", "--sparsity", "0.25")
refused("was begun with another plan", "--resume", "--exclude", "*up_proj*")
times = os.stat(model / "config.json")
os.utime(model / "config.json")
refused("was begun with another model", "--resume")
os.utime(model / "config.json", ns=(times.st_atime_ns, times.st_mtime_ns))
succeed("--resume", "--threads", "1")
check_finished()
refused("exists already", "--resume")
refused("exists already")
check_finished()

# A run that fails or is killed after the output was put in place needs to be tidied up, and no more.
afresh()
refused("it is a folder", "--report", str(out / "tokenizer"))
assert files_of(out) == files_of(whole) and (unfinished / "journal").exists()
refused("was begun with the pattern", "--resume", "--pattern", "2:4")
succeed("--resume", "--report", str(work / "report"))
assert len(json.loads((work / "report").read_text())["layers"]) == 2 * BLOCKS
check_finished(beside=("report",))
for _ in range(kills):
    afresh()
    process = subprocess.Popen(command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               env=environment)
    while process.poll() is None and not out.exists():
        pass
    process.kill()
    process.wait()
    if unfinished.exists() and (unfinished / "journal").exists():
        succeed("--resume")
    elif unfinished.exists():
        refused("exists already", "--resume")
        assert not list(unfinished.iterdir())
        unfinished.rmdir()
    check_finished()
journal_of_all = complete + b'{"complete":true}\n'
as_stopped(journal_of_all)  # in which layers are missing
refused("lists fewer layers", "--resume")

# Two runs at once.
as_stopped()
process = subprocess.Popen(command("--resume"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                           env=environment)
while process.poll() is None:
    result = run("--resume")
    assert (result.returncode == 1 and any(sentence in result.stderr for sentence in (
        "another run", "exists already"))) or result.returncode == 0, result.stderr
assert process.returncode == 0 or out.exists()
check_finished()


# Files that may not become as large as they must (ulimit -f).
def run_with_files_of(size, *options):
    return subprocess.run(command(*options), capture_output=True, text=True, env=environment,
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))


afresh()
result = run_with_files_of(1 << 20)
assert result.returncode == 1 and "cannot be written: File too large" in result.stderr, result
assert not list(work.iterdir())
as_stopped()  # whose files are as large as they must be, and whose journal may not grow
result = run_with_files_of((unfinished / "journal").stat().st_size, "--resume")
assert result.returncode == 1 and "journal: cannot be written: File too large" in result.stderr, result
assert not out.exists()
succeed("--resume")
check_finished()


# No room, and targets that cannot be written, for which it takes root.
def works(*arguments, **others):
    """The command can be run, and ends well."""
    try:
        return subprocess.run(arguments, capture_output=True, env=environment, **others).returncode == 0
    except OSError:
        return False


afresh()
if os.geteuid() != 0 or not works("mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", str(work)):
    print("without root and mounts, a full disk and targets that are read-only are not tried")
else:
    try:
        refused("and the disk has room for", "--threads", "1")
        assert not list(work.iterdir()), "something is left where there is no room"
        # Room for the pruned model alone, and not for the packed one beside it.
        works("mount", "-o", "remount,size=40m", str(work))
        refused("and the disk has room for", "--packed")
        assert not list(work.iterdir())
        # The room vanishes while it writes: the journal finds none.
        works("mount", "-o", "remount,size=64m", str(work))
        shutil.copytree(kept, unfinished)
        with open(work / "ballast", "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        refused("No space left on device", "--resume")
        assert not out.exists()
        (work / "ballast").unlink()
        succeed("--resume")
        check_finished()
        shutil.rmtree(out)
        works("mount", "-o", "remount,ro", str(work))
        refused("Read-only file system")
        assert not list(work.iterdir())
    finally:
        subprocess.run(["umount", str(work)], check=True)

    # A user who may read the model and not change it. What is copied is read-only, too.
    nobody = {"user": 65534, "group": 65534, "extra_groups": []}

    def as_nobody():
        return subprocess.run(command(), capture_output=True, text=True, env=environment, **nobody)

    if not works(*command("--dry-run"), **nobody):
        print("other users cannot reach the program or the model: read-only files are not tried")
    else:
        for path in model.rglob("*"):
            if path.is_file():
                path.chmod(0o444)
        afresh()
        result = as_nobody()
        assert result.returncode == 1 and "cannot be created: Permission denied" in result.stderr, result
        work.chmod(0o777)
        for attempt in range(100):  # the first ones are killed
            process = subprocess.Popen(command(*(["--resume"] if attempt > 0 else [])),
                                       stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                       env=environment, **nobody)
            try:
                process.wait(timeout=random.random() * duration if attempt < 90 else None)
            except subprocess.TimeoutExpired:
                process.kill()
            error = process.communicate()[1].decode()
            if process.returncode >= 0:
                assert process.returncode == 0 or "exists already" in error, error
                break
        check_finished()
        assert all(path.stat().st_mode & 0o777 == 0o444 for path in out.rglob("*.safetensors"))
        (model / "config.json").chmod(0)
        shutil.rmtree(out)
        result = as_nobody()
        assert result.returncode == 1 and "config.json: cannot be read: Permission denied" in result.stderr
        assert not list(work.iterdir())
        (model / "config.json").chmod(0o644)

shutil.rmtree(folder)
print("all of it ends as it should")
