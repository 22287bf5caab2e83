"""The definitions of tamp's results in NumPy, in float64 and without any thought of speed."""

import numpy as np


def column_norms(x):
    return np.sqrt((np.asarray(x, np.float64) ** 2).sum(axis=0))


def lowest_dropped(scores, count):
    """The mask of all but the `count` lowest scores; of equals the first goes."""
    keep = np.ones(scores.size, bool)
    keep[np.argsort(scores, kind="stable")[:count]] = False
    return keep


def per_row(scores, sparsity):
    count = int(scores.shape[1] * sparsity)
    return np.array([lowest_dropped(row, count) for row in scores])


def per_tensor(scores, sparsity):
    return lowest_dropped(scores.ravel(), int(scores.size * sparsity)).reshape(scores.shape)


def n_of_m(scores, n, m):
    groups = scores.reshape(-1, m)
    return np.array([lowest_dropped(group, m - n) for group in groups]).reshape(scores.shape)


def wanda(w, norms):
    return np.abs(w) * norms


def ria(w, norms):
    size = np.abs(w)
    share = size / size.sum(axis=1, keepdims=True) + size / size.sum(axis=0, keepdims=True)
    return share * norms**0.5


def divprune(hidden, count):
    """Greedy max-min diversity."""
    unit = hidden / np.linalg.norm(hidden, axis=1, keepdims=True)
    distance = 1 - unit @ unit.T
    np.fill_diagonal(distance, np.inf)
    chosen = [int(np.argmax(distance.min(axis=1)))]
    while len(chosen) < count:
        nearest = distance[:, chosen].min(axis=1)
        nearest[chosen] = -np.inf
        chosen.append(int(np.argmax(nearest)))
    return np.sort(chosen)


def mixed(scores, m, sparsity):
    """Keeps N = m - floor(m * sparsity) of each m columns; of a last group of r, ceil(N * r / m)."""
    kept = m - int(m * sparsity)
    keep = np.zeros(scores.shape, bool)
    for i, row in enumerate(scores):
        for begin in range(0, len(row), m):
            group = row[begin : begin + m]
            count = -(-kept * len(group) // m)
            best = sorted(range(len(group)), key=lambda j: (-group[j], -j))[:count]
            keep[i, [begin + j for j in best]] = True
    return keep


def block(scores, rows, cols, sparsity):
    """Drops the blocks of lowest mean; the earlier one of two that are equal."""
    places = [(i, j) for i in range(0, scores.shape[0], rows) for j in range(0, scores.shape[1], cols)]
    means = [np.mean(scores[i : i + rows, j : j + cols], dtype=np.float64) for i, j in places]
    keep = np.ones(scores.shape, bool)
    for k in sorted(range(len(places)), key=lambda k: (means[k], k))[: int(len(places) * sparsity)]:
        i, j = places[k]
        keep[i : i + rows, j : j + cols] = False
    return keep
