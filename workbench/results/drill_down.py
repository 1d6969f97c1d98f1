"""The events behind a number: those of a slice's value, ordered by how well a model does, or two of them apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.tables.labels import labels, newest_of_each, row_key
from store import datasets as dataset_store
from store import evaluations as evaluation_store
from store.enums import Seen, Slice
from store.rows import Item
from store.workspace import Workspace

if TYPE_CHECKING:
    from engine.experiments.sheet import Cell

SHOWN = 500  # events; who wants more of them narrows the slice


@dataclass(frozen=True)
class DrillDown:
    """A number: of an evaluation (its key), or of its difference to another; in one value of a slice.

    metric: as it is stored, `ndcg@10`.
    """

    dataset: str
    evaluation: str
    other: str
    slice: str
    value: str
    metric: str
    seen: str


@dataclass(frozen=True)
class DrillDownEvent:
    """One event: for one or two models the target's expected position (None: no candidate) and the metric."""

    event: int
    user: str
    target: Item
    length: int
    positions: tuple[float | None, ...]
    values: tuple[float, ...]

    @property
    def difference(self) -> float:
        """First minus second, where there are two."""
        return self.values[0] - self.values[-1]


@dataclass(frozen=True)
class DrillDownView:
    """The first `SHOWN` of `total` events of so many users, and what the models are called."""

    labels: tuple[str, ...]
    events: tuple[DrillDownEvent, ...]
    total: int
    users: int
    better: int
    worse: int


def find_drill_down(workspace: Workspace, cell: Cell, metric: str, seen: str) -> DrillDown | None:
    """What is behind a number of an experiment; None where it is gone or of a part of its evaluation's events."""
    with workspace.read() as db:
        found = evaluation_store.find_evaluation(db, cell.evaluation)
    if found is None or cell.n != found.n:
        return None
    return DrillDown(found.dataset, found.key, "", Slice.ALL, Slice.ALL, metric, seen)


def read_drill_down(workspace: Workspace, drill_down: DrillDown, *, best_first: bool) -> DrillDownView | None:
    """The events, those where the model does best first, or worst; None where the evaluation is gone.

    Of two models, best is where the first is ahead of the second by most.
    """
    import numpy as np

    from engine.measuring.aligned_evaluations import align_evaluations, columns
    from engine.measuring.metrics import measure

    with workspace.read() as db:
        own = newest_of_each(evaluation_store.evaluations(db, dataset=drill_down.dataset))
        by_key = {each.key: each for each in own}
        of = [by_key[key] for key in filter(None, (drill_down.evaluation, drill_down.other)) if key in by_key]
        if len(of) < 1 + bool(drill_down.other):
            return None
        found = align_evaluations(db, of, Slice(drill_down.slice))
        mask = next((part.mask for part in found.parts if part.value == drill_down.value), None)
        rows = found.rows[mask] if mask is not None else found.rows[:0]
        (_, measured), *_ = columns(db, found, [measure(drill_down.metric)], [Seen(drill_down.seen)])
        inside = mask if mask is not None else slice(0, 0)
        values = np.stack([column.values()[inside] for column in measured])  # [M, E]
        better = np.stack([column.better[inside] for column in measured])
        positions = better + 1 + np.stack([column.tied[inside] for column in measured]) / 2
        missed = better >= np.array([[each.candidates] for each in of])
        gain = values[0] - values[1] if drill_down.other else values[0]  # [E]
        ahead = positions[1] - positions[0] if drill_down.other else -positions[0]
        events = evaluation_store.evaluated_events(db, of[0])
        sign = -1 if best_first else 1
        order = np.lexsort((events.event[rows], sign * ahead, sign * gain))[:SHOWN]
        dataset = dataset_store.dataset(db, drill_down.dataset)
        users = dataset_store.user_keys(db, dataset.id, dict.fromkeys(events.user[rows[order]].tolist()))
        items = dataset_store.items_by_id(db, dataset.id, events.item[rows[order]].tolist())
        shown = tuple(
            DrillDownEvent(
                event=int(events.event[row]),
                user=users.get(int(events.user[row]), str(events.user[row])),
                target=items.get(item) or Item(item, f"item {item}", "", "", ""),
                length=int(events.length[row]),
                positions=tuple(
                    None if gone else float(position)
                    for position, gone in zip(positions[:, place], missed[:, place], strict=True)
                ),
                values=tuple(values[:, place].tolist()),
            )
            for place, row in zip(order, rows[order], strict=True)
            for item in (int(events.item[row]),)
        )
        named = labels(own)
        return DrillDownView(
            labels=tuple(named[row_key(each)] for each in of),
            events=shown,
            total=len(rows),
            users=len(np.unique(events.user[rows])),
            better=int((gain > 0).sum()),
            worse=int((gain < 0).sum()),
        )
