"""The numbers beside a map, on points whose answer is known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from engine.projection.neighbours import nearest
from engine.projection.quality import quality


def on_circle(*degrees: float) -> np.ndarray:
    angles = np.radians(degrees)
    return np.stack((np.cos(angles), np.sin(angles)), axis=1).astype(np.float32)


def measured(
    vectors: np.ndarray, xy: np.ndarray, dataset: Sequence[int], categories: Sequence[str] | None = None
) -> dict[str, Any]:
    near = nearest(vectors, len(vectors) - 1)[0]
    return quality(vectors, xy, near, np.array(dataset, np.int32), categories or [""] * len(vectors), 0)


def test_two_groups_far_apart() -> None:
    vectors = on_circle(0, 1, 2, 3, 180, 181, 182, 183)
    found = measured(vectors, vectors, [0, 0, 0, 0, 1, 1, 1, 1])
    assert found["neighbours"] == 3  # less than half of 8
    assert found["of"] == 8
    assert found["purity"] == found["purity_map"] == 1
    assert found["purity_chance"] == pytest.approx(3 / 7)  # of the 7 others, 3 are of one's own
    assert found["silhouette"] > 0.99
    assert found["silhouette_map"] > 0.9
    assert found["trustworthiness"] == 1  # a map that is the space itself


def test_a_map_that_shuffles_loses_trust_and_purity_where_the_space_keeps_it() -> None:
    vectors = on_circle(*range(20), *range(180, 200))
    alternating = [0, 1] * 20
    shuffled = vectors[np.random.default_rng(0).permutation(40)]
    found = measured(vectors, shuffled, [0] * 20 + [1] * 20)
    assert found["purity"] == 1
    assert found["purity_map"] < 0.8
    assert found["trustworthiness"] < 0.7
    mixed = measured(vectors, vectors, alternating)
    assert mixed["purity"] < 0.6
    assert mixed["silhouette"] == pytest.approx(0, abs=0.1)


def test_purity_is_the_share_of_neighbours_counted_by_hand() -> None:
    # Five points, two neighbours each. 0°: 10 20; 10°: 0 20; 20°: 10 0; 100°: 90+ 20; 130°: 100 20.
    vectors = on_circle(0, 10, 21, 100, 130)
    found = measured(vectors, vectors, [0, 0, 1, 1, 1])
    assert found["neighbours"] == 2
    # Of the first's neighbours (10, 21) one is of its dataset; of 10's (0, 21) one; of 21's (10, 0) none;
    # of 100's (130, 21) both; of 130's (100, 21) both.
    assert found["purity"] == pytest.approx((1 + 1 + 0 + 2 + 2) / 10)


def test_one_dataset_has_nothing_to_stand_apart_from() -> None:
    found = measured(on_circle(*range(0, 60, 10)), on_circle(*range(0, 60, 10)), [0] * 6)
    none = ("silhouette", "silhouette_map", "purity", "purity_map", "purity_chance")
    assert [found[name] for name in none] == [None] * 5
    assert found["trustworthiness"] == 1
    assert not [name for name in found if name.startswith("category")]
    json.dumps(found, allow_nan=False)


def test_categories_count_where_a_point_has_exactly_one() -> None:
    vectors = on_circle(0, 1, 2, 3, 180, 181, 182, 183, 90)
    found = measured(vectors, vectors, [0] * 9, ["a"] * 4 + ["b"] * 4 + ["a|b"])
    assert found["category_n"] == 8
    assert found["category_purity"] == 1  # K is 4: three of the same, and the one at 90° that has no say
    assert found["category_purity_chance"] == pytest.approx(3 / 7)
    assert found["category_silhouette"] > 0.99
    same = measured(vectors, vectors, [0] * 4 + [1] * 5, ["one"] * 4 + ["two"] * 5)
    assert not [name for name in same if name.startswith("category")]  # the datasets over again


def test_many_points_are_compared_on_a_sample_that_the_seed_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.projection.quality.SAMPLE", 100)
    vectors = on_circle(*np.random.default_rng(1).uniform(0, 360, 120))
    near = nearest(vectors, 10)[0]
    dataset = np.arange(120, dtype=np.int32) % 2
    first, again, other = (quality(vectors, vectors, near, dataset, [""] * 120, seed) for seed in (0, 0, 1))
    assert first == again
    assert first["of"] == 100
    assert first["silhouette"] != other["silhouette"]
    assert first["purity"] == other["purity"]  # over all points


def test_when_all_vectors_are_equal() -> None:
    found = measured(np.tile(on_circle(30), (7, 1)), np.zeros((7, 2), np.float32), [0, 0, 0, 1, 1, 1, 1])
    assert 0 <= found["trustworthiness"] <= 1
    assert 0 <= found["purity"] <= 1
    json.dumps(found, allow_nan=False)
