"""What a form holds: a command line in the making, and what the engine's own rules say to it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from inspect import get_annotations
from pathlib import Path
from typing import ClassVar

from store import datasets
from store.errors import BadInput, Problem
from store.workspace import Workspace
from workbench.launch.field import KEY, Field, FieldShape, Pair
from workbench.ui.file_access import EVERYWHERE, FileAccess

AUTO = "auto"  # the command's own default
SMALLEST_SEED, LARGEST_SEED = 0, 2**32 - 1  # what numpy and torch both take
MOST = 10**12  # events, points, users: more is a slip of the finger
SETTINGS_HINT = "key=value, one a line"
DEVICE_HINT = "auto, cpu, cuda, cuda:1 …"


@dataclass(frozen=True)
class FormOptions:
    """What there is to choose from, each with a remark. `trouble` says what cannot be read."""

    datasets: tuple[Pair, ...] = ()
    models: tuple[Pair, ...] = ()
    text_models: tuple[Pair, ...] = ()
    recipes: tuple[Pair, ...] = ()
    baselines: tuple[Pair, ...] = ()
    tunable: tuple[Pair, ...] = ()
    experiments: tuple[Pair, ...] = ()
    requested_experiments: tuple[Pair, ...] = ()
    trouble: str = ""


@dataclass(frozen=True)
class FormHints:
    """What a form comes to: a remark beside a field, and other choices for it, by the field's name."""

    remarks: Mapping[str, str] = field(default_factory=dict)
    choices: Mapping[str, tuple[Pair, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class ValidationResult:
    """What the engine says to a form: what is wrong, "" if it may start; its hints; what starting it deletes, "" if
    nothing; and what may not come out as expected."""

    problem: str
    hints: FormHints = FormHints()
    deletes: str = ""
    warning: str = ""


@dataclass(frozen=True)
class JobForm:
    """The fields of one kind's form as they stand; a text is empty where the command's own default holds."""

    KIND: ClassVar[str] = ""  # the command's first words
    SUMMARY: ClassVar[str] = ""

    @classmethod
    def form(cls) -> dict[str, Field]:
        """The fields by name, the kind's own first and then those that it shares with others."""
        depths = reversed(list(enumerate(cls.__mro__)))
        depth = {name: place for place, kind in depths for name in get_annotations(kind)}
        found = sorted(fields(cls), key=lambda one: depth[one.name])
        return {one.name: one.metadata[KEY] for one in found}

    @property
    def is_job(self) -> bool:
        """Whether it becomes a job, or is done before one could look at it."""
        return True

    @property
    def done_message(self) -> str:
        """What to say when it is done without a job."""
        return f"st5 {self.KIND} is done."

    def shows(self, name: str) -> bool:
        """Whether a field says anything as the others stand."""
        return True

    def options(self) -> list[str]:
        """Everything after the command's first words but `--detach`; what is at its default is left out."""
        raise NotImplementedError

    def check(self, workspace: Workspace) -> None:
        """`BadInput` with the first thing that the command would refuse at once."""
        raise NotImplementedError

    def hints(self, workspace: Workspace) -> FormHints:
        """What the form comes to; any `Problem` where it comes to nothing."""
        return FormHints()

    def warning(self, workspace: Workspace) -> str:
        """What may not come out as expected although it may start, "" if nothing."""
        return ""

    def deletes(self, workspace: Workspace) -> str:
        """A sentence that says what starting this deletes, "" if nothing."""
        return ""

    def kept(self, *, started: bool) -> JobForm:
        """The form that the form opens with the next time. started: this one was started, not only filled in."""
        return self

    def words(self, *, detach: bool = True) -> list[str]:
        """The command line after `st5`."""
        return [*self.KIND.split(), *self.options(), *(["--detach"] if self.is_job and detach else [])]

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files and folders that the fields name."""
        found = []
        for name, one in self.form().items():
            value = getattr(self, name) if self.shows(name) else ""
            may_exist = one.shape in (FieldShape.FILE, FieldShape.FOLDER) or (
                one.names_path and os.path.exists(expanded_path(value))
            )
            if value and may_exist:
                found.append(Path(value))
        return tuple(found)

    def validate(self, workspace: Workspace, access: FileAccess = EVERYWHERE) -> ValidationResult:
        """Everything that can be said before the command is started, without loading what only work needs."""
        try:
            for path in self.paths:
                access.check(path)
        except Problem as problem:
            return ValidationResult(str(problem))
        try:
            hints = self.hints(workspace)
        except Problem:
            hints = FormHints()
        try:
            self.check(workspace)
        except Problem as problem:
            return ValidationResult(str(problem), hints)
        return ValidationResult("", hints, self.deletes(workspace), self.warning(workspace))


def option(name: str, value: str, default: str = "") -> list[str]:
    """`--name value`, or nothing where it is empty or the default."""
    return [name, value] if value not in ("", default) else []


def settings(values: tuple[str, ...]) -> list[str]:
    """`--set` before each."""
    return [word for value in values for word in ("--set", value)]


def expanded_path(path: str) -> str:
    """A path as the command takes it: no shell stands between that would know `~`."""
    return str(Path(path).expanduser()) if path else ""


def whole(what: str, text: str, low: int, high: int) -> int:
    """The number that a field holds, `low` where it is empty; `BadInput` if it is invalid or not allowed."""
    if not text:
        return low
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise BadInput(f'{what} "{text}" is not a whole number from {low} to {high:,}.')
    return int(text)


def seed_of(text: str) -> int:
    """The seed that a field holds, 0 where it is empty."""
    return whole("seed", text, SMALLEST_SEED, LARGEST_SEED)


def need_datasets(workspace: Workspace, chosen: tuple[str, ...], purpose: str) -> None:
    """`BadInput` if none is chosen, or one that is not there (any more)."""
    found: list[str] = []
    if workspace.exists():
        with workspace.read() as db:
            for name in chosen:
                datasets.dataset(db, name)
            found = [dataset.name for dataset in datasets.datasets(db)]
    if not found:
        raise BadInput("There is no dataset yet: choose demo or one of ingest in the first line; each brings some.")
    if not chosen:
        raise BadInput(f"Choose at least one dataset to {purpose} (Space marks it).")
