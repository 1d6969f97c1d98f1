"""What a search found: its trials, best first, and the command that makes the best one under a name of its own."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from engine.measuring.highlighting import CONFIDENCE
from engine.tuning.request import request_of
from engine.tuning.searchable import best_command
from store import models, searches
from store.enums import Seen, TrialState
from store.rows import Search, Trial

if TYPE_CHECKING:
    from engine.experiments.sheet import Sheet

OPTIMISTIC = (
    "The best of several on the valid events looks better than it is. Ask the test events once, afterwards, with the "
    "chosen settings alone."
)
WAITING = {TrialState.DONE: 0, TrialState.FAILED: 1, TrialState.WAITING: 2}  # the order of trials without a number


@dataclass(frozen=True)
class SearchTable:
    """A search with its trials: those with a number best first, then those that failed, then those that wait.

    varied: the settings that differ among them; fixed: the others, as `KEY=VALUE`. best: the first where it has a
    number; command: what makes a model of its own of the best (after `st5`), () without one. again: what goes on with
    the search.
    """

    search: Search
    trials: tuple[Trial, ...]
    varied: tuple[str, ...]
    fixed: tuple[str, ...]
    command: tuple[str, ...]
    again: tuple[str, ...]

    @property
    def best(self) -> Trial | None:
        return self.trials[0] if self.trials and self.trials[0].result is not None else None

    def count(self, state: TrialState) -> int:
        """How many trials are in this state."""
        return sum(trial.state is state for trial in self.trials)


def search_table(db: sqlite3.Connection, search: Search, *, metric: str = "", seen: Seen | None = None) -> SearchTable:
    """What is stored of a search, by its own metric and seen rule or by others."""
    search = replace(search, metric=metric or search.metric, seen=seen or search.seen)
    request = request_of(search.request)
    trials = tuple(sorted(searches.trials(db, search), key=_rank))
    best = trials[0] if trials and trials[0].result is not None else None
    command: tuple[str, ...] = ()
    if best is not None:
        command = best_command(request, best.settings, best.seed, _free_name(db, best))
    return SearchTable(
        search=search,
        trials=trials,
        varied=tuple(key for key, values in request.tries if len(values) > 1),
        fixed=tuple(f"{key}={values[0]}" for key, values in request.tries if len(values) == 1),
        command=command,
        again=request.command(search.metric, search.seen),
    )


def search_tables(db: sqlite3.Connection) -> list[SearchTable]:
    """All searches, newest first."""
    return [search_table(db, search) for search in reversed(searches.searches(db))]


def document(table: SearchTable) -> dict[str, Any]:
    """A search as JSON shows it; trials best first."""
    return {
        "search": table.search.id,
        "model": table.search.model,
        "dataset": table.search.dataset,
        "split": "valid",
        "metric": table.search.metric,
        "seen": table.search.seen.value,
        "created": table.search.created,
        "request": table.search.request,
        "trials": [_trial_document(trial, table.best) for trial in table.trials],
        "failed": table.count(TrialState.FAILED),
        "waiting": table.count(TrialState.WAITING),
        "best": table.best.number if table.best else None,
        "command": list(table.command),
        "note": OPTIMISTIC,
    }


def sheet(table: SearchTable) -> Sheet:
    """The table of trials in the form that is exported."""
    from engine.experiments.sheet import Cell, Row, Sheet

    search = table.search
    rows = []
    for trial in table.trials:
        result = trial.result
        cell = None
        if result is not None:
            cell = Cell(result.mean, result.low, result.high, result.n, result.users, place=int(trial is table.best))
        settings = tuple(trial.settings.get(key, "") for key in table.varied)
        rows.append(Row((str(trial.number), *settings, f"{trial.seconds:.1f}", trial.state.value), (cell,)))
    failed = [f"Trial {t.number} failed: {t.message}" for t in table.trials if t.state is TrialState.FAILED]
    return Sheet(
        name=f"tune-{search.model}-{search.dataset}",
        title=title(table),
        heads=("trial", *table.varied, "seconds", "state"),
        columns=(search.metric,),
        rows=tuple(rows),
        protocol=f"valid events; {seen_words(search.seen)}; {100 * CONFIDENCE:g} % intervals clustered by user",
        notes=(*failed, OPTIMISTIC),
        best_of="column",
    )


def title(table: SearchTable) -> str:
    """`Search 3: sasrec on shop, valid events; epochs=20`."""
    words = f"Search {table.search.id}: {table.search.model} on {table.search.dataset}, valid events"
    return "; ".join([words, *([" ".join(table.fixed)] if table.fixed else [])])


def seen_words(seen: Seen) -> str:
    """Which items are candidates, in words."""
    return "seen items masked" if seen is Seen.MASK else "seen items kept"


def counted(table: SearchTable) -> str:
    """`12 trials`, `9 of 12 done, 1 failed, 2 waiting`."""
    total, failed, waiting = len(table.trials), table.count(TrialState.FAILED), table.count(TrialState.WAITING)
    if not failed and not waiting:
        return f"{total} trial{'' if total == 1 else 's'}"
    parts = [f"{total - failed - waiting} of {total} done"]
    parts += [f"{failed} failed"] if failed else []
    return ", ".join([*parts, *([f"{waiting} waiting"] if waiting else [])])


def _rank(trial: Trial) -> tuple[int, float, int]:
    """Best first; of equal ones the earlier."""
    if trial.result is not None:
        return 0, -trial.result.mean, trial.number
    return 1 + WAITING[trial.state], 0.0, trial.number


def _free_name(db: sqlite3.Connection, trial: Trial) -> str:
    """`sasrec-tuned`, or with the end of the trial's name where another model is called so."""
    kind, _, end = trial.model.rpartition("-tune-")
    name = f"{kind}-tuned"
    return name if models.find_model(db, name) is None else f"{name}-{end}"


def _trial_document(trial: Trial, best: Trial | None) -> dict[str, Any]:
    result = trial.result
    return {
        "trial": trial.number,
        "model": trial.model,
        "settings": trial.settings,
        "seed": trial.seed,
        "state": trial.state.value,
        "message": trial.message,
        "seconds": trial.seconds,
        "n": result.n if result else None,
        "users": result.users if result else None,
        "mean": result.mean if result else None,
        "low": result.low if result else None,
        "high": result.high if result else None,
        "best": trial is best,
    }
