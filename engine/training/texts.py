"""The sentences of a phase as token ids: each distinct sentence is kept once and has a number."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from engine.progress import Progress, silent
from engine.text.sentences import Renderer, Sentence

# The tokenizer needs some 200 bytes a token while it works: 0.1 GB for this many histories of 255 tokens. Chunks of
# 8,192 take 0.4 GB and were not faster.
SENTENCES_PER_CHUNK = 2_048


@dataclass(frozen=True)
class Texts:
    """Distinct token sequences, special tokens included: text t is `ids[starts[t]:starts[t + 1]]`.

    ids int32 [tokens], starts int64 [T + 1].
    """

    ids: np.ndarray
    starts: np.ndarray

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each text, int64 [T]."""
        return np.diff(self.starts)

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, text: int) -> np.ndarray:
        """The token ids of one text, int32 [L], a view."""
        if not 0 <= text < len(self):
            raise IndexError(f"There are {len(self)} texts, numbered from 0; {text} is not one of them.")
        return self.ids[self.starts[text] : self.starts[text + 1]]


class TextTable:
    """Collects token sequences; equal ones get the same number.

    Four bytes a token and some 150 a text: 300,000 texts of 255 tokens take 0.35 GB.
    """

    def __init__(self) -> None:
        self._ids = array("i")
        self._starts = array("q", [0])
        self._numbers: dict[bytes, int] = {}

    def __len__(self) -> int:
        return len(self._numbers)

    def add(self, ids: Sequence[int]) -> int:
        """The number of this sequence, counted from 0 in the order of first appearance."""
        tokens = array("i", ids)
        number = self._numbers.setdefault(_digest(tokens.tobytes()), len(self._numbers))
        if number == len(self._starts) - 1:
            self._ids.extend(tokens)
            self._starts.append(len(self._ids))
        return number

    def copy(self) -> TextTable:
        """Another table with the same texts, to which more can be added."""
        other = TextTable()
        other._ids = array("i", self._ids)
        other._starts = array("q", self._starts)
        other._numbers = dict(self._numbers)
        return other

    def texts(self) -> Texts:
        """All texts so far, without a copy: nothing can be added to the table while they are in use."""
        ids = np.frombuffer(self._ids, np.int32) if self._ids else np.zeros(0, np.int32)
        return Texts(ids, np.frombuffer(self._starts, np.int64))


class SentenceTexts:
    """Items and histories as numbers of texts; each distinct one is tokenised once."""

    def __init__(self, renderer: Renderer, progress: Progress = silent) -> None:
        self._renderer = renderer
        self._progress = progress
        self._table = TextTable()
        self._known: dict[bytes, int] = {}

    def copy(self) -> SentenceTexts:
        """The same texts, with others to come."""
        other = SentenceTexts(self._renderer, self._progress)
        other._table = self._table.copy()
        other._known = dict(self._known)
        return other

    def texts(self) -> Texts:
        """All texts so far; ask for the last time last, since nothing can be added while they are in use."""
        return self._table.texts()

    def items(self, bodies: Sequence[str]) -> np.ndarray:
        """The numbers (int32 [N]) of the item sentences of these texts (`Title: …`)."""
        keys = [_digest(b"item", body.encode(errors="surrogatepass")) for body in bodies]
        return self._numbers(keys, lambda rows: self._renderer.texts([bodies[row] for row in rows]))

    def histories(self, number: int, bodies: Sequence[str], histories: Sequence[np.ndarray]) -> np.ndarray:
        """The numbers (int32 [N]) of these histories' sentences.

        number: which dataset; bodies: what is said of each of its items; histories: item ids int32, oldest first,
        none empty.
        """
        longest = self._renderer.budget  # every item takes a token at least, so older ones cannot be read
        dataset = b"history%d" % number
        keys = [_digest(dataset, history[-longest:].tobytes()) for history in histories]
        return self._numbers(
            keys,
            lambda rows: self._renderer.histories(bodies, [histories[row][-longest:].tolist() for row in rows]),
        )

    def _numbers(self, keys: Sequence[bytes], render: Callable[[list[int]], list[Sentence]]) -> np.ndarray:
        fresh: dict[bytes, int] = {}
        for row, key in enumerate(keys):
            if key not in self._known:
                fresh.setdefault(key, row)
        rows = list(fresh.values())
        for start in range(0, len(rows), SENTENCES_PER_CHUNK):
            part = rows[start : start + SENTENCES_PER_CHUNK]
            self._progress("tokenising", start, len(rows))
            for row, sentence in zip(part, render(part), strict=True):
                self._known[keys[row]] = self._table.add(sentence.ids)
        if rows:
            self._progress("tokenising", len(rows), len(rows))
        return np.fromiter((self._known[key] for key in keys), np.int32, len(keys))


def _digest(*parts: bytes) -> bytes:
    digest = blake2b(digest_size=16)
    for part in parts:
        digest.update(part)
    return digest.digest()
