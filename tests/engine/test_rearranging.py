"""A stored dataset once more with its events of one time in other orders, the stored one left as it was."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.arrangements import ARRANGEMENTS
from engine.baselines.request import BaselineRequest
from engine.evaluation import evaluate
from engine.ingest import IngestOptions, ingest
from engine.models import make_baseline
from engine.protocol import EvaluationOptions
from engine.rearranging import arrange
from store import datasets
from store.enums import SplitKind, Ties
from store.errors import BadInput
from store.rows import Dataset
from store.workspace import Workspace
from tests.engine.raw_rows import Visit, raw, titles

# u0 has three items at one time, u1 two at the end; i9 < i10 in natural order, and i10 < i9 as text.
VISITS: list[Visit] = [
    *(("u0", item, 1_000, 4.0) for item in ("i10", "i9", "i3")),
    *(("u0", item, time, None) for item, time in (("i4", 2_000), ("i5", 3_000))),
    *(("u1", item, time, 3.0) for item, time in (("i3", 1_000), ("i4", 2_000), ("i10", 5_000), ("i9", 5_000))),
]
CATALOGUE = titles("i3", "i4", "i5", "i9", "i10")


def stored(folder: Path, visits: list[Visit] = VISITS, **options: Any) -> tuple[Workspace, Dataset]:
    workspace = Workspace(folder / "w")
    chosen = {"split": SplitKind.LEAVE_ONE_OUT} | options
    return workspace, ingest(workspace, raw(folder, visits, CATALOGUE), IngestOptions("shop", **chosen))


def content(workspace: Workspace, dataset: Dataset) -> tuple[Any, ...]:
    """All rows of a dataset, without its id."""
    with workspace.read() as db:
        tables = ("item", "user", "sequence", "event")
        return tuple(
            [tuple(row)[1:] for row in db.execute(f"SELECT * FROM {table} WHERE dataset_id = ?", (dataset.id,))]
            for table in tables
        )


def history(workspace: Workspace, dataset: Dataset, user: int) -> list[str]:
    """The keys of a user's items, oldest first."""
    with workspace.read() as db:
        keys = [item.key for item in datasets.items(db, dataset.id)]
        return [keys[item] for item in datasets.newest_sequence(db, dataset.id, user).items.tolist()]


def by_words(workspace: Workspace) -> dict[str, Dataset]:
    return {one.arrangement: one for one in arrange(workspace, "shop")}


def test_keys_rise_and_fall_within_one_time_only(tmp_path: Path) -> None:
    workspace, _ = stored(tmp_path)
    found = by_words(workspace)
    assert list(found) == [one.words for one in ARRANGEMENTS]
    assert history(workspace, found["rising keys"], 0) == ["i3", "i9", "i10", "i4", "i5"]
    assert history(workspace, found["falling keys"], 0) == ["i10", "i9", "i3", "i4", "i5"]
    assert history(workspace, found["rising keys"], 1) == ["i3", "i4", "i9", "i10"]
    assert history(workspace, found["falling keys"], 1) == ["i3", "i4", "i10", "i9"]


def test_strict_leaves_out_what_shares_the_time_of_the_target(tmp_path: Path) -> None:
    workspace, _ = stored(tmp_path)
    strict = by_words(workspace)["strict"]
    with workspace.read() as db:
        last = datasets.user_events(db, strict.id, 1)[-1]
    assert (last.split, last.length) == ("test", 2)


@pytest.mark.parametrize("options", [{}, {"split": SplitKind.QUANTILE}, {"caps": (2, 1, 1), "seed": 3}])
@pytest.mark.parametrize("ties", [Ties.SHUFFLE, Ties.STRICT])
def test_the_dataset_s_own_order_gives_the_dataset(tmp_path: Path, ties: Ties, options: dict[str, Any]) -> None:
    workspace, dataset = stored(tmp_path, **(options | {"ties": ties}))
    own = by_words(workspace)["strict" if ties is Ties.STRICT else f"shuffle seed {dataset.tie_seed}"]
    assert content(workspace, own) == content(workspace, dataset)
    assert own.events == dataset.events


def test_the_dataset_stays_as_it_was_and_lists_do_not_show_the_others(tmp_path: Path) -> None:
    workspace, dataset = stored(tmp_path)
    before = content(workspace, dataset)
    made = arrange(workspace, "shop")
    assert content(workspace, dataset) == before
    assert [one.id for one in arrange(workspace, "shop")] == [one.id for one in made]
    with workspace.read() as db:
        assert datasets.datasets(db) == [dataset]
        assert datasets.arrangements(db, dataset.id) == made
        assert datasets.dataset(db, "shop~rising").arrangement == "rising keys"


def test_a_model_that_was_not_trained_on_an_arrangement_is_said_to_be_so(tmp_path: Path) -> None:
    workspace, _ = stored(tmp_path)
    arrange(workspace, "shop")
    make_baseline(workspace, BaselineRequest("sasrec"))
    with pytest.raises(BadInput, match="sasrec has not been trained on shop~rising yet"):
        evaluate(workspace, "sasrec", "shop~rising", EvaluationOptions())


def test_a_dataset_that_is_replaced_takes_its_arrangements_with_it(tmp_path: Path) -> None:
    workspace, _ = stored(tmp_path)
    arrange(workspace, "shop")
    stored(tmp_path, [*VISITS, ("u2", "i3", 1_000, None), ("u2", "i4", 1_000, None)], replace=True)
    with workspace.read() as db:
        assert datasets.arrangements(db) == []


def test_without_times_or_ties_there_is_nothing_to_rearrange(tmp_path: Path) -> None:
    apart = [(user, item, 1_000 * number, rating) for number, (user, item, _, rating) in enumerate(VISITS)]
    workspace, _ = stored(tmp_path, apart)
    with pytest.raises(BadInput, match=r"shop cannot be rearranged: no events of a user share a time.*st5 datasets"):
        arrange(workspace, "shop")
