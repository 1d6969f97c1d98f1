"""What the workbench remembers between visits; a workspace that cannot be written simply forgets."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from engine.tables.significance import Measured
from store import ui_state
from store.enums import Seen, Slice
from store.errors import Problem
from store.workspace import Workspace

KEY = "workbench"
SAVE_TIMEOUT_S = 0.5  # a busy writer matters more than a remembered sort order

FAMILIES = ("hr", "ndcg", "mrr")
CUTOFFS = (1, 5, 10, 20, 50)
TOP_CHOICES = (10, 50)
JOB_ORDERS = ("newest", "unfinished", "longest")
JOB_PANES = ("curve", "log", "events")
RESULTS_COLUMNS = ("", "format", "variant")  # "" for the values of the slice
MAP_MARKS = ("", "braille", "quadrants", "letters", "density")  # "" for what suits the terminal


@dataclass
class ResultsChoice:
    """What Results shows. `dataset` is empty for all as columns; `thesis`: its numbers too; `experiment`: the last.

    `columns`: `format` or `variant` where these are the columns, empty for the values of the slice.
    """

    dataset: str = ""
    slice: str = Slice.ALL.value
    family: str = "ndcg"
    cutoff: int = 10
    seen: str = Seen.MASK.value
    user_mean: bool = False
    chart: bool = True
    thesis: bool = True
    experiment: str = ""
    columns: str = RESULTS_COLUMNS[0]

    @property
    def divided(self) -> str:
        """The slice that divides the events of the table: that of all where formats or variants are the columns."""
        return Slice.ALL.value if self.columns else self.slice

    @property
    def row_name(self) -> str:
        """What the rows of the table are."""
        return "backbone" if self.columns == "variant" else "model"

    @property
    def metric(self) -> str:
        """The metric's stored name: `ndcg@10`; `mrr` has no cut-off."""
        return self.family if self.family == "mrr" else f"{self.family}@{self.cutoff}"

    @property
    def measured(self) -> Measured:
        """What the numbers of the table are."""
        return Measured(self.divided, self.metric, self.seen, self.user_mean)


@dataclass
class UsersChoice:
    """Whom Users shows, beside which evaluations (their keys; `third` is empty for none), and what is asked."""

    dataset: str = ""
    user: str = ""
    event: int = -1
    left: str = ""
    right: str = ""
    top: int = 10
    seen: str = Seen.MASK.value
    third: str = ""
    question: str = ""


@dataclass
class JobsChoice:
    """How Jobs shows the list, which series, and which part where there is room for one.

    `by_time`: marked jobs are compared over their run time instead of steps.
    """

    order: str = JOB_ORDERS[0]
    series: str = "loss"
    pane: str = JOB_PANES[0]
    by_time: bool = False


@dataclass
class MapChoice:
    """Which maps (their keys; `second` is empty for none), coloured in which way, drawn with which marks."""

    first: str = ""
    second: str = ""
    way: str = "dataset"
    cutoff: int = 10
    seen: str = Seen.MASK.value
    marks: str = MAP_MARKS[0]
    shade: bool = False


@dataclass
class UiState:
    """All that survives a visit. questions: those asked of events, the newest first."""

    theme: str = "st5-dark"
    questions: list[str] = field(default_factory=list)
    results: ResultsChoice = field(default_factory=ResultsChoice)
    users: UsersChoice = field(default_factory=UsersChoice)
    jobs: JobsChoice = field(default_factory=JobsChoice)
    map: MapChoice = field(default_factory=MapChoice)


def load(workspace: Workspace) -> UiState:
    """What the last visit left, as far as it still makes sense; the defaults where there is nothing."""
    if not workspace.exists():
        return UiState()
    try:
        with workspace.read() as db:
            stored = ui_state.get(db, KEY, {})
    except (Problem, sqlite3.Error, ValueError):  # the first screen will say what is wrong with the workspace
        return UiState()
    return from_json(stored)


def save(workspace: Workspace, state: UiState) -> bool:
    """Store it; False where the workspace is not there, busy or cannot be written."""
    if not workspace.exists():
        return False
    try:
        with workspace.write(busy_timeout=SAVE_TIMEOUT_S) as db:
            ui_state.put(db, KEY, asdict(state))
    except (Problem, sqlite3.Error, OSError):
        return False
    return True


def from_json(stored: Any) -> UiState:
    """Read stored values back; each one of a wrong type or outside its choices gives way to the default."""
    if not isinstance(stored, dict):
        return UiState()
    results = _fill(ResultsChoice(), stored.get("results"))
    users = _fill(UsersChoice(), stored.get("users"))
    default = ResultsChoice()
    results.slice = results.slice if results.slice in set(Slice) else default.slice
    results.seen = results.seen if results.seen in set(Seen) else default.seen
    results.columns = results.columns if results.columns in RESULTS_COLUMNS else default.columns
    users.seen = users.seen if users.seen in set(Seen) else default.seen
    results.family = results.family if results.family in FAMILIES else default.family
    results.cutoff = results.cutoff if results.cutoff in CUTOFFS else default.cutoff
    users.top = users.top if users.top in TOP_CHOICES else TOP_CHOICES[0]
    jobs = _fill(JobsChoice(), stored.get("jobs"))
    jobs.order = jobs.order if jobs.order in JOB_ORDERS else JOB_ORDERS[0]
    jobs.pane = jobs.pane if jobs.pane in JOB_PANES else JOB_PANES[0]
    map = _fill(MapChoice(), stored.get("map"))
    map.cutoff = map.cutoff if map.cutoff in CUTOFFS else default.cutoff
    map.seen = map.seen if map.seen in set(Seen) else default.seen
    map.marks = map.marks if map.marks in MAP_MARKS else MAP_MARKS[0]
    theme, questions = stored.get("theme"), stored.get("questions")
    return UiState(
        theme=theme if isinstance(theme, str) else UiState.theme,
        questions=[each for each in questions if isinstance(each, str)] if isinstance(questions, list) else [],
        results=results,
        users=users,
        jobs=jobs,
        map=map,
    )


def _fill(choice: Any, stored: Any) -> Any:
    if isinstance(stored, dict):
        for part in fields(choice):
            value = stored.get(part.name)
            if type(value) is type(getattr(choice, part.name)):
                setattr(choice, part.name, value)
    return choice
