"""The course as a notebook, and the model that it runs."""

import importlib
import pathlib
import re

import numpy as np
import pytest

TEACH = pathlib.Path(__file__).resolve().parents[2] / "examples/teach"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


@pytest.fixture
def embedded_model(monkeypatch):
    monkeypatch.syspath_prepend(str(TEACH))
    return importlib.import_module("embedded_model")


def test_the_model_computes_the_logits_of_its_trainer(embedded_model):
    expected, _ = embedded_model.read_safetensors(embedded_model.DATA / "logits_check.safetensors")
    model, scenes = embedded_model.load(), embedded_model.scenes("eval", len(expected["logits"]))
    found = np.stack([model.logits([scene])[0] for scene in scenes])
    assert np.abs(found - expected["logits"]).max() < 1e-3


def test_scenes_that_run_at_once_have_the_answers_of_each_alone(embedded_model):
    model, scenes = embedded_model.load(), embedded_model.scenes("eval", 12)
    assert model.run(scenes) == [model.run([scene])[0] for scene in scenes]


def test_each_linear_layer_is_shown_for_each_sequence(embedded_model):
    model, shown = embedded_model.load(), []
    model.run(embedded_model.scenes("eval", 3), observe=shown.append)
    assert sorted(layer.name for layer in shown) == sorted(3 * list(model.linear()))
    for layer in shown:
        tokens = len(layer.is_image)
        assert layer.is_image.sum() == 64 and layer.attention.shape == (4, tokens, tokens)
        product = layer.inputs @ model.weights[layer.name].T
        assert np.allclose(layer.outputs, product, atol=1e-4)


def pictures_of(cell):
    return sum("image/png" in output.get("data", {}) for output in cell.outputs)


def text_of(cell):
    """Return what a cell printed, in one string, without its pictures."""
    return "".join(
        output.get("text") or output.get("data", {}).get("text/plain", "")
        for output in cell.outputs
        if "image/png" not in output.get("data", {})
    )


def test_the_notebook_prints_what_it_shows():
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    pytest.importorskip("matplotlib", reason="Matplotlib is not installed")
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    path = TEACH / "course.ipynb"
    shown, fresh = nbformat.read(path, as_version=4), nbformat.read(path, as_version=4)
    for cell in fresh.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    nbclient.NotebookClient(fresh, timeout=600, resources={"metadata": {"path": str(TEACH)}}).execute()
    for before, after in zip(shown.cells, fresh.cells):
        if before.cell_type != "code":
            continue
        expected, found = text_of(before), text_of(after)
        assert NUMBER.sub("number", found) == NUMBER.sub("number", expected)
        # Sums of NumPy's products depend on the processor; an answer may tip over.
        numbers = [[float(number) for number in NUMBER.findall(text)] for text in (found, expected)]
        assert numbers[0] == pytest.approx(numbers[1], rel=0.02, abs=0.02), expected
        assert pictures_of(before) == pictures_of(after)
