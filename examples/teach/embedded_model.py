"""The embedded multimodal model in NumPy: enough of an engine to watch pruning at work.

    model = embedded_model.load()
    scenes = embedded_model.scenes("eval", 200)
    model.accuracy(scenes)                                   # in %
    model.run(scenes, observe=lambda layer: ...)             # shows every linear layer of every sequence

A sequence is <bos>, <image>, 64 patches, </image>, a question of up to six words and <answer>.
`examples/data/tiny_mllm/README.md` describes the model and its data.
"""

from __future__ import annotations

import json
import pathlib
import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

DATA = pathlib.Path(__file__).resolve().parent.parent / "data/tiny_mllm"
DTYPES = {"F16": np.float16, "F32": np.float32, "I32": np.int32, "U8": np.uint8}


@dataclass
class Layer:
    """A linear layer at work on one sequence."""

    name: str
    """The name of its weight, such as model.layers.0.mlp.up_proj.weight."""
    inputs: np.ndarray
    """(tokens, in_features)"""
    outputs: np.ndarray
    """(tokens, out_features)"""
    is_image: np.ndarray
    """(tokens,), True for the patches of the picture."""
    attention: np.ndarray
    """(heads, tokens, tokens), the attention of the block that the layer belongs to."""


@dataclass
class Scene:
    """A picture, a question about it and the answer."""

    picture: np.ndarray
    """(48, 48), gray values up to 255."""
    question: np.ndarray
    """The numbers of its words."""
    answer: int


def read_safetensors(path: pathlib.Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the tensors and the metadata of a file."""
    content = path.read_bytes()
    (length,) = struct.unpack_from("<Q", content)
    header = json.loads(content[8 : 8 + length])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = np.frombuffer(content[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors, metadata


def scenes(kind: str, count: int) -> list[Scene]:
    """Return the first scenes to calibrate on ("calib") or to judge by ("eval")."""
    tensors, _ = read_safetensors(DATA / f"tiny_{kind}.safetensors")
    return [
        Scene(tensors["images"][k], tensors["question_ids"][k][: tensors["question_length"][k]], int(tensors["answers"][k]))
        for k in range(count)
    ]


def load() -> Model:
    """Return a fresh copy of the model, in float32."""
    return Model(*read_safetensors(DATA / "tiny_mllm.safetensors"))


class Model:
    """The embedded model. `weights` are its tensors by name, and may be pruned in place."""

    def __init__(self, tensors: dict[str, np.ndarray], metadata: dict[str, str]):
        self.weights = {name: tensor.astype(np.float32) for name, tensor in tensors.items()}
        self.config = json.loads(metadata["config"])
        self.vocabulary = json.loads(metadata["vocab"])
        self.layers = self.config["num_hidden_layers"]

    def linear(self) -> dict[str, np.ndarray]:
        """Return the weights of the linear layers of all blocks, the ones to prune."""
        return {name: weight for name, weight in self.weights.items() if name.endswith("_proj.weight")}

    def words(self, scene: Scene) -> str:
        """Return the question of a scene in words."""
        return " ".join(self.vocabulary[word] for word in scene.question)

    def accuracy(self, scenes: list[Scene]) -> float:
        """Return the percentage of right answers."""
        return 100 * float(np.mean([scene.answer == answer for scene, answer in zip(scenes, self.run(scenes))]))

    def run(self, scenes: list[Scene], observe: Callable[[Layer], object] | None = None) -> list[int]:
        """Return the answers, and show `observe` each linear layer with what went in and came out.

        Scenes whose questions are of the same length run at once.
        """
        answers = np.empty(len(scenes), int)
        for length in sorted({len(scene.question) for scene in scenes}):
            places = [k for k, scene in enumerate(scenes) if len(scene.question) == length]
            for begin in range(0, len(places), 32):
                part = places[begin : begin + 32]
                answers[part] = self.logits([scenes[k] for k in part], observe).argmax(-1)
        return answers.tolist()

    def embed(self, scene: Scene) -> tuple[np.ndarray, np.ndarray]:
        """Return the sequence that enters the first block, and which of its tokens are patches."""
        size = self.config["patch_size"]
        side = self.config["image_size"] // size
        patches = scene.picture.reshape(side, size, side, size).swapaxes(1, 2).reshape(side * side, -1) / np.float32(255)
        visual = patches @ self.weights["visual.patch_embed.weight"].T + self.weights["visual.patch_embed.bias"]
        visual += self.weights["visual.pos_embed.weight"]
        words = self.weights["model.embed_tokens.weight"]
        before = words[[self.config["bos_token_id"], self.config["image_token_id"]]]
        after = words[[self.config["image_end_token_id"], *scene.question, self.config["answer_token_id"]]]
        hidden = np.concatenate([before, visual, after])
        is_image = np.zeros(len(hidden), bool)
        is_image[2 : 2 + len(visual)] = True
        return hidden, is_image

    def logits(self, scenes: list[Scene], observe: Callable[[Layer], object] | None = None) -> np.ndarray:
        """Return the logits of the last token of scenes whose questions are of the same length."""
        embedded = [self.embed(scene) for scene in scenes]
        hidden, is_image = np.stack([sequence for sequence, _ in embedded]), embedded[0][1]
        for block in range(self.layers):
            hidden = self._block(f"model.layers.{block}.", hidden, is_image, observe)
        return self._normed(hidden[:, -1], "model.norm.weight") @ self.weights["lm_head.weight"].T

    def _block(self, block, hidden, is_image, observe):
        heads, pairs = self.config["num_attention_heads"], self.config["num_key_value_heads"]
        shown: list[tuple[str, np.ndarray, np.ndarray]] = []

        def project(name, x):
            y = x @ self.weights[block + name].T
            shown.append((block + name, x, y))
            return y

        def split(x, parts):  # (sequences, tokens, features) to (sequences, heads, tokens, features of a head)
            return x.reshape(*x.shape[:2], parts, -1).swapaxes(1, 2)

        x = self._normed(hidden, block + "input_layernorm.weight")
        queries = self._rotated(split(project("self_attn.q_proj.weight", x), heads))
        keys = self._rotated(split(project("self_attn.k_proj.weight", x), pairs)).repeat(heads // pairs, axis=1)
        values = split(project("self_attn.v_proj.weight", x), pairs).repeat(heads // pairs, axis=1)
        scores = queries @ keys.swapaxes(2, 3) / np.float32(np.sqrt(queries.shape[-1]))
        scores[..., ~np.tri(hidden.shape[1], dtype=bool)] = -np.inf
        attention = np.exp(scores - scores.max(-1, keepdims=True))
        attention /= attention.sum(-1, keepdims=True)
        mixed = (attention @ values).swapaxes(1, 2).reshape(*hidden.shape[:2], -1)
        hidden = hidden + project("self_attn.o_proj.weight", mixed)

        x = self._normed(hidden, block + "post_attention_layernorm.weight")
        gate = project("mlp.gate_proj.weight", x)
        product = gate / (1 + np.exp(-gate)) * project("mlp.up_proj.weight", x)
        hidden = hidden + project("mlp.down_proj.weight", product)
        if observe:
            for sequence in range(len(hidden)):
                for name, inputs, outputs in shown:
                    observe(Layer(name, inputs[sequence], outputs[sequence], is_image, attention[sequence]))
        return hidden

    def _normed(self, x, name):
        scale = np.sqrt((x * x).mean(-1, keepdims=True) + np.float32(self.config["rms_norm_eps"]))
        return x / scale * self.weights[name]

    def _rotated(self, x):
        """Rotary positions: pairs of a head's first and second half are turned by an angle a position."""
        tokens, length = x.shape[-2:]
        powers = self.config["rope_theta"] ** (-np.arange(0, length, 2) / length)
        angle = (np.arange(tokens)[:, None] * powers).astype(np.float32)
        first, second = x[..., : length // 2], x[..., length // 2 :]
        cos, sin = np.cos(angle), np.sin(angle)
        return np.concatenate([first * cos - second * sin, second * cos + first * sin], -1)
