"""From rank pairs to a table of metrics."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.measuring.clusters import UserIndex
from engine.measuring.measures import MetricColumn, RankPairs, measure_columns, measure_slices
from engine.measuring.metrics import METRICS, measure
from engine.measuring.slices import Part
from store.enums import Seen, Slice
from store.rows import Metric

USERS = np.array([7, 7, 9], np.int32)


def pairs(better: list[int], tied: list[int], better_masked: list[int], tied_masked: list[int]) -> RankPairs:
    columns = (np.ones(len(better)), better, tied, better_masked, tied_masked)
    return RankPairs(*(np.array(column, np.int32) for column in columns))


def table(metrics: list[Metric]) -> dict[tuple[str, str, str], Metric]:
    return {(metric.value, metric.metric, metric.seen): metric for metric in metrics}


def test_means_users_and_bounds_by_hand() -> None:
    given_pairs = pairs([0, 3, 10], [1, 0, 0], [0, 2, 9], [0, 0, 1])
    parts = [
        Part(Slice.ALL, "all", np.ones(3, bool)),
        Part(Slice.TARGET, "cold", np.array([False, False, True])),
    ]
    found = table(measure_slices(given_pairs, USERS, parts, candidates=100))
    assert len(found) == 2 * 2 * len(METRICS)
    top = found["all", "hr@1", "keep"]  # the first target is first or second: 1/2; the others are below
    assert (top.n, top.users) == (3, 2)
    assert top.mean == pytest.approx(0.5 / 3)
    assert top.user_mean == pytest.approx((0.5 / 2 + 0) / 2)
    assert (top.lower, top.upper) == (0, pytest.approx(1 / 3))
    gains = found["all", "ndcg@10", "mask"]  # places 1, 3, and 10 or 11 (which is beyond the cut)
    assert gains.mean == pytest.approx((1 + 1 / log2(4) + (1 / log2(11)) / 2) / 3)
    assert (gains.lower, gains.upper) == (
        pytest.approx((1 + 1 / log2(4)) / 3),
        pytest.approx((1 + 1 / log2(4) + 1 / log2(11)) / 3),
    )
    cold = found["cold", "hr@10", "mask"]
    assert (cold.n, cold.users, cold.mean, cold.low, cold.high) == (1, 1, 0.5, 0, 1)


def test_when_a_target_is_no_candidate_it_is_a_miss_even_beyond_the_catalogue() -> None:
    found = table(measure_slices(pairs([5], [0], [5], [0]), USERS[:1], [Part(Slice.ALL, "all", np.ones(1, bool))], 5))
    assert all(found["all", metric, "keep"].mean == 0 for metric in METRICS)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), min_size=1, max_size=20))
def test_bounds_hold_the_mean_and_more_is_never_less(events: list[tuple[int, int]]) -> None:
    better, tied = ([event[n] for event in events] for n in range(2))
    parts = [Part(Slice.ALL, "all", np.ones(len(events), bool))]
    users = np.arange(len(events)) % 4
    found = table(measure_slices(pairs(better, tied, better, tied), users, parts, candidates=1000))
    for metric in found.values():
        assert metric.lower - 1e-12 <= metric.mean <= metric.upper + 1e-12
        assert metric.low <= metric.high
    for kind in ("hr", "ndcg"):
        values = [found["all", f"{kind}@{k}", "keep"].mean for k in (1, 5, 10, 20, 50)]
        assert values == sorted(values)
    assert found["all", "ndcg@10", "keep"].mean <= found["all", "hr@10", "keep"].mean + 1e-12


def test_blocks_end_to_end_are_the_whole() -> None:
    whole = pairs([0, 3, 10], [1, 0, 0], [0, 2, 9], [0, 0, 1])
    joined = RankPairs.of([pairs([0], [1], [0], [0]), pairs([3, 10], [0, 0], [2, 9], [0, 1])])
    parts = [Part(Slice.ALL, "all", np.ones(3, bool))]
    assert measure_slices(joined, USERS, parts, 100) == measure_slices(whole, USERS, parts, 100)


def test_a_metric_is_the_same_to_the_last_bit_when_it_is_asked_for_alone() -> None:
    draw = np.random.default_rng(0)
    many = pairs(*(draw.integers(0, 30, 3000).tolist() for _ in range(4)))
    users = draw.integers(0, 1500, 3000)
    parts = [Part(Slice.TARGET, name, draw.random(3000) < 0.4) for name in ("warm", "cold")]
    every = table(measure_slices(many, users, parts, 100))
    column = MetricColumn(measure("ndcg@10"), Seen.MASK, *many.pair(Seen.MASK), 100)
    ((alone,),) = measure_columns([column], UserIndex.of(users), parts[1:])
    assert alone == every["cold", "ndcg@10", "mask"]
