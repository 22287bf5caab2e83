import numpy as np
import pytest

import tamp


def model(seed=0):
    random = np.random.default_rng(seed)
    shapes = {"attn.q_proj": (16, 24), "mlp.up_proj": (40, 24)}
    return {
        f"model.layers.{b}.{name}.weight": random.standard_normal(shape).astype(np.float32) * (1 + 3 * b)
        for b in range(3)
        for name, shape in shapes.items()
    } | {"lm_head.weight": random.standard_normal((50, 24)).astype(np.float32)}


def seen_by(weights, statistic=tamp.ColumnNorm):
    random = np.random.default_rng(9)
    return {
        name: statistic().add(random.standard_normal((30, w.shape[1])) * random.exponential(size=w.shape[1]) ** 2)
        for name, w in weights.items()
    }


def test_a_plan_has_one_sparsity_a_layer_and_leaves_the_head_out():
    plan = tamp.plan(model(), tamp.wanda(0.6))
    assert [layer.block for layer in plan.layers] == [0, 0, 1, 1, 2, 2, 3]
    assert plan.layers[-1].excluded and not plan.layers[0].excluded
    assert plan["model.layers.0.attn.q_proj.weight"] == 0.6
    assert plan.recipe == "wanda, uniform 0.6, per_row" and plan.sparsity == pytest.approx(0.6)
    assert len(plan) == 7 and "lm_head.weight" in plan and "x" not in plan
    assert not tamp.plan(model(), tamp.wanda(0.6), exclude=[]).layers[-1].excluded
    with pytest.raises(tamp.ValueError_, match="nothing to prune"):
        tamp.plan(model(), tamp.wanda(0.6), exclude=["*"])


@pytest.mark.parametrize("allocate", ["erk", "lamp", "owl", "alpha"])
def test_allocations_keep_the_target(allocate):
    if allocate == "alpha" and not tamp._tamp.has_sparsegpt:
        pytest.skip("the package was built without Eigen")
    weights = model()
    plan = tamp.plan(weights, tamp.compose(allocate=allocate, sparsity=0.6), seen_by(weights))
    assert plan.sparsity == pytest.approx(0.6, abs=0.01)
    assert len({layer.sparsity for layer in plan.layers if layer.is_pruned}) > 1


def test_das_reads_outputs():
    weights = model()
    random = np.random.default_rng(4)
    diversity = {
        name: tamp.TokenDiversity().add(random.standard_normal((20, w.shape[0])) + 3 * k, np.arange(20) < 10)
        for k, (name, w) in enumerate(weights.items())
    }
    plan = tamp.plan(weights, tamp.tamp(0.5), diversity)
    assert plan.sparsity == pytest.approx(0.5, abs=0.01)
    with pytest.raises(TypeError, match="reads a tamp.TokenDiversity of each layer, and that of model.layers.0"):
        tamp.plan(weights, tamp.tamp(0.5), seen_by(weights))
    with pytest.raises(tamp.ValueError_, match="there are none of model.layers.0.attn.q_proj.weight"):
        tamp.plan(weights, tamp.tamp(0.5))


def test_plans_are_edited_saved_and_loaded(tmp_path):
    plan = tamp.plan(model(), tamp.wanda(0.6))
    plan["model.layers.0.attn.q_proj.weight"] = 0.25
    try:
        plan.save(tmp_path / "plan.json")
    except tamp.Error as problem:
        pytest.skip(str(problem))
    assert tamp.Plan.load(tmp_path / "plan.json") == plan != tamp.plan(model(), tamp.wanda(0.6))
    (tmp_path / "broken.json").write_text("{}")
    for path in ("broken.json", "none.json"):
        with pytest.raises(tamp.FileError) as problem:
            tamp.Plan.load(tmp_path / path)
        assert path in str(problem.value) and isinstance(problem.value, OSError)
    with pytest.raises(KeyError):
        plan["none"]
    with pytest.raises(tamp.ValueError_):
        plan["lm_head.weight"] = 2


def test_a_model_is_pruned_by_its_plan():
    weights, before = model(), model()
    statistics = seen_by(weights)
    calls = []
    report = tamp.prune_model(weights, statistics, tamp.owl(0.6), on_progress=lambda *at: calls.append(at))
    plan = tamp.plan(before, tamp.owl(0.6), statistics)
    assert [(done, total) for done, total, _ in calls] == [(k, 6) for k in range(1, 7)]
    assert len(report.layers) == 6 and report.sparsity == pytest.approx(0.6, abs=1 / 24)  # of rows of 24
    for layer in report.layers:
        expected = before[layer.name].copy()
        tamp.prune(expected, statistics[layer.name], tamp.wanda(plan[layer.name]))
        assert np.array_equal(weights[layer.name], expected)
        assert layer.kept == np.count_nonzero(expected) and layer.asked == plan[layer.name]
    assert np.array_equal(weights["lm_head.weight"], before["lm_head.weight"])


def test_an_interruption_leaves_the_model_as_it_was():
    weights, before = model(), model()

    def interrupt(done, total, name):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tamp.prune_model(weights, seen_by(weights), tamp.wanda(0.5), on_progress=interrupt)
    weights["model.layers.2.mlp.up_proj.weight"][3, 4] = np.nan
    with pytest.raises(tamp.ValueError_, match="model.layers.2.mlp.up_proj.weight: .* row 3, column 4 is nan"):
        tamp.prune_model(weights, seen_by(before), tamp.wanda(0.5))
    assert all(np.array_equal(weights[name], before[name]) for name in before if "2.mlp" not in name)


def read_only(weight):
    weight.flags.writeable = False
    return weight


def repeated(weight):
    return np.lib.stride_tricks.as_strided(weight, strides=(0, weight.itemsize))


@pytest.mark.parametrize(
    "make, error, sentence",
    [
        (read_only, tamp.ValueError_, "40 x 24 F32 is read-only and cannot be written to"),
        (repeated, tamp.ShapeError, "share their memory: its strides are 0 and 1"),
    ],
    ids=["read-only", "repeated"],
)
@pytest.mark.parametrize("recipe", [tamp.wanda(0.5), tamp.sparsegpt(0.5)], ids=lambda recipe: recipe.score)
def test_a_weight_that_cannot_be_written_is_named_before_any_is(recipe, make, error, sentence):
    if recipe.score == "sparsegpt" and not tamp._tamp.has_sparsegpt:
        pytest.skip("the package was built without Eigen")
    weights, before, name = model(), model(), "model.layers.2.mlp.up_proj.weight"
    weights[name] = make(weights[name])
    plan = tamp.plan(before, recipe)
    statistics = seen_by(before, tamp.Gram if recipe.score == "sparsegpt" else tamp.ColumnNorm)
    with pytest.raises(error, match=f"^{name}: .*{sentence}"):
        tamp.prune_model(weights, statistics, recipe, plan)
    assert all(np.array_equal(weights[other], before[other]) for other in before if other != name)


def test_masks_are_written_to_all_weights_or_to_none():
    weights, before = model(), model()

    def freeze_the_last(done, total, name):
        if done == total:
            weights[name].flags.writeable = False

    with pytest.raises(tamp.ValueError_, match="read-only"):
        tamp.prune_model(weights, seen_by(weights), tamp.wanda(0.5), on_progress=freeze_the_last)
    assert all(np.array_equal(weights[name], before[name]) for name in before)


def test_a_layer_that_saw_no_token_is_pruned_by_magnitude():
    weights, before = model(), model()
    statistics = seen_by(weights)
    name = "model.layers.1.mlp.up_proj.weight"
    statistics[name] = tamp.ColumnNorm()
    report = tamp.prune_model(weights, statistics, tamp.wanda(pattern="2:4"))
    assert [layer.name for layer in report.layers if layer.by_magnitude] == [name]
    expected = before[name].copy()
    tamp.prune(expected, tamp.magnitude(pattern="2:4"))
    assert np.array_equal(weights[name], expected)


def test_missing_statistics_are_named():
    with pytest.raises(tamp.ValueError_, match="there are none of model.layers.0.attn.q_proj.weight"):
        tamp.prune_model(model(), {}, tamp.wanda(0.5))
