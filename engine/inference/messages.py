"""Messages between the workbench and the inference process: one JSON document a line.

Imports nothing heavy, so that both sides share it. Every message carries the `id` of the request it belongs to.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

Entry = int | str  # of a history: an item's id in its dataset, or words


@dataclass(frozen=True)
class RankRequest:
    """Rank the catalogue for a history (oldest first) under an evaluation's model, dataset and reading.

    evaluation: its key. target: the item whose place is wanted, −1 for none; top: how many of the best.
    """

    id: int
    evaluation: str
    entries: tuple[Entry, ...]
    target: int
    top: int


@dataclass(frozen=True)
class WhyRequest:
    """The score of an item for a history, and with each of its `newest` entries left out.

    listed: items of which only the shares of a model's parts are wanted.
    """

    id: int
    evaluation: str
    entries: tuple[Entry, ...]
    item: int
    newest: int
    listed: tuple[int, ...] = ()


@dataclass(frozen=True)
class Stage:
    """What the process is busy with before it can answer; total 0 = not known."""

    id: int
    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class Ranking:
    """The answer to a `RankRequest`.

    entries: the history as it was understood, words that are an item's title or key as that item; visible: how many
    of the newest the model read. better, tied, items, scores: with the history's items among the candidates;
    `_masked`: without them. score: the target's, None where it is no candidate. ms: what the answer took;
    memory: bytes that the process holds.
    """

    id: int
    entries: tuple[Entry, ...]
    visible: int
    candidates: int
    better: int
    tied: int
    better_masked: int
    tied_masked: int
    score: float | None
    items: tuple[int, ...]
    scores: tuple[float, ...]
    items_masked: tuple[int, ...]
    scores_masked: tuple[float, ...]
    ms: float
    memory: int


@dataclass(frozen=True)
class Reasons:
    """The answer to a `WhyRequest`: the whole history's score, and the scores without each of its newest entries.

    `without` is oldest first, and empty for a history of one entry, which cannot be left out. parts: of a model that
    adds the scores of several, their names; shares: what each adds to the score; listed: what each adds to the scores
    of the items that were listed, a row for each.
    """

    id: int
    score: float
    without: tuple[float, ...]
    ms: float
    memory: int
    parts: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()
    listed: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class Refusal:
    """The request could not be answered; `words` say why and what to do."""

    id: int
    words: str


Request = RankRequest | WhyRequest
Answer = Stage | Ranking | Reasons | Refusal

_KINDS: dict[str, Callable[..., Request | Answer]] = {
    "rank": RankRequest, "why": WhyRequest, "stage": Stage, "ranking": Ranking, "reasons": Reasons, "refusal": Refusal,
}  # fmt: skip
_NAMES = {kind: name for name, kind in _KINDS.items()}


def to_line(message: Request | Answer) -> str:
    """The message as one line of ASCII, its end included."""
    return json.dumps({"kind": _NAMES[type(message)], **asdict(message)}, allow_nan=False) + "\n"


def from_line(line: str) -> Request | Answer:
    """The message of a line; `ValueError`, `KeyError` or `TypeError` if it is none."""
    fields: dict[str, Any] = json.loads(line)
    make = _KINDS[fields.pop("kind")]
    return make(**{name: _tuples(value) for name, value in fields.items()})


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
