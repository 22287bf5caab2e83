#!/usr/bin/env python3
"""resume.py TAMP_STUDY FOLDER: a calibration that was killed goes on, and gives the identical plan.

Plans by OWL, DAS and block influence are made once without disturbance, and once by a process that is
killed (SIGKILL) after some block, and started again.
"""
import json
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import time

study, folder = sys.argv[1], pathlib.Path(sys.argv[2])
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)


def command(name):
    return [study, "--score", "wanda", "--allocate", "owl,das,block_influence", "--pattern", "per_row",
            "--sparsity", "0.5", "--evaluation", "1", "--plan-only",
            "--calibration-file", str(folder / name), "--plans", str(folder / name / "plans")]


def calibration(name):
    return folder / f"{name}.0.safetensors"


def blocks_done(path):
    """The metadata of a calibration file."""
    bytes_ = path.read_bytes()
    length = struct.unpack("<Q", bytes_[:8])[0]
    header = json.loads(bytes_[8:8 + length])
    return int(header["__metadata__"]["blocks_done"])


def plans(name):
    return {path.name: path.read_text() for path in (folder / name / "plans").iterdir()}


(folder / "whole").mkdir()
subprocess.run(command("whole"), check=True, stdout=subprocess.DEVNULL)
blocks = blocks_done(calibration("whole"))
assert len(plans("whole")) == 3, plans("whole")

kills = 0
(folder / "killed").mkdir()
for _ in range(20):
    before = blocks_done(calibration("killed")) if calibration("killed").exists() else 0
    process = subprocess.Popen(command("killed"), stdout=subprocess.DEVNULL)
    while process.poll() is None:
        if calibration("killed").exists() and blocks_done(calibration("killed")) > before:
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.0005)
    process.wait()
    if process.returncode == -signal.SIGKILL and blocks_done(calibration("killed")) < blocks:
        kills += 1
        assert not (folder / "killed" / "plans").exists(), "killed too late to show anything"
    else:
        break
assert kills > 0, "the calibration was over before it could be killed"
subprocess.run(command("killed"), check=True, stdout=subprocess.DEVNULL)
assert plans("killed") == plans("whole"), "another plan after resuming"
assert calibration("killed").read_bytes() == calibration("whole").read_bytes(), "other statistics"
print(f"killed {kills} times within {blocks} blocks; the plans are the same")
