"""The thesis' experiments as the workspace has them: which there are, and what one shows of what is stored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from store import datasets as dataset_store
from store.enums import Seen
from store.workspace import Workspace
from workbench.ui.ui_state import ResultsChoice

if TYPE_CHECKING:
    from engine.experiments.sheet import Figure, Outcome, Sheet

MAIN = "main"  # shown where none was chosen and none was asked for


@dataclass(frozen=True)
class Offered:
    """An experiment that can be shown. requested: whether it was run in this workspace."""

    name: str
    title: str
    requested: bool


@dataclass(frozen=True)
class ExperimentView:
    """What is offered, and the outcome of one; `command` (after `st5`) runs what is missing of it."""

    offered: tuple[Offered, ...]
    outcome: Outcome
    command: tuple[str, ...]

    @property
    def pages(self) -> tuple[Sheet | Figure, ...]:
        """What is shown one after another: tables that hold something, then figures."""
        return (*(sheet for sheet in self.outcome.sheets if sheet.rows), *self.outcome.figures)


def read_experiment(workspace: Workspace, choice: ResultsChoice) -> ExperimentView | None:
    """The experiment last chosen, else one that was asked for, else the main one; None where there is no dataset.

    One that was not requested shows what is stored of it on all datasets. Its numbers follow the seen rule and mean
    of the choice.
    """
    from engine.experiments.arguments import Arguments
    from engine.experiments.definition import definition_names, load_definition
    from engine.experiments.outcome import outcome, requested_experiments
    from engine.measuring.choices import Averaging

    if not workspace.exists():
        return None
    with workspace.read() as db:
        datasets = tuple(each.name for each in dataset_store.datasets(db))
        if not datasets:
            return None
        found = {definition.name: (definition, arguments) for definition, arguments in requested_experiments(db)}
        everything = Arguments(datasets=datasets)
        known = dict(found)
        for name in definition_names():
            if name not in known:
                known[name] = (load_definition(name), everything)
        name = choice.experiment if choice.experiment in known else next(iter(found), MAIN)
        definition, arguments = known[name]
        mean = Averaging.USER if choice.user_mean else Averaging.EVENT
        shown = outcome(db, definition, replace(arguments, seen=Seen(choice.seen), mean=mean))
    return ExperimentView(
        offered=tuple(Offered(one.name, one.title, one.name in found) for one, _ in known.values()),
        outcome=shown,
        command=tuple(arguments.command(name)),
    )
