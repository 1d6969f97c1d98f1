"""Datasets small enough to rank by hand, written through the store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from store.dataset_writer import DatasetDraft, DatasetWriter
from store.enums import Split, SplitKind, Ties
from store.rows import Dataset
from store.workspace import Workspace

TITLES = ("Lamp", "Chair", "Desk", "Pen", "Lamp")
CATEGORIES = ("Home", "Home", "Office|Art", "Office", "Art")
A, B, C, D, E = range(5)
TRAIN, VALID, TEST = Split.TRAIN, Split.VALID, Split.TEST

# user, items oldest first, events as (items before the target, split). The train part is a user's items up to their
# last train event: u0 has A B there, u1 has A D, u2 (no train event) nothing. So pop counts A 2, B 1, C 0, D 1, E 0.
HISTORIES = (
    ("u0", (A, B, C), ((1, TRAIN), (2, TEST))),
    ("u1", (A, D, B, E), ((1, TRAIN), (2, TEST), (3, TEST))),
    ("u2", (B, A), ((1, TEST),)),
)


def five_items(folder: Path, name: str = "shop", titles: Sequence[str] = TITLES, domain: str = "Things") -> Workspace:
    """Five items, three users, two train and four test events; interactions are 10 ms apart, user after user."""
    workspace = Workspace(folder)
    add(workspace, name, titles, CATEGORIES, HISTORIES, domain=domain)
    return workspace


def many(folder: Path, *, users: int, items: int, name: str = "shop", seed: int = 0) -> Workspace:
    """Users with 4 to 12 random items; the last is the test target, the one before it a train target."""
    draw = np.random.default_rng(seed)
    words = ("red", "green", "blue", "lamp", "chair", "table", "wireless", "keyboard", "office", "home", "soft", "oak")
    titles = [f"{' '.join(draw.choice(words, 3))} {n}" for n in range(items)]
    histories = []
    for user in range(users):
        chosen = draw.permutation(items)[: int(draw.integers(4, 13))].tolist()
        events = ((len(chosen) - 2, TRAIN), (len(chosen) - 1, TEST))
        histories.append((f"user{user:05d}", tuple(chosen), events))
    workspace = Workspace(folder)
    add(workspace, name, titles, ["Things"] * items, histories)
    return workspace


def add(
    workspace: Workspace,
    name: str,
    titles: Sequence[str],
    categories: Sequence[str],
    histories: Sequence[tuple[str, Sequence[int], Sequence[tuple[int, Split]]]],
    *,
    domain: str = "Things",
    ties: Ties = Ties.FILE,
    audit: dict[str, Any] | None = None,
) -> Dataset:
    """One dataset: item n has the key `k<n>` and the n-th title."""
    draft = DatasetDraft(
        name=name, request=name, platform="table", domain=domain, synthetic=False, source={"files": []},
        split=SplitKind.GIVEN, split_settings={}, timed=True, ties=ties,
    )  # fmt: skip
    sequences, events = [], []
    clock = 0
    for user, (_, chosen, marks) in enumerate(histories):
        times = clock + 10 * np.arange(1, len(chosen) + 1)
        clock = int(times[-1])
        train = max((length + 1 for length, split in marks if split is TRAIN), default=0)
        sequences.append((user, user, train, np.array(chosen, "<i4").tobytes(), times.astype("<i8").tobytes(), None))
        for length, split in marks:
            events.append((len(events), user, user, length, chosen[length], int(times[length]), None, split.value))
    with workspace.write() as db, DatasetWriter(db, draft) as writer:
        writer.add(
            "item",
            (
                (n, f"k{n}", title, f"all about {title[:50]}", category, "{}")
                for n, (title, category) in enumerate(zip(titles, categories, strict=True))
            ),
        )
        writer.add("user", ((user, key) for user, (key, _, _) in enumerate(histories)))
        writer.add("sequence", sequences)
        writer.add("event", events)
        return writer.finish(
            fingerprint=f"content of {'|'.join(titles)[:1000]} {len(events)}", interactions=clock // 10,
            dropped={}, audit=audit or {}, replace=False,
        )  # fmt: skip
