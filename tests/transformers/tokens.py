"""Tokenizers of tiny models, trained on a text of made-up words."""

import json
import random

import tokenizers
import transformers as hf

SPECIAL = ["<|endoftext|>", "<s>", "</s>"]


def text(words, seed):
    """So many words of a small dictionary, some of them much more often than others."""
    source = random.Random(seed)
    syllables = ["ba", "ko", "re", "tin", "mo", "la", "shu", "ven", "ti", "gor"]
    dictionary = ["".join(source.choices(syllables, k=source.randint(1, 4))) for _ in range(200)]
    weights = [1 / (k + 1) for k in range(len(dictionary))]
    return " ".join(source.choices(dictionary, weights, k=words)) + ".\n"


def on_bytes(size, special_last=False):
    """Byte-pair encoding on bytes, which splits as smollm does; special tokens first, or behind all others."""
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([
        tokenizers.pre_tokenizers.Digits(individual_digits=True),
        tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)])
    made.decoder = tokenizers.decoders.ByteLevel()
    made.train_from_iterator([text(4000, 1)], tokenizers.trainers.BpeTrainer(
        vocab_size=size - (len(SPECIAL) if special_last else 0), show_progress=False,
        special_tokens=[] if special_last else SPECIAL,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet()))
    if special_last:
        made.add_special_tokens(SPECIAL)
    return hf.PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>",
                                      pad_token="<|endoftext|>")


def on_characters(size):
    """Byte-pair encoding on characters that falls back to bytes, as Llama 2 and gemma have it."""
    mark = "▁"
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    made = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    made.normalizer = tokenizers.normalizers.Sequence([
        tokenizers.normalizers.Prepend(mark), tokenizers.normalizers.Replace(" ", mark)])
    made.decoder = tokenizers.decoders.Sequence([
        tokenizers.decoders.Replace(mark, " "), tokenizers.decoders.ByteFallback(), tokenizers.decoders.Fuse(),
        tokenizers.decoders.Strip(" ", 1, 0)])
    made.pre_tokenizer = tokenizers.pre_tokenizers.Split(mark, "merged_with_next")
    special = ["<unk>", "<s>", "</s>"]
    made.train_from_iterator([text(4000, 1)], tokenizers.trainers.BpeTrainer(
        vocab_size=size, show_progress=False, special_tokens=special + bytes_))
    made.pre_tokenizer = None
    state = json.loads(made.to_str())
    # Bytes are no special tokens: they are what characters fall back to.
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] in special]
    made = tokenizers.Tokenizer.from_str(json.dumps(state))
    return hf.PreTrainedTokenizerFast(tokenizer_object=made, unk_token="<unk>", bos_token="<s>", eos_token="</s>",
                                      pad_token="</s>")
