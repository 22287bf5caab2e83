"""What is compared: for each task its data, what PyTorch, tamp and the floor do with it, and what must be
equal. `torch`, `best`, `tamp` and `floor` return the seconds that they took, on as many `threads` as are set."""
import time

import torch

import exact
import published

SPARSITY = 0.5
OUTLIER_M = 5.0
# How many numbers are checked at a time, so that large weights do not need several copies.
CHUNK = 1 << 24


def timed(work):
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def random_weights(rows, cols):
    """Normal, each row with a scale of its own, and none zero: a mask can be told from the weights."""
    W = torch.randn(rows, cols).mul_(torch.exp(0.3 * torch.randn(rows, 1)))
    return W.masked_fill_(W == 0, 1e-3)


def random_scaler_row(cols):
    """Log-normal norms, a few features far above the others; squared."""
    norms = torch.exp(torch.randn(cols))
    norms[7::512] *= 50
    return norms ** 2


class Weight:
    """Pruning one weight in place."""

    floor_reads = 0  # how often the floor reads everything, besides changing it in place
    recipe = published_code = tuned_code = None
    takes_norms = takes_sparsity = True

    def __init__(self, library, rows, cols, element):
        self.library = library
        self.fresh = random_weights(rows, cols).to(element)
        self.W = self.fresh.clone()
        self.scaler_row = random_scaler_row(cols)
        self.norms = torch.sqrt(self.scaler_row)

    def _arguments(self):
        return ((self.scaler_row,) if self.takes_norms else ()) + ((SPARSITY,) if self.takes_sparsity else ())

    def refresh(self):
        self.W.copy_(self.fresh)

    def torch(self):
        return timed(lambda: self.published_code(self.W, *self._arguments()))[0]

    def best(self):
        return timed(lambda: self.tuned_code(self.W, *self._arguments()))[0]

    def tamp(self):
        return self.library.prune(self.recipe, self.W, self.norms, SPARSITY, self.threads)

    def floor(self):
        reads = sum(self.library.read(self.W, self.threads) for _ in range(self.floor_reads))
        return reads + self.library.read_modify_write(self.W, self.threads)

    def keep_result(self):
        self.expected = self.W.clone()

    def _row_blocks(self):
        step = max(1, CHUNK // self.W.shape[1])
        for begin in range(0, len(self.W), step):
            rows = slice(begin, begin + step)
            yield self.fresh[rows], self.expected[rows], self.W[rows]

    def check(self):
        """Compares W, as tamp has left it, with what PyTorch has left."""
        return exact.same_bits(self.W, self.expected), "same mask"


class WandaPerRow(Weight):
    recipe = "wanda_per_row"
    published_code = staticmethod(published.wanda_per_row)
    tuned_code = staticmethod(published.tuned_wanda_per_row)


class Wanda24(Weight):
    recipe = "wanda_2:4"
    published_code = staticmethod(published.wanda_2_4)
    takes_sparsity = False

    def __init__(self, library, rows, cols, *others):
        super().__init__(library, rows, cols, *others)
        self.tuned_code = published.tuned_wanda_2_4 if cols % 4 == 0 else None

    def check(self):
        ties, good = 0, True
        for fresh, expected, W in self._row_blocks():
            keep = exact.keep_2_4(published.wanda_metric(fresh, self.scaler_row))
            good &= exact.same_bits(W, fresh.masked_fill(~keep, 0))
            ties += int(((expected == 0) != (W == 0)).sum())
        return good, f"same mask as a stable order; PyTorch's differs in {ties} ties" if ties else "same mask"


class MagnitudePerTensor(Weight):
    recipe = "magnitude_per_tensor"
    published_code = staticmethod(published.magnitude_per_tensor)
    tuned_code = staticmethod(published.tuned_magnitude_per_tensor)
    takes_norms = False
    floor_reads = 1

    def check(self):
        # The published code drops whatever is not above the first weight that should stay. What tamp
        # keeps of that must be equal in magnitude, and of the equals those of highest index.
        more = (self.expected == 0) & (self.W != 0)
        extra = torch.abs(self.fresh[more])
        good = (int((self.W == 0).sum()) == int(self.W.numel() * SPARSITY)
                and not bool(((self.W == 0) & (self.expected != 0)).any())
                and exact.same_bits(self.W[self.W != 0], self.fresh[self.W != 0])
                and len(extra) > 0 and bool((extra == extra[0]).all()))
        if good:
            equal = torch.nonzero((torch.abs(self.fresh) == extra[0]).flatten()).flatten()
            kept = self.W.flatten()[equal] != 0
            good = not bool((kept[:-1] & ~kept[1:]).any())
        return good, f"same threshold; PyTorch drops {len(extra)} more, all equal to it"


class RiaPerRow(Weight):
    recipe = "ria_per_row"
    published_code = staticmethod(published.ria_per_row)
    floor_reads = 1

    def check(self):
        # Sums are rounded differently: a mask may differ where scores are as good as equal.
        metric = published.ria_metric(self.fresh.double(), self.scaler_row.double())
        differ = (self.W == 0) != (self.expected == 0)
        good = bool(((self.W == 0).sum(1) == int(self.W.shape[1] * SPARSITY)).all())
        for row in torch.nonzero(differ.any(1)).flatten().tolist():
            scores = metric[row][differ[row]]
            good &= bool(scores.max() <= scores.min() * (1 + 1e-5))
        count = int(differ.sum())
        return good, f"same mask but for {count} near-ties" if count else "same mask"


class ColumnNorm:
    """Wanda's scaler_row from one sequence; rows are tokens."""

    tuned_code = staticmethod(published.tuned_column_norm)

    def __init__(self, library, rows, cols, element):
        self.library = library
        self.X = (torch.randn(rows, cols) * torch.exp(0.5 * torch.randn(cols))).to(element)
        self.scaler_row = torch.zeros(cols)

    def refresh(self):
        self.scaler_row.zero_()

    def torch(self):
        seconds, self.result = timed(lambda: published.column_norm(self.scaler_row, self.X))
        return seconds

    def best(self):
        return timed(lambda: self.tuned_code(self.scaler_row, self.X))[0]

    def tamp(self):
        seconds, self.result = self.library.column_norm(self.X, self.threads)
        return seconds

    def floor(self):
        return self.library.read(self.X, self.threads)

    def keep_result(self):
        self.expected = self.result.clone()

    def check(self):
        exactly = (self.X.double() ** 2).sum(0)
        ours, theirs = (float(((sums - exactly).abs() / exactly).max()) for sums in (self.result, self.expected))
        return ours < 1e-5 and theirs < 1e-4, f"relative error {ours:.0e}, PyTorch's {theirs:.0e}"


class OutlierRatio(Weight):
    """OWL's outlier ratio of one layer. W is only read."""

    def refresh(self):
        pass

    def torch(self):
        seconds, self.ratio = timed(lambda: published.outlier_ratio(self.fresh, self.scaler_row, OUTLIER_M))
        return seconds

    def tamp(self):
        seconds, self.ratio = self.library.outlier_ratio(self.fresh, self.norms, OUTLIER_M, self.threads)
        return seconds

    def floor(self):
        return self.library.read(self.fresh, self.threads)

    def keep_result(self):
        self.expected = self.ratio

    def check(self):
        # PyTorch's mean is in float: scores as good as equal to the threshold may fall on either side.
        apart = round(abs(self.ratio - self.expected) / 100 * self.fresh.numel())
        return apart <= 1e-6 * self.fresh.numel() + 1, f"{self.ratio:.4f} %, {apart} scores apart"


class Tokens:
    """A layer's output, (tokens, features): clusters; three quarters of the tokens from an image."""

    def __init__(self, library, rows, cols, element):
        self.library = library
        clusters = torch.arange(rows) * 7 % 12
        self.Y = 0.5 * random_weights(rows, cols) + random_weights(12, cols)[clusters]
        self.visual = torch.arange(rows) < rows * 3 // 4
        self.kinds = self.visual.to(torch.uint8)
        self.attention = (torch.arange(rows) * 37 % 101).float() / (50 * rows)

    def refresh(self):
        pass

    def floor(self):
        tokens, features = self.Y.shape
        return self.library.multiply_add(tokens * tokens // 2 * features, self.threads)

    def torch(self):
        seconds, self.result = timed(lambda: self._run(self.published_code))
        return seconds

    def best(self):
        return timed(lambda: self._run(self.tuned_code))[0]

    def keep_result(self):
        self.expected = self.result


class Amia(Tokens):
    published_code = staticmethod(published.amia_select)
    tuned_code = staticmethod(published.tuned_amia_select)

    def _run(self, function, double=False):
        if double:
            return function(self.Y.double(), self.visual, self.attention.double())
        return function(self.Y, self.visual, self.attention.clone())

    def tamp(self):
        seconds, self.result = self.library.amia(self.Y, self.kinds, self.attention, self.threads)
        return seconds

    def check(self):
        if self.result == self.expected:
            return True, f"same {len(self.result)} tokens in the same order"
        exactly = self._run(published.tuned_amia_select, double=True)
        if self.result == exactly:
            return True, f"{len(self.result)} tokens in the order of double precision; PyTorch's float differs"
        return False, f"{len(self.result)} tokens, PyTorch {len(self.expected)}, in double {len(exactly)}"


class Das(Tokens):
    published_code = staticmethod(published.das_importance)
    tuned_code = staticmethod(published.tuned_das_importance)

    def _run(self, function, double=False):
        return function(self.Y.double() if double else self.Y, self.visual)

    def tamp(self):
        seconds, self.result = self.library.das(self.Y, self.kinds, self.threads)
        return seconds

    def check(self):
        exactly = self._run(published.tuned_das_importance, double=True)
        ours, theirs = (abs(value - exactly) / exactly for value in (self.result, self.expected))
        return ours < 1e-5 and theirs < 1e-3, f"relative error {ours:.0e}, PyTorch's {theirs:.0e}"


class AttentionTopK:
    """Half of the visual tokens stay. Rows are heads, columns tokens; one thread, whatever is asked."""

    def __init__(self, library, rows, cols, element):
        self.library = library
        self.attention = torch.softmax(torch.randn(rows, cols) * 2, dim=1)
        self.visual = torch.arange(cols) < cols * 3 // 4
        self.kinds = self.visual.to(torch.uint8)
        self.keep = cols * 3 // 8

    def refresh(self):
        pass

    def torch(self):
        seconds, self.kept = timed(
            lambda: published.attention_top_k(self.attention, self.visual, self.keep))
        return seconds

    def tamp(self):
        seconds, self.kept = self.library.attention_top_k(self.attention, self.kinds, self.keep)
        return seconds

    def floor(self):
        return self.library.read(self.attention, 1)

    def keep_result(self):
        self.expected = self.kept

    def check(self):
        return torch.equal(self.kept, self.expected), "same tokens"


class Task:
    def __init__(self, case, sizes, title, elements=("float", "bf16"), sweep=()):
        self.case, self.sizes, self.title, self.elements, self.sweep = case, sizes, title, elements, sweep


WEIGHTS = ((4096, 4096), (4096, 11008))
SQUARES = tuple((side, side) for side in (256, 512, 1024, 2048, 4096, 8192, 16384))
OUTPUTS = ((640, 4096), (2944, 4096))
TOKENS = (64, 128, 256, 512, 1024, 2048, 4096)

TASKS = {
    "wanda_per_row": Task(WandaPerRow, WEIGHTS, "Wanda, each row", sweep=SQUARES),
    "wanda_2:4": Task(Wanda24, WEIGHTS, "Wanda, 2:4", sweep=SQUARES),
    "magnitude_per_tensor": Task(MagnitudePerTensor, WEIGHTS, "magnitude, whole tensor", sweep=SQUARES),
    "ria_per_row": Task(RiaPerRow, WEIGHTS[:1], "RIA, each row"),
    "column_norm": Task(ColumnNorm, ((2048, 4096), (2048, 11008)), "column norms"),
    "outlier_ratio": Task(OutlierRatio, WEIGHTS, "OWL's outlier ratio"),
    "amia": Task(Amia, OUTPUTS, "AMIA's tokens", ("float",), tuple((n, 4096) for n in TOKENS)),
    "das": Task(Das, OUTPUTS, "DAS' importance", ("float",), tuple((n, 4096) for n in TOKENS)),
    "attention_top_k": Task(AttentionTopK, ((32, 640), (32, 2944)), "tokens by attention", ("float",),
                            tuple((32, n) for n in TOKENS)),
}
