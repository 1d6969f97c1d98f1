"""What the sequence models answer: causal, blind to padding and to company, the newest items only."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from engine.baselines import unisrec
from engine.baselines.late import Late
from engine.baselines.network import SequenceNetwork
from engine.baselines.sasrec import SasRec
from engine.baselines.sequences import batches, cut
from engine.baselines.settings import LateSettings, SasRecSettings, UniSRecSettings
from engine.baselines.transformer import TransformerEncoder
from engine.baselines.unisrec import UniSRec, thinned

ITEMS, WINDOW = 30, 6


def unit(rows: int, width: int = 12) -> np.ndarray:
    vectors = np.random.default_rng(0).normal(size=(rows, width)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def sasrec() -> SequenceNetwork:
    torch.manual_seed(0)
    return SasRec(SasRecSettings(hidden=16, inner=24, window=WINDOW), ITEMS)


def uni() -> SequenceNetwork:
    torch.manual_seed(0)
    return UniSRec(UniSRecSettings(hidden=16, inner=24, window=WINDOW), unit(ITEMS))


def late() -> SequenceNetwork:
    """One whose Transformer is heard."""
    torch.manual_seed(0)
    made = Late(LateSettings(hidden=8, inner=24, window=WINDOW), ITEMS, unit(ITEMS))
    torch.nn.init.normal_(made.outward.weight)
    return made


both = pytest.mark.parametrize("network", [sasrec, uni])
each = pytest.mark.parametrize("network", [sasrec, uni, late])
Network = Callable[[], SequenceNetwork]


def body() -> TransformerEncoder:
    """A body whose weights are large enough for every input to show in the answer."""
    torch.manual_seed(0)
    made = TransformerEncoder(SasRecSettings(hidden=16, inner=24, window=WINDOW)).eval()
    for weights in made.parameters():
        torch.nn.init.normal_(weights, std=0.5)
    return made


def test_a_later_item_never_changes_an_earlier_position() -> None:
    made = body()
    vectors = torch.randn(1, WINDOW, 16)
    before = made(vectors)
    for changed in range(WINDOW):
        other = vectors.clone()
        other[0, changed] = torch.randn(16)
        after = made(other)
        torch.testing.assert_close(after[0, :changed], before[0, :changed], rtol=0, atol=1e-6)
        assert (after[0, changed:] - before[0, changed:]).abs().amax(dim=1).gt(1e-3).all()


def test_the_place_in_the_history_counts() -> None:
    made = body()
    same = torch.randn(1, 1, 16).expand(1, WINDOW, 16)
    answers = made(same)[0]
    assert (answers[1:] - answers[:-1]).abs().amax(dim=1).gt(1e-4).all()


@each
def test_what_a_history_is_read_with_changes_nothing(network: Network) -> None:
    made, draw = network(), np.random.default_rng(0)
    histories = [draw.integers(0, ITEMS, length) for length in (1, 5, 2, 6, 3, 1, 4)]
    together, items = made.vectors(histories, ITEMS)
    for row, history in enumerate(histories):
        alone, again = made.vectors([history], ITEMS)
        np.testing.assert_allclose(alone[0], together[row], atol=1e-6)
        assert np.array_equal(again, items)


@each
def test_only_the_newest_items_are_read(network: Network) -> None:
    made = network()
    long = np.arange(WINDOW + 4)
    (queries, _), (newest, _) = made.vectors([long], ITEMS), made.vectors([long[-WINDOW:]], ITEMS)
    assert np.array_equal(queries, newest)
    assert not np.allclose(queries, made.vectors([long[-WINDOW + 1 :]], ITEMS)[0])


@each
def test_asking_leaves_training_as_it_was(network: Network) -> None:
    made = network().train()
    first, second = (made.vectors([np.array([1, 2])], ITEMS)[0] for _ in range(2))
    assert np.array_equal(first, second)  # without dropout
    assert made.training


@both
def test_the_loss_of_an_untrained_network_is_that_of_guessing(network: Network) -> None:
    # Scores near 0 make every item equally likely: ln 30. UniSRec's are cosines over a temperature, here a high one.
    made = network().train()
    made.temperature = 100.0  # type: ignore[assignment]
    windows = cut(np.array([0, 6, 9]), np.arange(9, dtype=np.int32), WINDOW)
    (batch,) = batches(windows, 100, np.random.default_rng(0))
    assert made.loss(batch).item() == pytest.approx(np.log(ITEMS), abs=0.15)


@both
def test_every_weight_learns(network: Network) -> None:
    made = network().train()
    windows = cut(np.array([0, 6, 20]), np.arange(20, dtype=np.int32), WINDOW)
    for batch in batches(windows, 100, np.random.default_rng(0)):
        made.loss(batch).backward()
    still = [name for name, weights in made.named_parameters() if weights.grad is None or not weights.grad.any()]
    assert still == []


def test_items_of_unisrec_are_their_text() -> None:
    features = unit(ITEMS)
    features[7] = features[3]
    made = UniSRec(UniSRecSettings(hidden=16, inner=24, window=WINDOW), features)
    queries, items = made.vectors([np.array([1, 3]), np.array([1, 7]), np.array([1, 4])], ITEMS)
    assert np.array_equal(items[3], items[7])
    np.testing.assert_allclose(queries[0], queries[1], atol=1e-6)
    assert not np.allclose(queries[0], queries[2])
    np.testing.assert_allclose(np.linalg.norm(np.concatenate((queries, items)), axis=1), 1, atol=1e-6)


def test_a_history_may_hold_texts_that_are_no_candidates() -> None:
    made = UniSRec(UniSRecSettings(hidden=16, inner=24, window=WINDOW), unit(ITEMS))
    queries, items = made.vectors([np.array([1, ITEMS - 1])], ITEMS - 2)
    assert items.shape == (ITEMS - 2, 16)
    assert queries.shape == (1, 16)


def test_a_catalogue_in_parts_has_the_same_loss_and_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    made = uni().eval()
    windows = cut(np.array([0, 6, 9]), np.arange(9, dtype=np.int32), WINDOW)
    (batch,) = batches(windows, 100, np.random.default_rng(0))
    found = []
    for at_once in (ITEMS, 7):
        monkeypatch.setattr(unisrec, "ITEMS_AT_ONCE", at_once)
        made.zero_grad()
        loss = made.loss(batch)
        loss.backward()
        found.append(
            [loss.detach(), *(weights.grad.clone() for weights in made.parameters() if weights.grad is not None)]
        )
    for whole, parts in zip(*found, strict=True):
        torch.testing.assert_close(whole, parts, rtol=1e-5, atol=1e-6)


def test_gates_are_noisy_in_training_only() -> None:
    made = UniSRec(UniSRecSettings(hidden=16, inner=24, feature_dropout=0), unit(ITEMS))
    with torch.no_grad():
        quiet = [made.eval().items() for _ in range(2)]
        noisy = [made.train().items() for _ in range(2)]
    assert torch.equal(*quiet)
    assert not torch.equal(*noisy)


def test_a_share_of_the_features_is_dropped_and_the_rest_makes_up_for_it() -> None:
    torch.manual_seed(0)
    found = thinned(torch.ones(501, 333, dtype=torch.float64), 0.2)
    assert set(found.unique().tolist()) == {0.0, 256 / 205}  # 205 of a byte's 256 values: the nearest to four fifths
    elements = found.flatten()
    for lane in range(8):  # the bytes of one draw
        part = elements[lane::8]
        expected = 1 - 205 / 256
        assert abs(float((part == 0).float().mean()) - expected) < 4 * (expected * (1 - expected) / len(part)) ** 0.5


@pytest.mark.parametrize("share", [0.0, 0.001])
def test_less_than_a_256th_drops_nothing(share: float) -> None:
    features = torch.ones(5, 3)
    assert torch.equal(thinned(features, share), features)


def test_most_may_be_dropped_but_not_all() -> None:
    torch.manual_seed(0)
    assert 0 < float(thinned(torch.ones(512, 64), 0.999).mean()) < 2
