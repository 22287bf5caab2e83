#!/usr/bin/env python3
"""ranks.py TAMP_PRUNE FOLDER [KILLS]: runs of tamp_prune under mpirun give the files of a plain run.

A safetensors file, a folder of shards and a GGUF file are pruned by 1 to 4 ranks, with statistics from a file
and with --text; all files, reports, plans and masks must be those of a run without mpirun. With few KILLS, the last
two are pruned by 2 and 3 ranks alone. Runs that are stopped go on with any other number of ranks: KILLS times
(default 2) mpirun and all its ranks are killed (SIGKILL), one rank is interrupted (SIGINT), and one is killed alone.
An error on one rank ends all of them with one sentence.
"""
import json
import math
import os
import pathlib
import random
import shutil
import signal
import struct
import subprocess
import sys
import time

program, folder = str(pathlib.Path(sys.argv[1]).resolve()), pathlib.Path(sys.argv[2]).resolve()
kills = int(sys.argv[3]) if len(sys.argv) > 3 else 2
seed = int(os.environ.get("TAMP_KILLS_SEED", time.time_ns() % 1000000))
print(f"random times from TAMP_KILLS_SEED={seed}")
random.seed(seed)
LONGEST = 300  # seconds: what takes longer hangs

shutil.rmtree(folder, ignore_errors=True)
(folder / "mpi").mkdir(parents=True)
environment = {
    **os.environ, "OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": "2", "LC_ALL": "C",
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_rmaps_base_oversubscribe": "1", "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
    # What killed ranks leave goes with the folder.
    "OMPI_MCA_orte_tmpdir_base": str(folder / "mpi"), "OMPI_MCA_btl_vader_backing_directory": str(folder / "mpi"),
}


def floats(count, scale=1.0):
    """Random numbers, a few of them large. Many of them are finite floats of any bits."""
    if count > 100000:
        bytes_ = bytearray(random.randbytes(4 * count))
        bytes_[3::4] = bytes(b & 0xBF for b in bytes_[3::4])
        return bytes(bytes_)
    return struct.pack(f"<{count}f", *(scale * random.gauss(0, 1) * (8 if random.random() < 0.02 else 1)
                                       for _ in range(count)))


def safetensors(path, tensors, metadata):
    """A file of F32 tensors: {name: (shape, bytes)}."""
    header, data, end = {"__metadata__": metadata}, [], 0
    for name, (shape, bytes_) in tensors.items():
        header[name] = {"dtype": "F32", "shape": shape, "data_offsets": [end, end + len(bytes_)]}
        data.append(bytes_)
        end += len(bytes_)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(data))


def block(number, width):
    name = f"model.layers.{number}"
    return {
        f"{name}.input_layernorm.weight": ([width], floats(width)),
        f"{name}.mlp.up_proj.weight": ([2 * width, width], floats(2 * width * width)),
        f"{name}.mlp.down_proj.weight": ([width, 2 * width], floats(2 * width * width)),
    }


def make_file(path, blocks, width):
    tensors = {"model.embed_tokens.weight": ([10, width], floats(10 * width))}
    for number in range(blocks):
        tensors.update(block(number, width))
    safetensors(path, tensors, {"format": "pt"})


def make_folder(path, blocks, width, shards=3):
    path.mkdir()
    index = {}
    for shard in range(shards):
        tensors = {}
        for number in range(shard * blocks // shards, (shard + 1) * blocks // shards):
            tensors.update(block(number, width))
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        safetensors(path / file, tensors, {"format": "pt"})
        index.update(dict.fromkeys(tensors, file))
    (path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": index}))
    (path / "config.json").write_text('{"model_type": "llama"}')


def make_norms(path, columns):
    """Norms for {name: columns}; outliers tell blocks apart."""
    safetensors(path, {name: ([count], struct.pack(f"<{count}f", *(
        abs(random.gauss(1, 0.2)) * (30 if random.random() < 0.1 else 1) for _ in range(count))))
                       for name, count in columns.items()}, {"format": "tamp column norms", "version": "1"})


def make_gguf(path, blocks=3, hidden=32, heads=4, kv_heads=2, ffn=48):
    """A llama of three tokens, as the format's description says. Returns the columns of its layers."""
    def text(value):
        return struct.pack("<Q", len(value)) + value.encode()

    def array(kind, values):
        return struct.pack("<IQ", kind, len(values)) + b"".join(values)

    entries = {
        "general.architecture": (8, text("llama")),
        "llama.embedding_length": (4, struct.pack("<I", hidden)),
        "llama.block_count": (4, struct.pack("<I", blocks)),
        "llama.attention.head_count": (4, struct.pack("<I", heads)),
        "llama.attention.head_count_kv": (4, struct.pack("<I", kv_heads)),
        "llama.feed_forward_length": (4, struct.pack("<I", ffn)),
        "llama.context_length": (4, struct.pack("<I", 512)),
        "llama.attention.layer_norm_rms_epsilon": (6, struct.pack("<f", 1e-5)),
        "tokenizer.ggml.model": (8, text("gpt2")),
        "tokenizer.ggml.pre": (8, text("smollm")),
        "tokenizer.ggml.tokens": (9, array(8, [text(token) for token in ("a", "b", "ab")])),
        "tokenizer.ggml.merges": (9, array(8, [text("a b")])),
    }
    of_heads = hidden // heads * kv_heads
    tensors = {"token_embd.weight": (3, hidden), "output_norm.weight": (hidden,)}
    layers = {}
    for number in range(blocks):
        for name, shape in {"attn_q": (hidden, hidden), "attn_k": (of_heads, hidden), "attn_v": (of_heads, hidden),
                            "attn_output": (hidden, hidden), "ffn_gate": (ffn, hidden), "ffn_up": (ffn, hidden),
                            "ffn_down": (hidden, ffn)}.items():
            tensors[f"blk.{number}.{name}.weight"] = shape
            layers[f"blk.{number}.{name}.weight"] = shape[1]
        tensors[f"blk.{number}.attn_norm.weight"] = tensors[f"blk.{number}.ffn_norm.weight"] = (hidden,)
    data, infos = b"", b""
    for name, shape in tensors.items():
        infos += text(name) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *reversed(shape))
        infos += struct.pack("<IQ", 0, len(data))
        data += floats(math.prod(shape), 0.3)
        data += b"\0" * (-len(data) % 32)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(entries))
    for key, (kind, value) in entries.items():
        head += text(key) + struct.pack("<I", kind) + value
    head += infos
    path.write_bytes(head + b"\0" * (-len(head) % 32) + data)
    return layers


def command(ranks, model, out, *options):
    """Plain for 0 ranks."""
    launcher = ["mpirun", "-n", str(ranks)] if ranks else []
    return [*launcher, program, str(model), "--out", str(out), *map(str, options)]


def run(ranks, model, out, *options):
    return subprocess.run(command(ranks, model, out, *options), capture_output=True, text=True,
                          env=environment, timeout=LONGEST)


def succeed(*arguments):
    result = run(*arguments)
    assert result.returncode == 0, (arguments, result.returncode, result.stderr)
    return result.stdout


def files_of(path):
    if path.is_file():
        return path.read_bytes()
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def report_of(path):
    """Without times, and the name of OUT."""
    report = json.loads(path.read_text())
    del report["out"]
    for key in [key for key in report if "seconds" in key]:
        del report[key]
    for layer in report["layers"]:
        del layer["seconds"]
    return report


file, shards, gguf = folder / "file", folder / "shards", folder / "model.gguf"
make_file(file, 5, 48)
make_folder(shards, 7, 32)
columns = make_gguf(gguf)
text = folder / "text"
text.write_text("".join(random.choice("ab") for _ in range(9000)))
two_sequences = folder / "two_sequences"
two_sequences.write_text("b" * 600)
for name, of in (("file", {f"model.layers.{k}": 48 for k in range(5)}),
                 ("shards", {f"model.layers.{k}": 32 for k in range(7)})):
    make_norms(folder / f"{name}.norms", {f"{layer}.mlp.{part}.weight": width * factor
                                          for layer, width in of.items()
                                          for part, factor in (("up_proj", 1), ("down_proj", 2))})
make_norms(folder / "gguf.norms", columns)

# The same files by any number of ranks, more than there are blocks, shards or sequences among them.
for model, options in [
        (file, ()),
        (file, ("--statistics", folder / "file.norms", "--allocate", "owl")),
        (shards, ("--statistics", folder / "shards.norms", "--allocate", "owl", "--sparsity", "0.6")),
        (shards, ("--packed", "--pattern", "2:4")),
        (gguf, ("--statistics", folder / "gguf.norms", "--allocate", "owl")),
        (gguf, ("--text", text, "--allocate", "owl", "--save-statistics", None)),
        (gguf, ("--text", two_sequences, "--score", "ria")),
        (gguf, ("--text", text, "--refine", "swaps:3+repair")),
        (gguf, ("--text", two_sequences, "--score", "magnitude", "--pattern", "2:4", "--refine", "swaps:2")),
]:
    results = {}
    for ranks in (0, 1, 2, 3, 4) if model == file or kills > 2 else (0, 2, 3):
        work = folder / "work"
        work.mkdir()
        sides = {option: work / option for option in ("report", "masks", "save-plan")}
        own = [option if option is not None else work / "norms" for option in options]
        printed = succeed(ranks, model, work / "out", *own,
                          *(part for option, path in sides.items() for part in (f"--{option}", path)))
        results[ranks] = {"out": files_of(work / "out"), "report": report_of(work / "report"),
                          **{path.name: path.read_bytes() for path in work.iterdir()
                             if path.name in ("masks", "save-plan", "norms")},
                          "printed": printed, "names": sorted(path.name for path in work.iterdir())}
        shutil.rmtree(work)
    assert results[0]["out"] != files_of(model)
    for ranks, result in results.items():
        for key, value in result.items():
            assert value == results[0][key], f"{model.name} {options}: another {key} from {ranks} ranks"
# A dry run prints once.
assert succeed(3, file, folder / "dry", "--dry-run") == succeed(0, file, folder / "dry", "--dry-run")

# A share without a layer that saw a token, or of layers that the plan excludes, is as in a plain run.
norms = (folder / "file.norms").read_bytes()
length = struct.unpack("<Q", norms[:8])[0]
header, unseen = json.loads(norms[8:8 + length]), bytearray(norms[8 + length:])
tokens = {}
for name in [name for name in header if name != "__metadata__"]:
    header[f"{name}.tokens"] = {"dtype": "I64", "shape": [1], "data_offsets": [len(unseen), len(unseen) + 8]}
    unseen += struct.pack("<q", 100 if "layers.0" in name else 0)
    if "layers.0" not in name:
        begin, end = header[name]["data_offsets"]
        unseen[begin:end] = bytes(end - begin)
head = json.dumps(header).encode()
head += b" " * (-len(head) % 8)
(folder / "unseen.norms").write_bytes(struct.pack("<Q", len(head)) + head + unseen)
succeed(0, file, folder / "dry", "--save-plan", folder / "plan", "--dry-run")
plan = json.loads((folder / "plan").read_text())
for layer in plan["layers"]:
    if layer["block"] > 1:
        layer.update(sparsity=0, excluded=True)
        layer.pop("drop", None)
(folder / "plan").write_text(json.dumps(plan))
for options in (("--statistics", folder / "unseen.norms"), ("--plan", folder / "plan")):
    succeed(0, file, folder / "plain", *options, "--report", folder / "report")
    expected, reported = files_of(folder / "plain"), report_of(folder / "report")
    for ranks in (2, 4):
        succeed(ranks, file, folder / "ranked", *options, "--report", folder / "report")
        assert files_of(folder / "ranked") == expected
        assert report_of(folder / "report") == reported, "another report"
        (folder / "ranked").unlink()
    (folder / "plain").unlink()
print("ranks write what a plain run writes")


# Errors: one sentence, and no rank waits.
def refused(sentence, *arguments):
    result = run(*arguments)
    own = [line for line in result.stderr.splitlines() if line.startswith("tamp_prune: ")]
    assert result.returncode == 1 and len(own) == 1 and sentence in own[0], (result.returncode, result.stderr)


work = folder / "work"
work.mkdir()
out, unfinished = work / "out", work / "out.unfinished"
broken = folder / "broken"
bytes_ = bytearray(file.read_bytes())
bytes_[-4:] = struct.pack("<f", math.nan)  # in the last layer, which the last rank has
broken.write_bytes(bytes_)
for ranks in (1, 2, 3):
    refused("model.layers.4.mlp.down_proj.weight", ranks, broken, out)
    assert unfinished.exists() and not out.exists()
    shutil.rmtree(unfinished)
refused("rank 2: ", 3, broken, out)
shutil.rmtree(unfinished)
refused("cover 32 columns, the weight has 48", 3, file, out, "--statistics", folder / "shards.norms")
(folder / "short").write_text("ab")
refused("fewer than one sequence", 3, gguf, out, "--text", folder / "short")
refused("--permute is done by one process", 2, gguf, out, "--permute", "--pattern", "2:4")
refused("cannot be written: there is no folder", 2, file, folder / "nowhere" / "out")
# One rank sees another model.
result = subprocess.run([*command(1, file, out), ":", "-n", "1", program, str(broken), "--out", str(out)],
                        capture_output=True, text=True, env=environment, timeout=LONGEST)
assert result.returncode == 1 and "must see the same file system" in result.stderr, result.stderr
assert not list(work.iterdir())
print("an error on one rank ends all of them")

# Runs that are stopped, and go on with other numbers of ranks.
large, whole = folder / "large", folder / "whole"
make_folder(large, 36, 256)
succeed(0, large, whole)


def descendants(of):
    """The processes below one: (id, environment)."""
    parents = {}
    for path in pathlib.Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                parents[int(path.name)] = int((path / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
    found, known = [], {of}
    while True:
        more = [process for process, parent in parents.items() if parent in known and process not in known]
        if not more:
            return found
        found += more
        known.update(more)


def rank_of(process):
    try:
        for entry in pathlib.Path(f"/proc/{process}/environ").read_bytes().split(b"\0"):
            if entry.startswith((b"OMPI_COMM_WORLD_RANK=", b"PMI_RANK=")):
                return int(entry.split(b"=")[1])
    except OSError:
        pass
    return None


def lines_of_journals():
    try:
        return sum(path.read_bytes().count(b"\n") for path in unfinished.glob("journal*"))
    except FileNotFoundError:
        return 0


def disturb(ranks, lines, stop, *options):
    """Calls stop(process) when the journals have so many lines. Returns the code, and what was printed."""
    process = subprocess.Popen(command(ranks, large, out, *options), stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, env=environment)
    ended = time.monotonic() + LONGEST
    while process.poll() is None and lines_of_journals() < lines:
        assert time.monotonic() < ended
    started = descendants(process.pid)
    if process.poll() is None:
        stop(process.pid, started)
    error = process.communicate(timeout=LONGEST)[1].decode()
    while any(pathlib.Path(f"/proc/{rank}").exists() for rank in started):
        assert time.monotonic() < ended
        time.sleep(0.01)
    return process.returncode, error


def kill(process, ranks):
    for one in (process, *ranks):
        try:
            os.kill(one, signal.SIGKILL)
        except ProcessLookupError:
            pass


def afresh():
    shutil.rmtree(work)
    work.mkdir()


def check_finished():
    assert files_of(out) == files_of(whole), "other files than without a disturbance"
    assert [path.name for path in work.iterdir()] == ["out"], "something is left beside OUT"


most, count = 72 + 12, 0
for attempt in range(kills):
    afresh()
    for again in range(100):
        ranks = random.choice((0, 1, 2, 3, 4)) if again else 2 + attempt % 3
        before = lines_of_journals()
        code, error = disturb(ranks, before + random.randrange(2, most - before // 2), kill,
                              *(["--resume"] if again else []))
        if code == 0 or not unfinished.exists():
            break
        assert code == -signal.SIGKILL, (code, error)
        assert lines_of_journals() >= before, "what was done was forgotten"
        count += 1
    check_finished()
assert count > 0 or kills == 0, "no run was killed while it wrote"
print(f"{kills} models from runs that were killed {count} times: all the same")


def send(number, which):
    """Sends a signal to one rank."""
    def stop(_, ranks):
        for one in ranks:
            if rank_of(one) == which:
                os.kill(one, number)
    return stop


# One rank is interrupted: all stop between two layers.
for which in (0, 2):
    afresh()
    code, error = disturb(3, 10, send(signal.SIGINT, which))
    if code == 0:
        print("a run was over before a signal reached it")
        continue
    assert code == 130 and error.count("Stopped. ") == 1, (code, error)
    assert "with --resume goes on" in error and not out.exists()
    succeed(2, large, out, "--resume")
    check_finished()

# One rank dies: none waits for it.
for which in (0, 1):
    afresh()
    code, error = disturb(3, 10, send(signal.SIGKILL, which))
    if code == 0:
        print("a run was over before a rank was killed")
        continue
    assert not out.exists(), error
    succeed(2, large, out, "--resume")
    check_finished()

# A journal that ends anywhere: rank 1 had not written its last line when all was killed.
afresh()
while disturb(3, 60, kill)[0] == 0 or not (unfinished / "journal.1").exists():
    afresh()
second = unfinished / "journal.1"
second.write_bytes(second.read_bytes()[:-5])
(unfinished / "journal.9").write_bytes((unfinished / "journal.2").read_bytes())
refused("says twice that", 2, large, out, "--resume")
(unfinished / "journal.9").write_text("{]\n")
refused("journal.9: line 1 is damaged", 2, large, out, "--resume")
(unfinished / "journal.9").unlink()
# After the system has stopped, what was not synced is done again.
second.write_text(json.dumps({"system_start": "another"}) + "\n" + second.read_text().split("\n", 1)[1])
succeed(4, large, out, "--resume")
check_finished()

shutil.rmtree(folder)
print("all of it ends as it should")
