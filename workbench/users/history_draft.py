"""A history while it is edited: entries that can be dropped, added and moved, each step undone."""

from __future__ import annotations

from dataclasses import dataclass, replace

from store.rows import Item
from workbench.ui.display import title


@dataclass(frozen=True)
class HistoryEntry:
    """An item of the catalogue, or words if there is none; `number` stays its own wherever it is moved."""

    number: int
    item: Item | None
    words: str = ""

    @property
    def label(self) -> str:
        return title(self.item) if self.item is not None else self.words


@dataclass(frozen=True)
class HistoryDraft:
    """Entries oldest first, behind `older` items that are too many to show and stay as they are.

    `first` are the entries as they were, `steps` those before each change, the newest last.
    """

    older: tuple[int, ...]
    first: tuple[HistoryEntry, ...]
    entries: tuple[HistoryEntry, ...]
    steps: tuple[tuple[HistoryEntry, ...], ...] = ()
    added: int = 0

    @classmethod
    def of(cls, items: tuple[Item, ...], older: tuple[int, ...] = ()) -> HistoryDraft:
        """A draft of a history as it is stored."""
        entries = tuple(HistoryEntry(number, item) for number, item in enumerate(items))
        return cls(older, entries, entries)

    @property
    def query(self) -> tuple[int | str, ...]:
        """The history as the engine takes it."""
        return (*self.older, *(e.item.item if e.item is not None else e.words for e in self.entries))

    @property
    def changed(self) -> bool:
        return self.entries != self.first

    def dropped(self, index: int) -> HistoryDraft:
        """Without the entry at a place."""
        return self._with((*self.entries[:index], *self.entries[index + 1 :]))

    def grown(self, index: int, item: Item | None, words: str = "") -> HistoryDraft:
        """With a new entry at a place."""
        entry = HistoryEntry(len(self.first) + self.added, item, words)
        grown = self._with((*self.entries[:index], entry, *self.entries[index:]))
        return replace(grown, added=self.added + 1)

    def moved(self, index: int, step: int) -> HistoryDraft:
        """With the entry at a place a step later or earlier; at the ends nothing moves."""
        to = index + step
        if not (0 <= index < len(self.entries) and 0 <= to < len(self.entries)):
            return self
        entries = list(self.entries)
        entries[index], entries[to] = entries[to], entries[index]
        return self._with(tuple(entries))

    def undone(self) -> HistoryDraft:
        """As it was before the newest change."""
        if not self.steps:
            return self
        return replace(self, entries=self.steps[-1], steps=self.steps[:-1])

    def reset(self) -> HistoryDraft:
        """As it was at first; this can be undone too."""
        return self._with(self.first) if self.changed else self

    def _with(self, entries: tuple[HistoryEntry, ...]) -> HistoryDraft:
        return replace(self, entries=entries, steps=(*self.steps, self.entries))
