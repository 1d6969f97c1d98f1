"""What a field of a form is like: declared beside the value that it fills, drawn by the form."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Pair = tuple[str, str]  # a value and a remark on it
KEY = "form"  # of a dataclass field's metadata


class FieldShape(StrEnum):
    """How a value is filled in."""

    CHOICE = "choice"
    MARKS = "marks"
    TEXT = "text"
    LINES = "lines"
    FILE = "file"
    FOLDER = "folder"


@dataclass(frozen=True)
class Field:
    """One line of a form. `choices` are always there; `offered` names the field of `FormOptions` with the others.

    `names_path`: a text that is read as a path if a file or folder of that name exists.
    """

    label: str
    shape: FieldShape
    hint: str = ""
    choices: tuple[Pair, ...] = ()
    offered: str = ""
    names_path: bool = False


def choice(label: str, default: str, choices: Iterable[str | Pair] = (), *, offered: str = "") -> Any:
    """One of several values."""
    return field(default=default, metadata={KEY: Field(label, FieldShape.CHOICE, "", _pairs(choices), offered)})


def marks(label: str, choices: Iterable[str | Pair] = (), *, offered: str = "", marked: tuple[str, ...] = ()) -> Any:
    """Any of several values."""
    return field(default=marked, metadata={KEY: Field(label, FieldShape.MARKS, "", _pairs(choices), offered)})


def text(label: str, hint: str, default: str = "", *, names_path: bool = False) -> Any:
    """A word or a number; `hint` says what an empty field means."""
    return field(default=default, metadata={KEY: Field(label, FieldShape.TEXT, hint, names_path=names_path)})


def lines(label: str, hint: str) -> Any:
    """Any number of lines."""
    return field(default=(), metadata={KEY: Field(label, FieldShape.LINES, hint)})


def file(label: str, hint: str) -> Any:
    """The path of a file."""
    return field(default="", metadata={KEY: Field(label, FieldShape.FILE, hint)})


def folder(label: str, hint: str, default: str = "") -> Any:
    """The path of a folder."""
    return field(default=default, metadata={KEY: Field(label, FieldShape.FOLDER, hint)})


def _pairs(choices: Iterable[str | Pair]) -> tuple[Pair, ...]:
    return tuple((one, "") if isinstance(one, str) else one for one in choices)
