"""How sure one is that the cells of a row differ, computed once per process: a bootstrap is what a reader waits for."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from engine.experiments.question import Question
from engine.experiments.sheet import Cell
from engine.measuring.choices import Averaging
from store.errors import BadInput
from store.records import Dataset, RatingRun
from store.words import Seen, Slice

P = dict[tuple[Seen, str, str, int], float]  # by seen rule, metric, slice value and column

ERRORS = {"rmse": "mse"}  # what the paired comparison of rating runs calls it
KEPT = 200  # answers; an experiment asks one for each dataset and slice

_known: dict[Hashable, Any] = {}


def p_values(question: Question, dataset: Dataset, slice: Slice) -> P:
    """p of every column of a dataset against the best of its row, the best against the second, not corrected.

    Nothing where a column stands for several seeds: their spread says how sure one can be.
    """
    row = [question.evaluations(column, dataset) for column in question.columns]
    ones = {found[0].key: found[0] for found in row if found}
    if len(ones) < 2 or any(len(found) > 1 for found in row):
        return {}
    by_user = question.arguments.mean is Averaging.USER

    def ask() -> dict[tuple[Seen, str, str, str], float]:
        from engine.measuring.contrasts import contrasts_of
        from engine.measuring.metrics import measure

        keys = {evaluation.id: key for key, evaluation in ones.items()}
        measures = [measure(name) for name in question.definition.metrics]
        found = contrasts_of(question.db, list(ones.values()), slice, (), measures, question.seen, by_user=by_user)
        return {(one.seen, one.metric, one.value, keys[one.evaluation_id]): one.p for one in found}

    answers = _once((tuple(ones), slice, question.definition.metrics, question.seen, by_user), ask)
    columns = {found[0].key: place for place, found in enumerate(row) if found}
    return {(seen, metric, value, columns[key]): p for (seen, metric, value, key), p in answers.items()}


def error_p_values(
    question: Question, runs: Sequence[RatingRun | None], cells: Sequence[Cell | None], metric: str
) -> dict[int, float]:
    """p of each column's run against that of the smallest error, of that against the second, not corrected.

    Of an RMSE by the mean square, whose order is the same. Nothing for runs that did not predict the same events.
    """
    placed = {cell.place: column for column, cell in enumerate(cells) if cell is not None and cell.place}
    if len(placed) < 2:
        return {}
    from engine.rating.errors import compare_errors

    by_user = question.arguments.mean is Averaging.USER
    found: dict[int, float] = {}
    for column, run in enumerate(runs):
        other = runs[placed[2] if column == placed[1] else placed[1]]
        if run is None or other is None:
            continue
        with suppress(BadInput):
            rows = _once((run.key, other.key), partial(compare_errors, question.db, run, other))
            found[column] = next(
                row.difference.user_p if by_user else row.difference.p
                for row in rows
                if row.metric == ERRORS.get(metric, metric)
            )
    return found


def _once(asked: Hashable, ask: Callable[[], Any]) -> Any:
    if asked not in _known:
        if len(_known) >= KEPT:
            _known.clear()
        _known[asked] = ask()
    return _known[asked]
