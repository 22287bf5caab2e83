import numpy as np
import pytest

import tamp

torch = pytest.importorskip("torch", reason="PyTorch is not installed")


def published(weight, norms, sparsity):
    """The mask of Wanda as its authors compute it."""
    metric = torch.abs(weight) * norms.reshape(1, -1)
    order = torch.sort(metric, dim=-1, stable=True)[1]
    dropped = torch.zeros_like(metric) == 1
    dropped.scatter_(1, order[:, : int(metric.shape[1] * sparsity)], True)
    return ~dropped


def layer(dtype=torch.float32, rows=32, cols=64):
    torch.manual_seed(0)
    return torch.randn(rows, cols).to(dtype), torch.randn(20, cols)


@pytest.mark.parametrize(
    "dtype", ["float64", "float32", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]
)
def test_every_type_is_pruned_in_place_as_published(dtype):
    weight, x = layer(getattr(torch, dtype))
    norms = tamp.observe(x)
    wide = weight.to(torch.float64 if dtype == "float64" else torch.float32)
    expected = published(wide, torch.from_numpy(norms.values), 0.5)
    keep = tamp.select(weight, norms, tamp.wanda(0.5))
    assert torch.equal(torch.from_numpy(keep.to_numpy()), expected)
    tamp.prune(weight, norms, tamp.wanda(0.5))
    assert torch.equal(weight.float(), (wide * expected).float())


def test_activations_of_any_type_are_observed():
    _, x = layer()
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        cast = x.to(dtype)
        expected = cast.double().square().sum(0).sqrt()
        assert torch.allclose(torch.from_numpy(tamp.observe(cast).values).double(), expected, rtol=1e-6)


def test_parameters_that_require_gradients_are_pruned_in_place():
    linear = torch.nn.Linear(64, 32)
    assert linear.weight.requires_grad
    keep = tamp.select(linear.weight, tamp.magnitude(0.5))
    tamp.apply(linear.weight, keep)
    assert torch.equal(linear.weight != 0, torch.from_numpy(keep.to_numpy()))
    assert linear.weight.requires_grad and linear.weight.is_leaf
    tamp.prune(linear.weight, tamp.observe(torch.randn(3, 64, requires_grad=True)), tamp.wanda(0.75))
    assert int((linear.weight != 0).sum()) == 32 * 16


def test_a_transposed_view_and_a_slice_are_pruned_where_they_lie():
    weight, _ = layer(cols=64)
    expected = weight[:16].clone()
    tamp.prune(expected, tamp.magnitude(pattern="2:4"))
    by_column = weight.t().contiguous().t()
    tamp.prune(by_column[:16], tamp.magnitude(pattern="2:4"))
    assert torch.equal(by_column[:16], expected) and torch.equal(by_column[16:], weight[16:])


def test_sparse_weights_of_bfloat16_multiply_torch_tensors():
    weight, x = layer(torch.bfloat16)
    tamp.prune(weight, tamp.magnitude(0.5))
    s = tamp.sparse.pack(weight)
    assert s.dtype == "bfloat16"
    out = torch.empty(20, 32)
    assert s.multiply(x, out=out) is out
    assert torch.allclose(out, x @ weight.float().T, atol=1e-4)
    assert torch.equal(s.to_dense(torch.empty_like(weight)), weight)


def test_tokens_are_selected_from_attention_of_a_model():
    attention = torch.softmax(torch.randn(1, 4, 12, 12), -1).to(torch.bfloat16)
    kept = tamp.token.attention_top_k(attention[:, :, -1:], 3, slice(1, 10))
    scores = attention[0, :, -1, 1:10].double().sum(0)
    expected = sorted([0, 10, 11] + [1 + int(k) for k in scores.topk(3).indices])
    assert kept.tolist() == expected
    assert torch.randn(12, 3)[kept].shape == (6, 3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_memory_of_a_gpu_is_refused():
    with pytest.raises(tamp.ValueError_, match="lie in the memory of an NVIDIA GPU"):
        tamp.select(torch.ones(2, 4, device="cuda"), tamp.magnitude())


def test_a_sparse_or_meta_tensor_is_refused():
    for tensor in (torch.ones(2, 4).to_sparse(), torch.ones(2, 4, device="meta")):
        with pytest.raises((TypeError, tamp.Error)):
            tamp.select(tensor, tamp.magnitude())


def test_other_threads_run_meanwhile():
    import threading

    weight, x = layer(rows=512, cols=512)
    norms = tamp.observe(x)
    expected = tamp.select(weight, norms, tamp.wanda(0.5))
    results = [None] * 4

    def work(k):
        results[k] = tamp.select(weight, norms, tamp.wanda(0.5))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(result == expected for result in results)


def test_numpy_shares_the_result():
    weight, _ = layer()
    assert isinstance(tamp.select(weight, tamp.magnitude()).to_numpy(), np.ndarray)


def test_a_view_of_negated_numbers_is_refused():
    negated = torch.conj(torch.ones(2, 4, dtype=torch.complex64)).imag
    assert negated.is_neg()
    with pytest.raises(TypeError, match="is a view of negated numbers: give its resolve_neg"):
        tamp.select(negated, tamp.magnitude())
