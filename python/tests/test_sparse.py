import numpy as np
import pytest

import tamp


def pruned(rows=24, cols=40, dtype=np.float32):
    w = np.random.default_rng(0).standard_normal((rows, cols)).astype(dtype)
    tamp.prune(w, tamp.magnitude(0.5))
    return w


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_a_weight_comes_back_to_the_bit(dtype):
    w = pruned(dtype=dtype)
    s = tamp.sparse.pack(w)
    assert s.dtype == np.dtype(dtype).name and s.shape == w.shape and s.kept == w.size // 2
    assert s.bytes < w.nbytes
    assert np.array_equal(s.to_dense(np.ones_like(w)), w)
    assert np.array_equal(s.mask.to_numpy(), w != 0)
    assert s == tamp.sparse.pack(w, tamp.Mask(w != 0))


def test_products_are_those_of_the_dense_weight():
    w = pruned()
    s = tamp.sparse.pack(w)
    x = np.random.default_rng(1).standard_normal((7, 40)).astype(np.float32)
    assert np.allclose(s.multiply(x), x @ w.T, atol=1e-5)
    assert np.allclose(s.multiply(x[0]), w @ x[0], atol=1e-5)
    assert np.allclose(s @ x.T, w @ x.T, atol=1e-5)
    assert np.allclose(s @ x[0], w @ x[0], atol=1e-5)
    out = np.empty((7, 24), np.float64)
    assert s.multiply(x, out=out) is out and np.allclose(out, x @ w.T, atol=1e-5)


def test_other_types_are_asked_for():
    w = pruned(dtype=np.float64)
    with pytest.raises(tamp.ValueError_, match="a weight of F64 is stored as another type"):
        tamp.sparse.pack(w)
    for name, tolerance in (("float32", 1e-6), ("bfloat16", 1e-2), ("int8", 2e-2)):
        s = tamp.sparse.pack(w, dtype=name)
        assert s.dtype == name and np.allclose(s.to_dense(), w, atol=tolerance * np.abs(w).max())
    with pytest.raises(tamp.ValueError_, match='there is no sparse weight of "float8"'):
        tamp.sparse.pack(w, dtype="float8")


def test_shapes_must_fit():
    s = tamp.sparse.pack(pruned())
    with pytest.raises(tamp.ShapeError, match="the activations have 39 features, the weight 40"):
        s.multiply(np.ones((2, 39), np.float32))
    with pytest.raises(tamp.ShapeError, match="the mask is 1 x 2"):
        tamp.sparse.pack(pruned(), tamp.Mask(np.ones((1, 2))))
