"""Which means of the table do not differ from the best of their column: paired over users, corrected by Holm."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from store.records import Evaluation
from store.words import Seen, Slice
from store.workspace import Workspace
from workbench.remembered import ResultsChoice
from workbench.results_grid import Grid

SURE = 0.05  # `engine.measuring.choices.LEVEL`, which is not imported before somebody asks

Alike = frozenset[tuple[str, str]]  # an evaluation's key and a slice's value: not different from the best there
Question = tuple[tuple[str, ...], str, str, str, bool]  # keys of a dataset's evaluations, slice, metric, seen, mean


def questions(grid: Grid, choice: ResultsChoice) -> dict[Question, list[Evaluation]]:
    """What has to be tested for a table: a question for each dataset with a best in any of its columns."""
    found: dict[str, dict[str, Evaluation]] = {}
    for place, column in enumerate(grid.columns):
        cells = [cell for row in grid.cells if (cell := row[place]) is not None]
        if any(cell.place for cell in cells):
            found.setdefault(column.dataset, {}).update((cell.evaluation.key, cell.evaluation) for cell in cells)
    return {
        (tuple(sorted(own)), choice.slice, choice.metric, choice.seen, choice.user_mean): list(own.values())
        for own in found.values()
    }


def answers(
    workspace: Workspace, asked: dict[Question, list[Evaluation]], stop: Callable[[], bool]
) -> Iterator[tuple[Question, Alike]]:
    """The cells alike of one dataset after another, until `stop` says that nobody waits any more."""
    from engine.measuring.contrasts import contrasts

    for question, evaluations in asked.items():
        if stop():
            return
        _, slice_name, metric, seen, user_mean = question
        with workspace.read() as db:
            found = contrasts(
                db, evaluations, slice=Slice(slice_name), metric=metric, seen=Seen(seen), by_user=user_mean
            )
        keys = {evaluation.id: evaluation.key for evaluation in evaluations}
        yield question, frozenset((keys[one.evaluation_id], one.value) for one in found if one.p_holm >= SURE)
