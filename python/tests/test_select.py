import definitions
import numpy as np
import pytest

import tamp

W = np.array([[8, 7, 6, 5, 4, 3, 2, 1], [1, 2, 3, 4, 5, 6, 7, 8]], np.float32)
X = np.array([[1, 0, 2, 0, 1, 9, 1, 0], [1, 0, 1, 1, 2, 9, 0, 1], [2, 0, 1, 0, 1, 8, 1, 1]], np.float32)


def layer(rows=48, cols=96, seed=0, dtype=np.float32):
    random = np.random.default_rng(seed)
    w = random.standard_normal((rows, cols)).astype(dtype)
    x = random.standard_normal((40, cols)).astype(np.float32)
    return w, x


def test_the_first_example():
    norms = tamp.observe(X)
    keep = tamp.select(W, norms, tamp.wanda(pattern="2:4"))
    assert str(keep) == "#.#.##..\n..####.."
    assert (keep.shape, keep.size, keep.count, keep.sparsity) == ((2, 8), 16, 8, 0.5)
    weight = W.copy()
    tamp.apply(weight, keep)
    assert weight.tolist() == [[8, 0, 6, 0, 4, 3, 0, 0], [0, 0, 3, 4, 5, 6, 0, 0]]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("sparsity", [0, 0.3, 0.5, 1])
@pytest.mark.parametrize("pattern", ["per_row", "per_tensor"])
def test_wanda_is_its_definition(dtype, sparsity, pattern):
    w, x = layer(dtype=dtype)
    norms = tamp.observe(x)
    keep = tamp.select(w, norms, tamp.wanda(sparsity, pattern))
    # Scores of half precision are made in float.
    scores = np.abs(w.astype(np.float64 if dtype == np.float64 else np.float32)) * norms.values
    assert np.array_equal(keep.to_numpy(), getattr(definitions, pattern)(scores, sparsity))


@pytest.mark.parametrize("n, m", [(1, 2), (1, 4), (2, 4), (4, 8), (8, 16)])
def test_n_of_m_is_its_definition(n, m):
    w, _ = layer()
    keep = tamp.select(w, tamp.magnitude(pattern=f"{n}:{m}"))
    assert np.array_equal(keep.to_numpy(), definitions.n_of_m(np.abs(w), n, m))


@pytest.mark.parametrize("sparsity", [0, 0.25, 0.5, 0.8, 1])
def test_mixed_n_of_m_is_its_definition(sparsity):
    w, _ = layer()
    keep = tamp.select(w, tamp.magnitude(sparsity, "mixed:8"))
    assert np.array_equal(keep.to_numpy(), definitions.mixed(np.abs(w), 8, sparsity))


@pytest.mark.parametrize("sparsity", [0, 0.3, 0.5, 1])
@pytest.mark.parametrize("rows, cols", [(16, 1), (1, 16)])
def test_blocks_are_their_definition(rows, cols, sparsity):
    w = np.random.default_rng(5).standard_normal((40, 50)).astype(np.float32)
    keep = tamp.select(w, tamp.magnitude(sparsity, f"block:{rows}x{cols}"))
    assert np.array_equal(keep.to_numpy(), definitions.block(np.abs(w), rows, cols, sparsity))


def test_ria_is_its_definition():
    w, x = layer(dtype=np.float64)
    norms = tamp.observe(x)
    keep = tamp.select(w, norms, tamp.ria(0.5))
    expected = definitions.per_row(definitions.ria(w, norms.values.astype(np.float64)), 0.5)
    assert np.array_equal(keep.to_numpy(), expected)


def test_int8_is_selected_from():
    w = np.random.default_rng(1).integers(-127, 128, (8, 16)).astype(np.int8)
    keep = tamp.select(w, tamp.magnitude(0.5))
    expected = definitions.per_row(np.abs(w.astype(np.float32)), 0.5)
    assert np.array_equal(keep.to_numpy(), expected)
    tamp.apply(w, keep)
    assert np.array_equal(w != 0, expected & (w != 0))


@pytest.mark.parametrize(
    "view",
    [
        lambda w: np.asfortranarray(w),
        lambda w: np.repeat(w, 2, axis=1)[:, ::2],
        lambda w: w[::-1, ::-1].copy()[::-1, ::-1],
        lambda w: np.stack([w, w])[1],
    ],
    ids=["by column", "every other column", "backwards", "a slice"],
)
def test_any_strides_are_pruned_in_place(view):
    w, x = layer()
    expected = w * tamp.select(w, tamp.observe(x), tamp.wanda(0.5)).to_numpy()
    strided = view(w)
    result = tamp.prune(strided, tamp.observe(x), tamp.wanda(0.5))
    assert np.array_equal(strided, expected)
    assert (result.size, result.kept, result.sparsity) == (w.size, w.size // 2, 0.5)


def test_statistics_may_be_an_array_or_a_list_of_norms():
    norms = tamp.observe(X)
    recipe = tamp.wanda(0.5)
    assert tamp.select(W, norms.values, recipe) == tamp.select(W, norms, recipe)
    assert tamp.select(W, norms.values.tolist(), recipe) == tamp.select(W, norms, recipe)
    assert tamp.select(W, tamp.magnitude(0.5)) == tamp.select(W, None, tamp.magnitude(0.5))


def test_one_dimension_is_one_row():
    assert tamp.select(W[0], tamp.magnitude(0.5)).shape == (1, 8)


def test_a_read_only_array_is_read_and_not_written():
    frozen = W.copy()
    frozen.flags.writeable = False
    norms, recipe = tamp.observe(X), tamp.wanda(0.5)
    keep = tamp.select(frozen, norms, recipe)
    for write in (lambda: tamp.prune(frozen, norms, recipe), lambda: tamp.apply(frozen, keep)):
        with pytest.raises(tamp.ValueError_, match="2 x 8 F32 is read-only and cannot be written to"):
            write()
    assert np.array_equal(frozen, W)


def test_what_is_no_array_is_refused_by_its_type():
    with pytest.raises(TypeError, match="select: W is a list, and tamp takes NumPy arrays"):
        tamp.select([[1.0]], tamp.magnitude())
    with pytest.raises(TypeError, match="of >f4, whose numbers it does not hand over"):
        tamp.select(W.astype(">f4"), tamp.magnitude())


@pytest.mark.parametrize(
    "error, sentence, call",
    [
        (tamp.ShapeError, "this tensor has 3", lambda: tamp.select(np.zeros((2, 2, 2)), tamp.magnitude())),
        (tamp.ShapeError, "this tensor has 0", lambda: tamp.select(np.float32(1), tamp.magnitude())),
        (tamp.ValueError_, "are I64, and tamp reads", lambda: tamp.select(W.astype(int), tamp.magnitude())),
        (tamp.ShapeError, "has 4 columns, the statistics cover 8",
         lambda: tamp.select(W[:, :4], tamp.observe(X), tamp.wanda())),
        (tamp.ValueError_, "the weight in row 1, column 2 is nan",
         lambda: tamp.select(np.where(np.arange(16).reshape(2, 8) == 10, np.float32(np.nan), W), tamp.magnitude())),
        (tamp.ValueError_, "have seen no activations", lambda: tamp.select(W, tamp.ColumnNorm(), tamp.wanda())),
        (TypeError, "reads a tamp.ColumnNorm of the layer's inputs, and there are no", lambda: tamp.select(W, tamp.wanda())),
        (TypeError, "reads a tamp.Gram", lambda: tamp.select(W, tamp.observe(X), tamp.sparsegpt())),
        (TypeError, "the recipe is a tamp.Recipe", lambda: tamp.select(W, tamp.observe(X), "wanda")),
        (tamp.ValueError_, "compares the layers of a model", lambda: tamp.select(W, tamp.observe(X), tamp.owl())),
        (tamp.ShapeError, "the mask is 2 x 8, the weight is 2 x 4",
         lambda: tamp.apply(W[:, :4].copy(), tamp.select(W, tamp.magnitude()))),
    ],
)
def test_misuse_gets_a_sentence(error, sentence, call):
    with pytest.raises(error, match=sentence):
        call()


def test_masks_are_combined_and_compared():
    a = np.array([[True, False, True], [False, False, True]])
    b = np.array([[True, True, False], [False, True, True]])
    m, n = tamp.Mask(a), tamp.Mask(b)
    assert np.array_equal((m & n).to_numpy(), a & b)
    assert np.array_equal((m | n).to_numpy(), a | b)
    assert np.array_equal((m ^ n).to_numpy(), a ^ b)
    assert np.array_equal((~m).to_numpy(), ~a)
    assert np.array_equal(np.asarray(m), a)
    assert m == tamp.Mask(a.astype(np.float32) * 3) and m != n
    with pytest.raises(tamp.ShapeError):
        m & tamp.Mask(a[:1])


def test_threads_change_nothing():
    w, x = layer(512, 512)
    norms = tamp.observe(x)
    masks = []
    for count in (1, 2, 0):
        tamp.set_threads(count)
        masks.append(tamp.select(w, tamp.observe(x), tamp.wanda(0.5)))
        assert np.array_equal(tamp.observe(x).values, norms.values)
    assert masks[0] == masks[1] == masks[2]
    with pytest.raises(tamp.ValueError_):
        tamp.set_threads(-1)


@pytest.mark.skipif(not tamp._tamp.has_sparsegpt, reason="the package was built without Eigen")
def test_sparsegpt_loses_less_than_its_mask_alone():
    w, x = layer(16, 32, dtype=np.float64)
    x = x @ np.random.default_rng(3).standard_normal((32, 32))  # correlated features
    gram = tamp.Gram().add(x)
    keep = tamp.select(w, gram, tamp.sparsegpt(0.5, "per_row"))
    pruned = w.copy()
    result = tamp.prune(pruned, gram, tamp.sparsegpt(0.5, "per_row"))
    assert result.kept == keep.count == w.size // 2
    assert np.array_equal(pruned != 0, keep.to_numpy())
    repaired = np.linalg.norm(x @ (pruned - w).T)
    assert repaired < 0.8 * np.linalg.norm(x @ (w * keep.to_numpy() - w).T)
