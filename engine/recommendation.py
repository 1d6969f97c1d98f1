"""What a model would show: for a stored user, for a list of titles, or for text that is no item."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.evaluation import history_starts
from engine.models import open_model
from engine.preparation.cleaning import Alphabet, clean_text
from engine.progress import Progress, silent
from engine.ranking.rank import rank
from engine.reading import Reading
from engine.scoring import scoring
from store import datasets
from store.errors import BadInput
from store.records import Item
from store.words import Seen
from store.workspace import Workspace

NO_TARGET = -1


@dataclass(frozen=True)
class Recommendation:
    """One place of the list: rank counts from 1; equal scores follow the order of the catalogue."""

    rank: int
    item: Item
    score: float


@dataclass(frozen=True)
class Query:
    """A history as it was understood: each entry's text, and the catalogue item it is, if any."""

    entries: tuple[tuple[str, Item | None], ...]


def recommend(
    workspace: Workspace,
    model_name: str,
    dataset_name: str,
    *,
    user: str | None = None,
    history: Sequence[str] = (),
    k: int = 10,
    seen: Seen = Seen.MASK,
    reading: Reading = Reading(),
    device: str = "auto",
    precision: str = "auto",
    progress: Progress = silent,
) -> tuple[Query, list[Recommendation]]:
    """The k best items after a user's newest known history, or after a history given as texts.

    A text that is an item's title (whatever its case) or key is that item; any other is read as it stands, so a
    question in words works like an item that the catalogue does not have. Items of the history are left out of the
    list unless `seen` is keep.
    """
    if k < 1:
        raise BadInput(f"-k {k}: allowed are 1 and above.")
    if (user is None) == (not history):
        raise BadInput("Say whose history: either --user KEY, or --history TEXT (once for each item, oldest first).")
    with workspace.read() as db:
        dataset = datasets.dataset(db, dataset_name)
        if user is not None:
            places = datasets.newest_sequence(db, dataset.id, datasets.user_id(db, dataset, user)).items
            free: list[str] = []
        else:
            places, free = _understand(datasets.items(db, dataset.id), history)
    model = open_model(workspace, model_name, device=device, precision=precision)
    with workspace.write() as db:
        scores = scoring(
            workspace,
            db,
            model,
            dataset,
            reading,
            progress,
            free_texts=free,
            device=device,
            precision=precision,
        )
        scorer = scores.score([places]).scorer
    known = np.where(places < dataset.items, places, NO_TARGET).astype(np.int32)
    found = rank(
        scorer, np.array([NO_TARGET]), history_starts([known]), top=min(k, dataset.items), device="cpu"
    )  # one history: the CPU is as fast as any device
    masked = seen is Seen.MASK
    ids = (found.top_items_masked if masked else found.top_items)[0]
    values = (found.top_scores_masked if masked else found.top_scores)[0]
    entries = tuple(
        (scores.items[place].title, scores.items[place])
        if place < dataset.items
        else (free[place - dataset.items], None)
        for place in places.tolist()
    )
    best = [
        Recommendation(number + 1, scores.items[item], float(score))
        for number, (item, score) in enumerate(zip(ids.tolist(), values.tolist(), strict=True))
        if item >= 0
    ]
    return Query(entries), best


def _understand(catalogue: list[Item], texts: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Places of the texts in the catalogue followed by the free texts, and those free texts."""
    by_name: dict[str, int] = {}
    for item in reversed(catalogue):  # the first of several equal titles wins
        by_name[item.title.casefold()] = item.item
    by_name.update((item.key.casefold(), item.item) for item in catalogue if item.key.casefold() not in by_name)
    places: list[int] = []
    free: list[str] = []
    for text in texts:
        cleaned = clean_text(text, Alphabet.UNICODE)
        if not cleaned:
            raise BadInput(f"--history {text!r}: is empty once cleaned. Give a title or some words.")
        place = by_name.get(cleaned.casefold())
        if place is None:
            place = len(catalogue) + len(free)
            free.append(cleaned)
        places.append(place)
    return np.array(places, np.int32), free
