"""Results that must be exact: masks by a stable order, in which of equal scores the lower index is dropped
first. Where published code leaves ties to chance (2:4) or drops one more (magnitude), this decides."""
import torch

import published


def keep_rows(metric, sparsity):
    order = torch.sort(metric, dim=1, stable=True)[1]
    keep = torch.ones_like(metric, dtype=torch.bool)
    return keep.scatter_(1, order[:, :int(metric.shape[1] * sparsity)], False)


def keep_2_4(metric):
    """Rank within each group by comparing all pairs. A last group of r < 4 columns keeps ceil(r / 2)."""
    rows, cols = metric.shape
    keep = torch.ones((rows, cols), dtype=torch.bool, device=metric.device)
    whole = cols - cols % 4
    for start, end, width in ((0, whole, 4), (whole, cols, cols % 4)):
        if start == end:
            continue
        groups = metric[:, start:end].reshape(-1, width)
        rank = torch.zeros(groups.shape, dtype=torch.int8, device=metric.device)
        for a in range(width):
            for b in range(width):
                if a != b:
                    before = groups[:, b] <= groups[:, a] if b < a else groups[:, b] < groups[:, a]
                    rank[:, a] += before
        keep[:, start:end] = (rank >= width // 2).reshape(rows, end - start)
    return keep


def keep_tensor(metric, sparsity):
    order = torch.sort(metric.flatten(), stable=True)[1]
    keep = torch.ones(metric.numel(), dtype=torch.bool, device=metric.device)
    keep[order[:int(metric.numel() * sparsity)]] = False
    return keep.reshape(metric.shape)


RECIPES = {
    "wanda_per_row": lambda W, row, sparsity: keep_rows(published.wanda_metric(W, row), sparsity),
    "wanda_2:4": lambda W, row, sparsity: keep_2_4(published.wanda_metric(W, row)),
    "magnitude_per_tensor": lambda W, row, sparsity: keep_tensor(torch.abs(W), sparsity),
}


def same_bits(a, b):
    as_integers = torch.int32 if a.element_size() == 4 else torch.int16
    return torch.equal(a.contiguous().view(as_integers), b.contiguous().view(as_integers))


def hard_data(rows, cols, element, generator):
    """Weights and squared norms that tie, vanish and spread: (name, W, scaler_row)."""
    W = torch.randn(rows, cols, generator=generator)
    norms = torch.exp(torch.randn(cols, generator=generator)) ** 2
    coarse = torch.round(4 * W) / 4
    dead = norms.clone()
    dead[::3] = 0
    spread = W * torch.exp2(torch.arange(rows) % 40 - 20.0).reshape(-1, 1)
    even = torch.ones(cols)
    return [(name, weights.to(element), row) for name, weights, row in (
        ("normal", W, norms), ("coarse", coarse, even), ("all equal", torch.ones_like(W), even),
        ("dead features", W, dead), ("spread rows", spread, norms), ("zeros", torch.zeros_like(W), norms))]


def battery(library, elements, threads, say):
    """Every recipe on small hard data: select and prune against the stable order. Returns failures."""
    generator = torch.Generator().manual_seed(3)
    shapes = ((1, 1), (1, 5), (7, 1), (3, 31), (5, 33), (16, 64), (9, 257), (4, 1001), (33, 4097), (2, 131072))
    cases = failures = 0
    for rows, cols in shapes:
        for element_name, element in elements.items():
            for data, fresh, row in hard_data(rows, cols, element, generator):
                norms = torch.sqrt(row)
                for recipe, reference in RECIPES.items():
                    for sparsity in (0.5,) if recipe == "wanda_2:4" else (0, 0.01, 0.3, 0.5, 0.7, 0.95, 1):
                        expected = reference(fresh, row, sparsity)
                        _, keep = library.select(recipe, fresh, norms, sparsity, threads)
                        W = fresh.clone()
                        library.prune(recipe, W, norms, sparsity, threads)
                        cases += 1
                        if not torch.equal(keep, expected) or not same_bits(W, fresh.masked_fill(~expected, 0)):
                            failures += 1
                            say(f"{recipe}, {rows} x {cols}, {element_name}, {data}, sparsity {sparsity}: "
                                f"{int((keep != expected).sum())} weights differ from the stable order")
    say(f"{cases} cases on {threads} thread(s), {failures} failed")
    return failures
