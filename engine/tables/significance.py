"""Which numbers of a results table do not differ from the best beside them: paired tests, Holm over the whole table."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.measuring.highlighting import not_significant
from engine.tables.results_table import ResultsTable
from store.enums import Seen, Slice
from store.rows import Evaluation

if TYPE_CHECKING:
    from engine.measuring.slices import Condition

P = Mapping[tuple[str, str], float]  # by an evaluation's key and a slice's value: not corrected; the best has none
Verdicts = Mapping[tuple[int, int], bool]  # by (row, column): whether it differs from the best; only what was tested


@dataclass(frozen=True)
class Measured:
    """What the numbers of a table are: a metric under a seen rule, of events like these, for each value of a slice."""

    slice: str
    metric: str
    seen: str
    user_mean: bool = False
    where: tuple[Condition, ...] = ()


@dataclass(frozen=True)
class Group:
    """Evaluations over the same events that one bootstrap tests at once, by their keys."""

    keys: tuple[str, ...]
    measured: Measured


@dataclass(frozen=True)
class GroupCells:
    """The evaluations of a group, and the cells (row, column) that wait for its tests, each with its key in them."""

    evaluations: tuple[Evaluation, ...]
    cells: tuple[tuple[tuple[int, int], tuple[str, str]], ...]


def groups_to_test(table: ResultsTable, measured: Measured) -> dict[Group, GroupCells]:
    """What has to be tested for a table: a group for each dataset, or row, that has a best."""
    together: dict[object, dict[tuple[int, int], tuple[Evaluation, str]]] = {}
    for places in table.groups():
        found = {place: cell for place in places if (cell := table.cells[place[0]][place[1]])}
        if any(cell.place for cell in found.values()):
            row, column = places[0]
            own = together.setdefault(row if table.across else table.columns[column].dataset, {})
            own.update((place, (cell.evaluation, cell.metric.value)) for place, cell in found.items())
    made: dict[Group, GroupCells] = {}
    for cells in together.values():
        evaluations = {evaluation.key: evaluation for evaluation, _ in cells.values()}
        group = Group(tuple(sorted(evaluations)), measured)
        keys = ((place, (evaluation.key, value)) for place, (evaluation, value) in cells.items())
        before = made[group].cells if group in made else ()
        made[group] = GroupCells(tuple(evaluations.values()), (*before, *keys))
    return made


def group_p_values(db: sqlite3.Connection, group: Group, cells: GroupCells) -> P:
    """The tests of one group against its best."""
    from engine.measuring.against_best import compare_with_best
    from engine.measuring.metrics import measure

    measured = group.measured
    found = compare_with_best(
        db,
        cells.evaluations,
        Slice(measured.slice),
        [measure(measured.metric)],
        [Seen(measured.seen)],
        where=measured.where,
        by_user=measured.user_mean,
    )
    keys = {evaluation.id: evaluation.key for evaluation in cells.evaluations}
    return {(keys[one.evaluation_id], one.value): one.p for one in found}


def verdicts(groups: Mapping[Group, GroupCells], answers: Mapping[Group, P], table: ResultsTable) -> Verdicts:
    """Which tested cells differ from the best, Holm over the table; none before every group is answered.

    A cell that ties with the best is not tested.
    """
    if not groups.keys() <= answers.keys():
        return {}
    p = {
        place: answers[group][key]
        for group, each in groups.items()
        for place, key in each.cells
        if key in answers[group]
    }
    alike = not_significant(p)
    cells = table.cells
    return {
        (row, column): (row, column) not in alike
        for row, column in p
        if (cell := cells[row][column]) and cell.place != 1
    }
