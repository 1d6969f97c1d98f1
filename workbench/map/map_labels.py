"""What the points of a map are coloured by: a label for each, with the counts and colours of the legend."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from engine.tables.labels import labels as evaluation_labels
from engine.tables.labels import newest_of_each, row_key
from store import datasets as dataset_store
from store import evaluations as evaluation_store
from store.arrays import settings_hash
from store.enums import Seen, Split
from workbench.ui.themes import SERIES

if TYPE_CHECKING:
    from store.rows import Dataset, Evaluation, Points, Projection

Colour = tuple[int, int, int]

DATASET, CATEGORY, KNOWN, SPLIT = "dataset", "category", "known", "split"
HITS = "hits "  # before the hash of a model and its protocol
NAMED = 10  # labels with a colour of their own; more cannot be told apart
NOT_ASKED = "no event measured"
HITS_WORDS = ("hit every time", "hit at least half", "hit less than half", "missed", NOT_ASKED)

*_HUES, GREY = SERIES
_SHADES = [tuple(int(0.55 * part) for part in hue) for hue in _HUES]  # told apart by lightness too
COLOURS: tuple[Colour, ...] = (*_HUES, *_SHADES)  # type: ignore[arg-type]
SPLIT_WORDS = (*Split, "none of them")
_SPLIT_COLOURS = (_HUES[0], _HUES[2], _HUES[1], GREY)
_KNOWN_COLOURS = (_HUES[1], _HUES[0])
_HIT_COLOURS = (_HUES[2], _HUES[0], _HUES[1], _HUES[3], GREY)


@dataclass(frozen=True)
class Label:
    """One entry of the legend, and how many points of the first map have it.

    quiet: gives way to any other label in the same place, since it says that nothing is known.
    """

    name: str
    count: int
    colour: Colour
    quiet: bool = False


@dataclass(frozen=True)
class Labelling:
    """The legend, and for each map the label of each point as a number in it, int16 [N]."""

    legend: tuple[Label, ...]
    of: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class Way:
    """A way to colour: the value that stands for it, its name, a remark, and the evaluations that it reads."""

    value: str
    name: str
    remark: str = ""
    evaluations: tuple[Evaluation, ...] = ()


Drawn = Sequence[tuple["Projection", "Points"]]


def ways(db: sqlite3.Connection, projection: Projection) -> tuple[Way, ...]:
    """What the points of this map can be coloured by, as far as the store knows."""
    items = projection.kind == "items"
    found = [Way(DATASET, "dataset", "the domain that it is from")]
    if items:
        found.append(Way(CATEGORY, "category", "the item's own; the first where it has several"))
    known = "occurs in what users did before the valid part" if items else "did something before the valid part"
    found.append(Way(KNOWN, "warm or cold", known))
    part = "the earliest of train, valid and test in which " + ("it occurs" if items else "they did something")
    found.append(Way(SPLIT, "split", part))
    stored = evaluation_store.evaluations(db)
    own = newest_of_each([e for e in stored if e.dataset in projection.datasets])
    named = evaluation_labels(own)
    share = "how often it is hit as the target" if items else "how often the user's targets are hit"
    for key, name in named.items():
        alike = tuple(e for e in own if row_key(e) == key)
        remark = f"{share}; {sum(e.n for e in alike):,} {alike[0].split} events"
        found.append(Way(HITS + settings_hash(key), f"hits of {name}", remark, alike))
    return tuple(found)


def labelled(db: sqlite3.Connection, drawn: Drawn, way: Way, cutoff: int, seen: Seen) -> Labelling:
    """Label the points of all maps alike."""
    if way.value == CATEGORY:
        return _by_name(drawn, lambda dataset: [first(c) for c in dataset_store.categories(db, dataset.id)], db)
    if way.value == KNOWN:
        return _fixed(drawn, db, lambda dataset, kind: _cold(db, dataset, kind), ("warm", "cold"), _KNOWN_COLOURS)
    if way.value == SPLIT:
        return _fixed(drawn, db, lambda dataset, kind: _earliest(db, dataset, kind), SPLIT_WORDS, _SPLIT_COLOURS)
    if way.evaluations:
        of_dataset = {evaluation.dataset: evaluation for evaluation in way.evaluations}
        return _fixed(
            drawn,
            db,
            lambda dataset, kind: _hits(db, dataset, kind, of_dataset.get(dataset.name), cutoff, seen),
            HITS_WORDS,
            _HIT_COLOURS,
        )
    return _by_name(drawn, lambda dataset: dataset.name, db)


def first(category: str) -> str:
    """The first of several categories joined with `|`."""
    return category.partition("|")[0].strip() or "(none)"


def hit_words(share: np.ndarray) -> np.ndarray:
    """The place in `HITS_WORDS` of each share of hits (float [N], NaN where there was no event), int16 [N]."""
    found = np.select([share >= 1, share >= 0.5, share > 0, share == 0], [0, 1, 2, 3], 4)
    return found.astype(np.int16)


def expected_hit(better: np.ndarray, tied: np.ndarray, cutoff: int) -> np.ndarray:
    """The chance that a target lies within the first K over random order of ties, float64 [E]."""
    return np.clip((cutoff - better.astype(np.int64)) / (tied.astype(np.int64) + 1), 0.0, 1.0)


def _by_name(drawn: Drawn, names_of: Callable[[Dataset], str | list[str]], db: sqlite3.Connection) -> Labelling:
    """Labels by name: the commonest with colours of their own, the rest as one."""
    numbers: dict[str, int] = {}
    of = []
    for projection, points in drawn:
        code = np.zeros(len(points.row), np.int64)
        for place, name in enumerate(projection.datasets):
            names = names_of(dataset_store.dataset(db, name))
            mine = points.dataset == place
            if isinstance(names, str):
                code[mine] = numbers.setdefault(names, len(numbers))
            else:
                codes = np.array([numbers.setdefault(name, len(numbers)) for name in names] or [0])
                code[mine] = codes[points.row[mine]]
        of.append(code)
    counts = np.array([np.bincount(code, minlength=len(numbers)) for code in of])
    names = list(numbers)
    order = [n for n in np.lexsort((-counts.sum(0), -counts[0])).tolist() if counts[:, n].any()]
    kept = order if len(order) <= NAMED else order[: NAMED - 1]
    final = np.full(max(1, len(numbers)), len(kept), np.int16)
    final[kept] = np.arange(len(kept))
    legend = [Label(names[n], int(counts[0, n]), colour) for n, colour in zip(kept, COLOURS, strict=False)]
    if len(order) > len(kept):
        others = order[len(kept) :]
        legend.append(Label(f"{len(others)} others", int(counts[0, others].sum()), GREY))
    return Labelling(tuple(legend), tuple(final[code] for code in of))


def _fixed(
    drawn: Drawn,
    db: sqlite3.Connection,
    code_of: Callable[[Dataset, str], np.ndarray],
    words: Sequence[str],
    colours: Sequence[Colour],
) -> Labelling:
    """Labels in an order of their own, also those that no point has."""
    of = []
    for projection, points in drawn:
        code = np.zeros(len(points.row), np.int16)
        for place, name in enumerate(projection.datasets):
            mine = points.dataset == place
            code[mine] = code_of(dataset_store.dataset(db, name), projection.kind)[points.row[mine]]
        of.append(code)
    counts = np.bincount(of[0], minlength=len(words)).tolist()
    entries = zip(words, counts, colours, strict=True)
    return Labelling(tuple(Label(*entry, quiet=entry[0] == NOT_ASKED) for entry in entries), tuple(of))


def _warm(db: sqlite3.Connection, dataset: Dataset, kind: str) -> np.ndarray:
    """Whether an item or user occurs in the train part, bool [N]."""
    if kind == "items":
        return evaluation_store.trained_items(db, dataset)
    warm = np.zeros(dataset.users, bool)
    warm[dataset_store.train_users(db, dataset.id)] = True
    return warm


def _cold(db: sqlite3.Connection, dataset: Dataset, kind: str) -> np.ndarray:
    return (~_warm(db, dataset, kind)).astype(np.int16)


def _earliest(db: sqlite3.Connection, dataset: Dataset, kind: str) -> np.ndarray:
    """The place in `SPLIT_WORDS` of the earliest part with every item or user, int16 [N]."""
    warm = _warm(db, dataset, kind)
    found = np.full(len(warm), len(Split), np.int16)
    for place, split in reversed(list(enumerate(Split))):
        found[dataset_store.event_column(db, dataset.id, split, "item" if kind == "items" else "user")] = place
    found[warm] = 0
    return found


def _hits(
    db: sqlite3.Connection,
    dataset: Dataset,
    kind: str,
    evaluation: Evaluation | None,
    cutoff: int,
    seen: Seen,
) -> np.ndarray:
    """The label of every item as a target, or of every user over their events."""
    size = dataset.items if kind == "items" else dataset.users
    if evaluation is None:
        return np.full(size, HITS_WORDS.index(NOT_ASKED), np.int16)
    events = evaluation_store.evaluated_events(db, evaluation)
    suffix = "_masked" if seen is Seen.MASK else ""
    better, tied = (evaluation_store.rank_column(db, evaluation, name + suffix) for name in ("better", "tied"))
    whose = events.item if kind == "items" else events.user
    total = np.bincount(whose, minlength=size)
    hits = np.bincount(whose, weights=expected_hit(better, tied, cutoff), minlength=size)
    # Sums of ones that went through floats may miss a whole number by a hair.
    return hit_words(np.round(np.divide(hits, total, out=np.full(size, np.nan), where=total > 0), 9))
