"""The published algorithms as PyTorch runs them, written from the papers' formulas.

Each works the way its authors' code does: whole tensors at a time, a sort where they sort, a loop where
they loop. What is called `tuned_*` gives the same result and is what PyTorch could do at best: one
selection instead of a sort, one product instead of three. The weights are changed in place.
"""
import torch

# Weights: W is (out_features, in_features), scaler_row the mean squared norm of each input feature.


def wanda_metric(W, scaler_row):
    return torch.abs(W) * torch.sqrt(scaler_row.reshape(1, -1))


def drop_smallest_of_rows(W, metric, sparsity):
    mask = torch.zeros_like(metric, dtype=torch.bool)
    order = torch.sort(metric, dim=-1, stable=True)[1]
    mask.scatter_(1, order[:, :int(metric.shape[1] * sparsity)], True)
    W[mask] = 0


def wanda_per_row(W, scaler_row, sparsity):
    """Sun et al. 2024: a stable sort of every row."""
    drop_smallest_of_rows(W, wanda_metric(W, scaler_row), sparsity)


def tuned_wanda_per_row(W, scaler_row, sparsity):
    metric = wanda_metric(W, scaler_row)
    dropped = int(metric.shape[1] * sparsity)
    if dropped:
        threshold = torch.kthvalue(metric, dropped, dim=1, keepdim=True)[0]
        W.masked_fill_(metric <= threshold, 0)


def wanda_2_4(W, scaler_row):
    """Sun et al. 2024: four columns at a time."""
    metric = wanda_metric(W, scaler_row)
    mask = torch.zeros_like(metric, dtype=torch.bool)
    for start in range(0, metric.shape[1], 4):
        group = metric[:, start:start + 4].float()
        mask.scatter_(1, start + torch.topk(group, group.shape[1] // 2, dim=1, largest=False)[1], True)
    W[mask] = 0


def tuned_wanda_2_4(W, scaler_row):
    """Takes a number of columns that four divides."""
    groups = wanda_metric(W, scaler_row).reshape(-1, 4)
    mask = torch.zeros_like(groups, dtype=torch.bool)
    mask.scatter_(1, torch.topk(groups, 2, dim=1, largest=False)[1], True)
    W.masked_fill_(mask.reshape(W.shape), 0)


def magnitude_per_tensor(W, sparsity):
    """Han et al. 2015: one threshold, out of a sort of all. Drops one weight more than asked for."""
    metric = torch.abs(W)
    threshold = torch.sort(metric.flatten())[0][int(W.numel() * sparsity)]
    W[metric <= threshold] = 0


def tuned_magnitude_per_tensor(W, sparsity):
    metric = torch.abs(W)
    threshold = torch.kthvalue(metric.flatten(), int(W.numel() * sparsity) + 1)[0]
    W.masked_fill_(metric <= threshold, 0)


def ria_metric(W, scaler_row, alpha=0.5):
    """Zhang et al. 2024: each weight's share in its row and in its column."""
    size = torch.abs(W).float()
    share = size / torch.sum(size, dim=0) + size / torch.sum(size, dim=1).reshape(-1, 1)
    return share * torch.sqrt(scaler_row.reshape(1, -1)) ** alpha


def ria_per_row(W, scaler_row, sparsity):
    drop_smallest_of_rows(W, ria_metric(W, scaler_row), sparsity)


# Statistics.


def column_norm(scaler_row, X, samples_before=0):
    """Wanda's running mean over samples of each feature's squared norm; X is (tokens, in_features)."""
    features = X.reshape(-1, X.shape[-1]).t()
    scaler_row *= samples_before / (samples_before + 1)
    scaler_row += torch.norm(features.type(torch.float32), p=2, dim=1) ** 2 / (samples_before + 1)
    return scaler_row


def tuned_column_norm(scaler_row, X, samples_before=0):
    scaler_row *= samples_before / (samples_before + 1)
    X = X.float()
    scaler_row += (X * X).sum(0) / (samples_before + 1)
    return scaler_row


def outlier_ratio(W, scaler_row, M):
    """Yin et al. 2024 (OWL): percentage of a layer's scores above M times their mean."""
    metric = wanda_metric(W, scaler_row)
    scores = torch.cat([torch.flatten(layer) for layer in [metric]])
    return (scores > torch.mean(scores) * M).sum().item() / scores.numel() * 100


# Tokens: Y is a layer's output, (tokens, out_features); visual says which tokens are of an image.


def unit_length(Y):
    return Y / Y.norm(dim=1, keepdim=True)


def mean_positive_upper(G):
    upper = G[torch.triu(torch.ones_like(G, dtype=torch.bool), diagonal=1)]
    upper = upper[upper > 0]
    return upper.mean().item() if upper.numel() else 0.0


def densities(unit, visual):
    """Mean similarity within the image, within the text and across (Lee et al. 2025)."""
    image, text = unit[visual], unit[~visual]
    across = (image @ text.t()).mean().item() if len(image) and len(text) else 0.0
    return [mean_positive_upper(image @ image.t()), mean_positive_upper(text @ text.t()), across]


def das_importance(Y, visual):
    return abs(sum(1 - density for density in densities(unit_length(Y), visual)))


def tuned_das_importance(Y, visual):
    unit = unit_length(Y)
    image, text = unit[visual], unit[~visual]
    within = [mean_positive_upper(tokens @ tokens.t()) for tokens in (image, text)]
    across = (image.mean(0) @ text.mean(0)).item() if len(image) and len(text) else 0.0
    return abs(3 - sum(within) - across)


def amia_graph(similarity, attention, neighbours=3):
    """Each token's nearest others, their distances, and the graph scores."""
    distance = (1 - similarity).fill_diagonal_(float("inf"))
    far, near = torch.topk(distance, min(neighbours, len(distance) - 1), dim=1, largest=False)
    return near, far, attention + (torch.exp(-far) * attention[near]).sum(1)


def gaussian_kernel(unit, similarity):
    squared = (unit * unit).sum(1)
    return torch.exp(-(squared[:, None] + squared[None, :] - 2 * similarity) / 2)


def take_highest(graph, near, far, chosen):
    """Chooses the token of highest score, and lowers its neighbours'."""
    token = int(torch.argmax(graph))
    graph[near[token]] -= torch.exp(-0.2 * far[token]) * max(graph[token].item(), 0.0)
    chosen.append(token)
    return token


def amia_select(Y, visual, attention):
    """Lee et al. 2025 (TAMP): the chosen tokens in order. A product of all pairs for the distances, one
    for the kernel, one for the densities; means of the kernel anew for every token that is chosen."""
    unit = unit_length(Y)
    near, far, graph = amia_graph(unit @ unit.t(), attention)
    kernel = gaussian_kernel(unit, unit @ unit.t())
    stop = 0.1 * max(0.0, 1 - sum(densities(unit, visual)) / 3) ** 0.5
    chosen = []
    while len(chosen) < len(graph):
        take_highest(graph, near, far, chosen)
        graph[chosen] = graph.min() - 1
        mmd = kernel.mean() + kernel[chosen][:, chosen].mean() - 2 * kernel[:, chosen].mean()
        if mmd < stop:
            break
    return chosen


def tuned_amia_select(Y, visual, attention):
    """One product of all pairs, and running sums of the kernel."""
    unit = unit_length(Y)
    similarity = unit @ unit.t()
    near, far, graph = amia_graph(similarity, attention)
    image, text = similarity[visual], similarity[~visual]
    across = image[:, ~visual].mean().item() if len(image) and len(text) else 0.0
    density = (mean_positive_upper(image[:, visual]) + mean_positive_upper(text[:, ~visual]) + across) / 3
    stop = 0.1 * max(0.0, 1 - density) ** 0.5
    kernel = gaussian_kernel(unit, similarity)
    sums = kernel.sum(1)
    all_mean = sums.sum().item() / len(graph) ** 2
    chosen, within, between = [], 0.0, 0.0
    while len(chosen) < len(graph):
        token = take_highest(graph, near, far, chosen)
        graph[token] = float("-inf")
        to_chosen = kernel[token, chosen]
        within += 2 * to_chosen.sum().item() - to_chosen[-1].item()
        between += sums[token].item()
        count = len(chosen)
        if all_mean + within / count ** 2 - 2 * between / (count * len(graph)) < stop:
            break
    return chosen


def attention_top_k(attention, visual, keep):
    """Chen et al. 2024 (FastV): the kept tokens, ascending. `attention` is (heads, tokens), that of the
    last query alone, where the published code averages the map of all queries first."""
    mean = torch.mean(attention, dim=0)
    places = torch.nonzero(visual).flatten()
    top = places[mean[places].topk(keep)[1]]
    return torch.cat((torch.nonzero(~visual).flatten(), top)).sort()[0]
