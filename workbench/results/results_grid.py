"""What Results shows: a table of one metric, and the same metric by history length."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from engine.audit.order_findings import failures, verdict
from engine.tables.labels import RowKey, joined, key_of, newest_of_each, row_labels
from engine.tables.layouts import layout
from engine.tables.results_table import LENGTHS, ResultsTable, arrange, leading_number, means
from engine.tables.thesis_numbers import ThesisNumbers
from store import datasets as dataset_store
from store import evaluations as evaluation_store
from store import models as model_store
from store.enums import Slice
from store.evaluations import MetricRow
from store.workspace import Workspace
from workbench.ui.chart_lines import ChartLine, Lines
from workbench.ui.ui_state import ResultsChoice


@dataclass(frozen=True)
class ResultsView:
    """Everything that Results shows for one choice.

    `names`: of every model that was evaluated, by its row's key; `keys`: of the row of each evaluation, by its id.
    """

    datasets: tuple[str, ...]
    synthetic: frozenset[str]
    dataset: str
    grid: ResultsTable
    curves: Lines
    names: dict[RowKey, str]
    keys: dict[int, RowKey]
    fingerprints: dict[str, str]


def read_results(workspace: Workspace, choice: ResultsChoice, curves_of: str = "") -> ResultsView:
    """Read the table of a choice, and the curves of its dataset (of `curves_of` where all are shown)."""
    with workspace.read() as db:
        known = dataset_store.datasets(db)
        evaluations = evaluation_store.evaluations(db)
        models = model_store.models(db)
        names = tuple(dataset.name for dataset in known)
        chosen = choice.dataset if choice.dataset in names else ""
        newest = newest_of_each(evaluations)
        own = [e for e in newest if not chosen or e.dataset == chosen]
        by, metric, seen = choice.divided, choice.metric, choice.seen
        rows = evaluation_store.slice_metrics(db, own, slice_name=by, metric=metric, seen=seen)
        evaluated = {e.dataset for e in own}
        charted = chosen or (curves_of if curves_of in evaluated else next((n for n in names if n in evaluated), ""))
        lengths = Slice(by) if by in LENGTHS else Slice.HISTORY_LENGTH
        by_length = evaluation_store.slice_metrics(
            db,
            [e for e in own if e.dataset == charted],
            slice_name=lengths,
            metric=metric,
            seen=seen,
        )
    failing = {each.name: verdict(each) for each in known if each.name in evaluated and failures(each)}
    places = joined(newest)
    keys = {each.id: key_of(places[each.id]) for each in own}
    names_of_rows = row_labels(places[each.id] for each in own)
    return ResultsView(
        datasets=names,
        synthetic=frozenset(dataset.name for dataset in known if dataset.synthetic),
        dataset=chosen,
        grid=_with_order(
            arrange(
                rows,
                layout(choice.columns, own, models, places, one_dataset=bool(chosen)),
                ThesisNumbers(models, known),
                user_mean=choice.user_mean,
            ),
            failing,
        ),
        curves=Lines(
            LENGTHS[lengths],
            f"{charted}, {choice.metric.upper()}",
            *curves(by_length, keys, names_of_rows, user_mean=choice.user_mean),
        ),
        names=names_of_rows,
        keys=keys,
        fingerprints={each.name: each.fingerprint for each in known},
    )


def _with_order(grid: ResultsTable, failing: dict[str, str]) -> ResultsTable:
    """The grid with a note on the datasets whose order fails its audit; failing: the verdict by dataset."""
    if not failing:
        return grid
    notes = [f"{name}: {words}" for name, words in failing.items()]
    if len(notes) > 1:
        notes = [f"The order of {', '.join(failing)} fails its audit: 2 (Data) says why."]
    return replace(grid, notes=(*grid.notes, *notes), suspect=frozenset(failing))


def curves(
    rows: list[MetricRow], keys: dict[int, RowKey], names: dict[RowKey, str], *, user_mean: bool
) -> tuple[tuple[str, ...], tuple[ChartLine, ...]]:
    """Arrange metric rows of a length slice: the lengths, shortest first, and one line over them per table row."""
    values = tuple(sorted({row.metric.value for row in rows}, key=leading_number))
    found: dict[RowKey, dict[str, float]] = defaultdict(dict)
    for row in rows:
        found[keys[row.evaluation.id]][row.metric.value] = means(row, user_mean)[0]
    lines = (
        ChartLine(name, tuple(found[key].get(value) for value in values)) for key, name in names.items() if key in found
    )
    return values, tuple(lines)
