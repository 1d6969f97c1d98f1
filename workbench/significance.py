"""Which means of the table do not differ from the best beside them: paired over users, Holm over the whole table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from store.records import Evaluation
from store.words import Seen, Slice
from store.workspace import Workspace
from workbench.grid import Grid
from workbench.remembered import ResultsChoice

SURE = 0.05  # `engine.measuring.choices.LEVEL`, which is not imported before somebody asks

P = Mapping[tuple[str, str], float]  # by an evaluation's key and a slice's value: not corrected; not of the best
Alike = frozenset[tuple[int, int]]  # places (row, column) of what does not differ from the best


@dataclass(frozen=True)
class Question:
    """What has to be tested at once: the keys of a dataset's evaluations, and how they are measured."""

    keys: tuple[str, ...]
    slice: str
    metric: str
    seen: str
    user_mean: bool


@dataclass(frozen=True)
class Asked:
    """The evaluations of a question, and the cells that wait for its answer with what each looks for in it."""

    evaluations: tuple[Evaluation, ...]
    cells: tuple[tuple[tuple[int, int], tuple[str, str]], ...]


def questions(grid: Grid, choice: ResultsChoice) -> dict[Question, Asked]:
    """What has to be tested for a table: a question for each dataset, or row, that has a best."""
    asked: dict[object, dict[tuple[int, int], tuple[Evaluation, str]]] = {}
    for group in grid.groups():
        found = {place: cell for place in group if (cell := grid.cells[place[0]][place[1]])}
        if any(cell.place for cell in found.values()):
            row, column = group[0]
            together = row if grid.across else grid.columns[column].dataset
            asked.setdefault(together, {}).update(
                (place, (cell.evaluation, cell.metric.value)) for place, cell in found.items()
            )
    made: dict[Question, Asked] = {}
    for cells in asked.values():
        own = {evaluation.key: evaluation for evaluation, _ in cells.values()}
        question = Question(tuple(sorted(own)), choice.divided, choice.metric, choice.seen, choice.user_mean)
        wanted = ((place, (evaluation.key, value)) for place, (evaluation, value) in cells.items())
        before = made[question].cells if question in made else ()
        made[question] = Asked(tuple(own.values()), (*before, *wanted))
    return made


def answers(
    workspace: Workspace, asked: Mapping[Question, Asked], stop: Callable[[], bool]
) -> Iterator[tuple[Question, P]]:
    """The p values of one question after another, until `stop` says that nobody waits any more."""
    from engine.measuring.contrasts import contrasts

    for question, each in asked.items():
        if stop():
            return
        with workspace.read() as db:
            found = contrasts(
                db,
                each.evaluations,
                slice=Slice(question.slice),
                metric=question.metric,
                seen=Seen(question.seen),
                by_user=question.user_mean,
            )
        keys = {evaluation.id: evaluation.key for evaluation in each.evaluations}
        yield question, {(keys[one.evaluation_id], one.value): one.p for one in found if not one.best}


def alike(asked: Mapping[Question, Asked], answered: Mapping[Question, P]) -> Alike:
    """What does not differ from the best, corrected over the table; nothing before every question is answered."""
    if not asked or not asked.keys() <= answered.keys():
        return frozenset()
    from engine.measuring.intervals import holm

    cells = [(place, answered[question].get(key)) for question, each in asked.items() for place, key in each.cells]
    tested = [(place, p) for place, p in cells if p is not None]
    corrected = holm([p for _, p in tested])
    return frozenset(place for (place, _), p in zip(tested, corrected, strict=True) if p >= SURE)
