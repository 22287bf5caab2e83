import pickle

import definitions
import numpy as np
import pytest

import tamp


def activations(tokens=20, features=12, seed=0):
    return np.random.default_rng(seed).standard_normal((tokens, features)).astype(np.float32)


def test_norms_are_root_mean_squares_over_sequences():
    a, b = activations(), activations(7, seed=1)
    norms = tamp.ColumnNorm().add(a).add(b)
    expected = np.sqrt((definitions.column_norms(a) ** 2 + definitions.column_norms(b) ** 2) / 2)
    assert np.allclose(norms.values, expected, rtol=1e-6)
    assert norms.values.dtype == np.float32
    assert (norms.tokens, norms.count, norms.features) == (27, 2, 12)


def test_a_batch_is_as_many_sequences():
    batch = np.stack([activations(), activations(seed=1)])
    one_by_one = tamp.ColumnNorm().add(batch[0]).add(batch[1])
    assert tamp.ColumnNorm().add(batch) == one_by_one
    assert tamp.ColumnNorm().add(batch[:, :, ::2]).features == 6
    weights = np.ones((2, 20))
    weights[1] = 0
    assert np.array_equal(tamp.ColumnNorm().add(batch, weights).values,
                          tamp.ColumnNorm().add(batch[0]).add(batch[1], np.zeros(20)).values)


def test_a_token_of_weight_0_is_no_token():
    x = activations()
    weights = (np.arange(20) % 3 == 0).astype(float)
    assert np.array_equal(tamp.ColumnNorm().add(x, weights).values, tamp.ColumnNorm().add(x[::3]).values)
    with pytest.raises(tamp.ShapeError, match="there are 3 weights for 20 tokens"):
        tamp.ColumnNorm().add(x, np.ones(3))


def test_statistics_are_merged():
    a, b = activations(), activations(seed=1)
    assert tamp.ColumnNorm().add(a).merge(tamp.ColumnNorm().add(b)) == tamp.ColumnNorm().add(a).add(b)
    with pytest.raises(tamp.ShapeError):
        tamp.ColumnNorm().add(a).merge(tamp.ColumnNorm().add(b[:, :3]))


def test_the_gram_matrix_is_the_product():
    a, b = activations(), activations(seed=1)
    gram = tamp.observe(a, tamp.Gram).add(b)
    wide = np.concatenate([a, b]).astype(np.float64)
    assert np.allclose(gram.values, wide.T @ wide, rtol=1e-12)
    assert (gram.tokens, gram.count, gram.features) == (40, 2, 12)


@pytest.mark.parametrize("statistic", [tamp.ColumnNorm, tamp.Gram])
def test_statistics_are_pickled(statistic):
    seen = statistic().add(activations())
    copy = pickle.loads(pickle.dumps(seen))
    assert copy == seen and np.array_equal(copy.values, seen.values)


def test_nothing_is_added_when_a_number_is_not_finite():
    x = activations()
    batch = np.stack([x, x])
    batch[1, 4, 2] = np.inf
    for statistic in (tamp.ColumnNorm(), tamp.Gram()):
        statistic.add(x)
        before = statistic.values
        with pytest.raises(tamp.ValueError_, match="token 4"):
            statistic.add(batch)
        assert np.array_equal(statistic.values, before) and statistic.count == 1


def test_norms_from_elsewhere():
    norms = tamp.ColumnNorm.of([1, 2, 3], tokens=10)
    assert norms.values.tolist() == [1, 2, 3] and norms.tokens == 10
    with pytest.raises(tamp.ValueError_, match="the norm of feature 1 is -2"):
        tamp.ColumnNorm.of([1, -2])


def test_amia_reads_some_tokens_of_a_sample():
    x, y = activations(30), activations(30, 5, seed=1)
    kinds = np.arange(30) < 25
    attention = np.full(30, 1 / 30)
    norms = tamp.AmiaNorm().add(x, y, attention, kinds)
    assert norms.tokens_seen == 30 and 0 < norms.tokens <= 30
    w = activations(4, 12, seed=2)
    assert tamp.select(w, norms, tamp.amia(0.5)) == tamp.select(w, norms.values, tamp.wanda(0.5))
    with pytest.raises(tamp.ShapeError):
        tamp.AmiaNorm().add(x, y, attention[:3])


def test_diversity_of_equal_and_of_orthogonal_tokens():
    same = np.ones((6, 4), np.float32)
    apart = np.eye(6, dtype=np.float32)
    kinds = np.array([1, 1, 1, 0, 0, 0])
    assert tamp.TokenDiversity().add(same, kinds).importance == pytest.approx(0)
    assert tamp.TokenDiversity().add(apart, kinds).importance == pytest.approx(3)
