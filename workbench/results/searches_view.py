"""Searches over settings as the workspace has them: which there are, and the trials of one, best first."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from store import datasets as dataset_store
from store.enums import TrialState
from store.rows import Trial
from store.workspace import Workspace
from workbench.ui import numbers
from workbench.ui.cell_text import MARKS, STYLES
from workbench.ui.display import brief, line, whole
from workbench.ui.shell import command
from workbench.ui.table import Heading, TableLine

if TYPE_CHECKING:
    from engine.tuning.table import SearchTable

NO_DATASET = "There is no dataset yet, so there is nothing to search on. Home (1) says how to get one."
WIDEST_VALUE = 24  # characters of a setting; longer ones would push the numbers out of sight
EXAMPLE = ("tune", "item-knn", "--datasets", "NAME", "--try", "decay=0.5,0.7,0.9", "--try", "window=20,50")


@dataclass(frozen=True)
class SearchesView:
    """All searches, newest first, and the one that is shown, None without any.

    dataset: the name of the first dataset, "" without any.
    """

    every: tuple[SearchTable, ...]
    shown: SearchTable | None
    dataset: str


def read_searches(workspace: Workspace, wanted: int | None) -> SearchesView:
    """All searches; the wanted one is shown, else the newest."""
    from engine.tuning.table import search_tables

    if not workspace.exists():
        return SearchesView((), None, "")
    with workspace.read() as db:
        every = tuple(search_tables(db))
        names = [dataset.name for dataset in dataset_store.datasets(db)]
    shown = next((table for table in every if table.search.id == wanted), every[0] if every else None)
    return SearchesView(every, shown, names[0] if names else "")


def nothing(view: SearchesView, option: Path | None) -> Text:
    """What to do where no search is stored."""
    if not view.dataset:
        return Text(NO_DATASET)
    words = [view.dataset if word == "NAME" else word for word in EXAMPLE]
    text = Text("No search over a model's settings is stored yet. This makes the first; n in Jobs (3) has a form:\n")
    return text.append(command(words, option), style="bold")


def trials_table(table: SearchTable) -> tuple[list[Heading], list[TableLine]]:
    """A row for each trial: settings that differ, the metric with its interval, n, seconds, state."""
    heads = [_right("trial"), *(_right(key, "bold") for key in table.varied), _right(table.search.metric, "bold")]
    heads += [_right("95 %"), _right("n"), _right("seconds"), Heading(Text("state", style="dim"), flexible=True)]
    return heads, [_line(table, trial) for trial in table.trials]


def trial_words(table: SearchTable, trial: Trial) -> Text:
    """Everything about the trial under the cursor but the end of a long message, which Enter shows."""
    words = " ".join(f"{key}={brief(value, WIDEST_VALUE)}" for key, value in trial.settings.items())
    text = line(f"trial {trial.number}: {words}")
    if trial.result is not None:
        result = trial.result
        text.append(f"\n{table.search.metric} ").append(f"{result.mean:.5f}", style="bold")
        text.append(f" [{result.low:.5f}, {result.high:.5f}]; {numbers.counted(result.n, 'valid event')}; ")
        text.append(f"{numbers.counted(result.users, 'user')}; ").append_text(line(f"model {trial.model}"))
    else:
        text.append("\n").append_text(line(trial.message or "This trial has not run yet."))
    return text


def trial_facts(table: SearchTable, trial: Trial) -> str:
    """The same in full: what came of it, then settings a line each."""
    outcome = trial_words(table, trial).plain.partition("\n")[2] if trial.result else trial.message
    facts = [f"{trial.state}, {trial.seconds:,.1f} s", *([outcome] if outcome else []), ""]
    facts += [f"{key} = {value}" for key, value in trial.settings.items()]
    return "\n".join([*facts, *([f"seed = {trial.seed}"] if trial.seed is not None else [])])


def notes(table: SearchTable, option: Path | None) -> Text:
    """What the table means, and the commands that follow from it."""
    from engine.tuning.table import OPTIMISTIC, seen_words

    legend = f"{MARKS[1]} best; of equal ones the earlier; {seen_words(table.search.seen)}"
    words = [f"{legend}; 95 % intervals clustered by user."]
    if table.count(TrialState.FAILED) or table.count(TrialState.WAITING):
        words.append(f"Not complete: t copies: {command(list(table.again), option)}")
    if table.command:
        words.append(f"The best under a name of its own: C copies: {command(list(table.command), option)}")
    return Text("\n").join(whole(each) for each in (*words, OPTIMISTIC))


def _line(table: SearchTable, trial: Trial) -> TableLine:
    result, best = trial.result, trial is table.best
    dim = "" if result else "dim"
    cells = [_number(str(trial.number), "dim")]
    cells += [_number(brief(trial.settings.get(key, numbers.NOTHING), WIDEST_VALUE), dim) for key in table.varied]
    mean = Text(justify="right", no_wrap=True)
    mean.append(numbers.mean(result.mean) if result else numbers.NOTHING, style=STYLES[1] if best else dim)
    cells += [mean.append(MARKS[1] if best else " ", style="bold")]
    cells += [_number(numbers.interval(result.low, result.high) if result else numbers.NOTHING, "dim")]
    cells += [_number(numbers.count(result.n) if result else numbers.NOTHING, "dim")]
    cells += [_number(f"{trial.seconds:,.1f}" if trial.seconds else numbers.NOTHING)]
    state = f"{trial.state}: {trial.message}" if trial.message else trial.state.value
    cells += [line(state, "bold" if trial.state is TrialState.FAILED else "")]
    return TableLine(str(trial.number), tuple(cells))


def _right(words: str, style: str = "dim") -> Heading:
    return Heading(_number(words, style))


def _number(words: str, style: str = "") -> Text:
    text = line(words, style)
    text.justify = "right"
    return text
