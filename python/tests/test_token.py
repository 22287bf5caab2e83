import definitions
import numpy as np
import pytest

import tamp
from tamp import token


def random(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, np.float32)


def test_fastv_keeps_what_the_last_query_attends_to():
    attention = random(4, 10)  # (heads, tokens)
    kept = token.attention_top_k(attention, 3, slice(2, 8))
    scores = attention.astype(np.float64).sum(axis=0)[2:8]
    expected = np.sort(np.concatenate([[0, 1], 2 + np.argsort(scores)[-3:], [8, 9]]))
    assert kept.dtype == np.int64 and kept.tolist() == expected.tolist()


def test_attention_may_have_more_queries_and_a_batch_of_one():
    whole = random(4, 10, 10)
    kept = token.attention_top_k(whole[:, -1], 3, range(2, 8))
    for shown in (whole, whole[None], whole[:, -1:], whole.astype(np.float64), np.asfortranarray(whole)):
        assert np.array_equal(token.attention_top_k(shown, 3, range(2, 8)), kept)
    assert np.array_equal(token.attention_top_k(whole.mean(axis=0)[-1], 3, range(2, 8)), kept)


def test_all_tokens_are_visual_unless_said_otherwise():
    scores = np.array([0.1, 0.4, 0.2, 0.3])
    assert token.attention_top_k(scores, 2).tolist() == [1, 3]
    visual = np.array([True, False, True, True])
    assert token.attention_top_k(scores, 1, visual).tolist() == [1, 3]


def test_divprune_is_its_definition():
    hidden = random(30, 8)
    assert np.array_equal(token.divprune(hidden, 7), definitions.divprune(hidden.astype(np.float64), 7))
    assert np.array_equal(token.divprune(hidden[None].astype(np.float16), 30), np.arange(30))


def test_keys_of_heads_are_read_side_by_side():
    hidden, keys = random(20, 6), random(3, 20, 4, seed=1)  # (heads, tokens, dim)
    side_by_side = keys.transpose(1, 0, 2).reshape(20, 12)
    kept = token.dart(hidden, side_by_side, 9, slice(2, 16))
    assert len(kept) == 9 + 6
    assert np.array_equal(token.dart(hidden, keys, 9, slice(2, 16)), kept)
    assert np.array_equal(token.dart(hidden, keys[None], 9, slice(2, 16)), kept)


def test_relevance_draws_cdpruner():
    hidden = np.tile(np.eye(4, dtype=np.float32), (3, 1))  # three copies of four directions
    relevance = np.arange(12.0)
    assert token.cdpruner(hidden, 4, relevance=relevance).tolist() == [8, 9, 10, 11]
    with pytest.raises(tamp.ValueError_, match='there is no "square": the names are exponential, mixed'):
        token.cdpruner(hidden, 4, form="square")


def still_video(frames, places, width):
    return np.tile(random(places, width), (frames, 1))


def test_evs_keeps_what_changed():
    video = still_video(4, 6, 8)
    video[15] += 1  # frame 2, place 3, which changes, and back in frame 3
    assert token.evs(video, (4, 2, 3), 8).tolist() == [0, 1, 2, 3, 4, 5, 15, 21]
    assert token.evs(video, [(4, 2, 3)], 7).tolist() == [0, 1, 2, 3, 4, 5, 15]
    assert token.evs(still_video(4, 6, 8), (4, 2, 3), 9).tolist() == list(range(9))
    assert token.evs_count((100, 2, 5), 0.9) == 99
    with pytest.raises(tamp.ShapeError, match="the grid of image 0 is of 4 x 2 x 2 tokens, the image of 24"):
        token.evs(video, (4, 2, 2), 3)


def test_vidcom2_keeps_so_many_and_the_same_of_still_frames():
    kept = token.vidcom2(still_video(4, 10, 8), (4, 2, 5), 20)
    assert np.array_equal(kept.reshape(4, 5) % 10, np.tile(kept[:5], (4, 1)))
    assert len(token.vidcom2(random(40, 8), (4, 2, 5), 7, ratio=0.5)) == 7
    assert token.vidcom2_count((10, 2, 5), 0.05) == 10


def test_importance_counts():
    hidden = np.eye(4, dtype=np.float32)
    importance = np.array([1.0, 4, 3, 2])
    assert token.scope(hidden, importance, 2).tolist() == [1, 2]
    assert token.scope(hidden, importance, 2, alpha=0).tolist() == [0, 1]
    assert token.mmr(hidden, importance, 2).tolist() == [1, 2]
    copies = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    assert token.mmr(copies, np.array([3.0, 2, 1]), 2).tolist() == [0, 2]
    assert token.mmr(copies, np.array([3.0, 2, 1]), 2, weight=1.0).tolist() == [0, 1]
    with pytest.raises(tamp.ValueError_, match="the importance of token 0 is -1"):
        token.scope(hidden, -importance, 2)


def test_pixel_prune_loses_nothing():
    page = np.repeat(np.array([[0, 0, 0, 1, 1, 0]], np.uint8).T.astype(np.float32), 5, axis=1)
    kept, into = token.pixel_prune(page, (1, 2, 3))
    assert kept.tolist() == [0, 3, 5]
    assert np.array_equal(page[kept][into], page)
    assert token.pixel_prune(page, (1, 2, 3), tau=1, distance="mean_absolute")[0].tolist() == [0]


def test_images_keep_a_minimum_each():
    scores = np.array([9, 8, 7, 6, 1, 2, 3, 4.0])
    images = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    assert token.attention_top_k(scores, 4).tolist() == [0, 1, 2, 3]
    assert token.attention_top_k(scores, 4, images=images, minimum_per_image=1).tolist() == [0, 1, 2, 7]


def test_other_policies_keep_so_many():
    hidden, attention = random(12, 5), random(2, 12, 12, seed=1)
    assert len(token.sparsevlm(attention, hidden, 3, slice(0, 8))) == 3 + 4
    assert len(token.fitprune(attention, 3, slice(0, 8))) == 3 + 4
    assert np.array_equal(token.random_choice(12, 5, seed=3), token.random_choice(12, 5, seed=3))
    assert set(token.random_choice(12, 5, seed=3)) < set(token.random_choice(12, 6, seed=3))


def test_schedules_count_what_leaves_in_each_layer():
    assert token.drop_at(4, 1, 10).tolist() == [0, 10, 0, 0]
    assert token.pyramid_drop(8, 64).tolist() == [0, 0, 32, 0, 16, 0, 8, 0]


def test_a_fitted_schedule_meets_its_budget():
    fit = token.FitPruneFit(layers=4)
    for layer in range(4):
        attention = random(2, 24, 24, seed=layer)
        fit.add(attention / attention.sum(axis=-1, keepdims=True), slice(0, 20))
    assert fit.samples == 1
    schedule = fit.schedule(0.6, hidden=64, ffn=256, rounding="up")
    assert schedule.met and schedule.cost <= 0.6
    assert schedule.fractions.shape == (4,)
    assert 0 < schedule.for_tokens(100).sum() <= 100


@pytest.mark.parametrize(
    "error, sentence, call",
    [
        (tamp.ValueError_, "is nan", lambda: token.divprune(np.full((4, 2), np.nan), 2)),
        (tamp.ShapeError, "12 tokens", lambda: token.attention_top_k(random(12), 2, np.ones(5, bool))),
        (tamp.ShapeError, "leave a sequence of 12 tokens", lambda: token.attention_top_k(random(12), 2, slice(2, 30))),
        (tamp.ShapeError, "select from one at a time", lambda: token.divprune(random(2, 4, 3), 2)),
        (tamp.ValueError_, "the attention of head 0", lambda: token.attention_top_k(-random(12), 2)),
        (TypeError, "divprune: the array of hidden states is a list", lambda: token.divprune([[1.0]], 2)),
    ],
)
def test_misuse_gets_a_sentence(error, sentence, call):
    with pytest.raises(error, match=sentence):
        call()
