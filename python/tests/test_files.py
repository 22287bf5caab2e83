import json
import struct

import numpy as np
import pytest

import tamp

pytestmark = pytest.mark.skipif(not tamp._tamp.has_files, reason="the package was built without files")


def write(path, tensors):
    """A safetensors file, as its format says."""
    header, at = {}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
        at += array.nbytes
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(a.tobytes() for a in tensors.values()))


def read(path):
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    header, data = json.loads(data[8 : 8 + length]), data[8 + length :]
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], np.float32).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__"
    }


@pytest.fixture
def model(tmp_path):
    random = np.random.default_rng(0)
    tensors = {
        f"model.layers.{b}.{name}.weight": random.standard_normal(shape).astype(np.float32)
        for b in range(3)
        for name, shape in {"self_attn.q_proj": (16, 32), "mlp.up_proj": (24, 32)}.items()
    }
    tensors["model.norm.weight"] = np.ones(32, np.float32)
    write(tmp_path / "model.safetensors", tensors)
    return tmp_path / "model.safetensors", tensors


def norms_for(tensors):
    random = np.random.default_rng(1)
    return {
        name: tamp.observe(random.standard_normal((20, w.shape[1])).astype(np.float32))
        for name, w in tensors.items()
        if w.ndim == 2
    }


def stopped(*arguments):
    """A run that is interrupted when its first part is done."""

    def interrupt(done, total, what):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tamp.prune_files(*arguments, on_progress=interrupt)


def test_a_file_is_pruned_as_its_weights_would_be(model, tmp_path):
    path, tensors = model
    norms = norms_for(tensors)
    calls = []
    report = tamp.prune_files(path, tmp_path / "out.safetensors", tamp.wanda(0.5), norms,
                              on_progress=lambda *at: calls.append(at))
    assert report and calls
    done, total, what = calls[-1]
    assert 0 < done <= total and what
    after = read(tmp_path / "out.safetensors")
    assert after.keys() == tensors.keys()
    for name, weight in tensors.items():
        expected = weight.copy()
        if weight.ndim == 2:
            tamp.prune(expected, norms[name], tamp.wanda(0.5))
        assert np.array_equal(after[name], expected)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.safetensors", "out.safetensors"]


def test_norms_and_plans_may_be_files(model, tmp_path):
    path, tensors = model
    norms = norms_for(tensors)
    tamp.save_norms(tmp_path / "norms.safetensors", norms)
    weights = {name: w for name, w in tensors.items() if w.ndim == 2}
    plan = tamp.plan(weights, tamp.owl(0.6), norms)
    tamp.prune_files(path, tmp_path / "a.safetensors", tamp.owl(0.6), tmp_path / "norms.safetensors")
    tamp.prune_files(path, tmp_path / "b.safetensors", tamp.owl(0.6), tmp_path / "norms.safetensors", plan)
    a, b = read(tmp_path / "a.safetensors"), read(tmp_path / "b.safetensors")
    assert all(np.array_equal(a[name], b[name]) for name in tensors)


def test_an_exception_of_the_callback_stops_the_run_which_goes_on(model, tmp_path):
    path, tensors = model
    norms, out = norms_for(tensors), tmp_path / "out.safetensors"
    stopped(path, out, tamp.wanda(pattern="2:4"), norms)
    assert not out.exists()
    tamp.prune_files(path, out, tamp.wanda(pattern="2:4"), norms, resume=True)
    tamp.prune_files(path, tmp_path / "at_once.safetensors", tamp.wanda(pattern="2:4"), norms)
    assert out.read_bytes() == (tmp_path / "at_once.safetensors").read_bytes()


def test_a_call_that_is_refused_leaves_an_interrupted_run_as_it_was(model, tmp_path):
    path, tensors = model
    norms, out, recipe = norms_for(tensors), tmp_path / "out.safetensors", tamp.wanda(0.5)
    stopped(path, out, recipe, norms)
    with pytest.raises(tamp.FileError, match="--resume goes on with it"):
        tamp.prune_files(path, out, recipe, norms)
    others = {name: tamp.observe(np.ones((2, 32), np.float32)) for name in norms}
    with pytest.raises(tamp.FileError, match="was begun with another statistics"):
        tamp.prune_files(path, out, recipe, others, resume=True)
    tamp.prune_files(path, out, recipe, dict(reversed(norms.items())), resume=True)
    tamp.prune_files(path, tmp_path / "at_once.safetensors", recipe, norms)
    assert out.read_bytes() == (tmp_path / "at_once.safetensors").read_bytes()


def test_norms_may_move_into_a_file_between_two_runs(model, tmp_path):
    path, tensors = model
    norms, out = norms_for(tensors), tmp_path / "out.safetensors"
    stopped(path, out, tamp.wanda(0.5), norms)
    tamp.save_norms(tmp_path / "norms.safetensors", norms)
    tamp.prune_files(path, out, tamp.wanda(0.5), tmp_path / "norms.safetensors", resume=True)
    assert out.exists()


def test_files_of_others_stay_as_they_are(model, tmp_path):
    path, tensors = model
    (tmp_path / "out.safetensors.norms").write_text("not tamp's")
    stopped(path, tmp_path / "out.safetensors", tamp.wanda(0.5), norms_for(tensors))
    tamp.prune_files(path, tmp_path / "out.safetensors", tamp.wanda(0.5), norms_for(tensors), resume=True)
    assert (tmp_path / "out.safetensors.norms").read_text() == "not tamp's"
    assert len(list(tmp_path.iterdir())) == 3


def test_the_first_run_may_resume(model, tmp_path):
    path, tensors = model
    norms = norms_for(tensors)
    tamp.prune_files(path, tmp_path / "out.safetensors", tamp.wanda(0.5), norms, resume=True)
    with pytest.raises(tamp.FileError, match="exists already"):
        tamp.prune_files(path, tmp_path / "out.safetensors", tamp.wanda(0.5), norms, resume=True)


def test_a_name_of_a_folder_may_end_with_a_slash(model, tmp_path):
    path, tensors = model
    (tmp_path / "dense").mkdir()
    path.rename(tmp_path / "dense" / "model.safetensors")
    tamp.prune_files(f"{tmp_path}/dense/", f"{tmp_path}/pruned/", tamp.wanda(0.5), norms_for(tensors))
    assert [p.name for p in (tmp_path / "pruned").iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize(
    "error, sentence, arguments",
    [
        (tamp.ValueError_, "the score wanda reads column norms: give a file", {}),
        (tamp.ValueError_, "the score magnitude reads no norms", {"recipe": tamp.magnitude(), "norms": "x"}),
        (tamp.ValueError_, "the score sparsegpt is not for models in files", {"recipe": tamp.sparsegpt()}),
        (tamp.FileError, "none.safetensors", {"norms": "none.safetensors"}),
    ],
)
def test_misuse_gets_a_sentence(model, tmp_path, error, sentence, arguments):
    with pytest.raises(error, match=sentence):
        tamp.prune_files(model[0], tmp_path / "out.safetensors", **{"recipe": tamp.wanda(0.5), **arguments})
    assert not (tmp_path / "out.safetensors").exists()


def test_a_norm_that_is_no_number_leaves_nothing_behind(model, tmp_path):
    path, tensors = model
    norms = norms_for(tensors)
    del norms["model.layers.1.mlp.up_proj.weight"]
    with pytest.raises(tamp.Error, match="model.layers.1.mlp.up_proj.weight"):
        tamp.prune_files(path, tmp_path / "out.safetensors", tamp.wanda(0.5), norms)
    assert [p.name for p in tmp_path.iterdir()] == ["model.safetensors"]
