"""What the figures of the study share: their style, and layers side by side."""
from result_file import fail

try:
    import matplotlib
except ImportError:
    fail("matplotlib is missing; Debian's package is python3-matplotlib")

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "tamp"  # the same file for the same figures
matplotlib.rcParams["svg.fonttype"] = "none"  # text stays text
matplotlib.rcParams["savefig.facecolor"] = "white"  # on dark pages, too
import matplotlib.pyplot as plot  # noqa: E402

PARTS = ["q", "k", "v", "o", "gate", "up", "down"]


def plain(axes):
    axes.spines[["top", "right"]].set_visible(False)


def save(figure, path, **settings):
    figure.tight_layout()
    if path.suffix == ".svg":
        settings["metadata"] = {"Date": None}
    figure.savefig(path, **settings)
    plot.close(figure)
    print(path)


def part(layer):
    """q of model.layers.3.self_attn.q_proj.weight."""
    return layer.split(".")[-2].removesuffix("_proj")


def block(layer):
    return int(layer.split(".")[2])


def color(layer):
    """One for attention, one for the feed-forward part."""
    return f"C{PARTS.index(part(layer)) // 4}" if part(layer) in PARTS else "C2"


def separate_blocks(axes, layers):
    """A line between blocks, their numbers above, and the names of a block's layers below."""
    starts = [k for k in range(len(layers)) if k == 0 or block(layers[k]) != block(layers[k - 1])]
    for k in starts[1:]:
        axes.axvline(k - 0.5, color="0.8", linewidth=0.8, zorder=0)
    axes.set_xticks(range(len(layers)), [part(name) for name in layers], rotation=90, fontsize=6)
    for k in starts:
        axes.text(k, 1.02, f"block {block(layers[k])}", transform=axes.get_xaxis_transform(), fontsize=7)
    axes.set_xlim(-0.7, len(layers) - 0.3)
    plain(axes)
