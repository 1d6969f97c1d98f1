"""Keyword search over titles as a baseline: a history asks with the words of its items' titles (Okapi BM25)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from bm25s import BM25
from bm25s.tokenization import Tokenized, tokenize
from scipy import sparse

from engine.scoring import Opening, Scored

WORD = r"(?u)\b\w+\b"  # single characters too: the 2 of "Toy Story 2" says a lot
STEP = 2.0**24  # see `Bm25Index`


class TitleScoring:
    """Scores are BM25 of an item's title for the words of all titles of the history."""

    device_name = "CPU"

    def __init__(self, given: Opening) -> None:
        self.items = given.items()
        self._index = Bm25Index([item.title for item in self.items])

    def score(self, histories: Sequence[np.ndarray], free_texts: Sequence[str] = ()) -> Scored:
        """A scorer for these histories, all of which is read."""
        return Scored(
            self._index.scorer(histories, free_texts), np.array([len(history) for history in histories], np.int32)
        )


class Bm25Index:
    """The words of a catalogue's titles, weighed once; `scorer` then answers for block after block of histories.

    Lucene's variant with its usual k1 = 1.5 and b = 0.75, words in lower case, neither stemmed nor stopped: titles are
    short and in many languages, and a word that is everywhere has next to no weight anyway.

    A weight is rounded to a multiple of 2⁻²⁴ (it is below 16 for up to 4 million titles, so it keeps the digits of
    fp32). Sums of such multiples are exact in fp64 whatever their order, as long as a history has fewer than 2²⁵ words:
    this is why scores have the same bits however they are asked for.
    """

    def __init__(self, titles: Sequence[str]) -> None:
        """titles: of the I items, in their order."""
        tokens = tokenize(list(titles), token_pattern=WORD, stopwords=[], show_progress=False, allow_empty=True)
        assert isinstance(tokens, Tokenized)
        self._vocabulary = tokens.vocab
        shape = (len(tokens.ids), max(1, len(tokens.vocab)))
        self.items = len(titles)
        self._counts = _rows(tokens.ids, shape)
        self._weights = sparse.csr_matrix((self.items, shape[1]))
        if any(tokens.ids):
            index = BM25(method="lucene", k1=1.5, b=0.75, dtype="float64")
            index.index((tokens.ids, tokens.vocab), create_empty_token=False, show_progress=False)
            found = (np.rint(index.scores["data"] * STEP) / STEP, index.scores["indices"], index.scores["indptr"])
            self._weights = sparse.csc_matrix(found, shape=(self.items, shape[1])).tocsr()

    def scorer(self, histories: Sequence[np.ndarray], texts: Sequence[str] = ()) -> Bm25Scorer:
        """A scorer whose events are these histories: places in titles and then `texts`, in any order, repeats counted.

        Words of the texts that no title has say nothing.
        """
        counts = self._counts
        if texts:
            counts = sparse.vstack(
                [counts, _rows([self._known(text) for text in texts], (len(texts), counts.shape[1]))]
            )
        asked = _rows([history.tolist() for history in histories], (len(histories), counts.shape[0]))
        return Bm25Scorer((asked @ counts).tocsr(), self._weights)  # [E, T] · [T, V] -> [E, V]

    def _known(self, text: str) -> list[int]:
        words = tokenize(text, token_pattern=WORD, stopwords=[], show_progress=False, return_ids=False)[0]
        return [self._vocabulary[word] for word in words if word in self._vocabulary]


class Bm25Scorer:
    """Scores histories against items, as `engine.ranking.scorers.Scorer` asks; blocks are exact.

    The score of an item is the sum, over the words of all titles of the history together, of the word's BM25 weight in
    the item's title. Every title counts alike, the newest no more than the oldest: BM25 knows no order, and a decay
    would be one more number to tune (the baseline `last-item` is the other extreme).
    """

    def __init__(self, queries: sparse.csr_matrix, weights: sparse.csr_matrix) -> None:
        """queries [E, V]: how often each history has each word; weights [I, V]: of each word in each title."""
        queries.sort_indices()  # looked up by bisection in `exact`
        self._queries, self._weights = queries, weights
        self._largest = np.asarray(queries.sum(axis=1)).ravel() * float(np.abs(weights.data).max(initial=0.0))
        self.events, self.items = queries.shape[0], weights.shape[0]

    def block(self, events: slice, items: slice, out: np.ndarray) -> np.ndarray:
        """out = weights · queriesᵀ, transposed  # [I, V] · [V, E] -> [I, E]"""
        out[...] = (self._weights[items] @ self._queries[events].T).T.toarray()
        return out

    def margin(self, events: slice) -> np.ndarray:
        """0: sums are exact in fp64, and their rounding to fp32 is the only one."""
        return np.zeros(len(range(*events.indices(self.events))), np.float64)

    def largest(self, events: slice) -> np.ndarray:
        """The number of words times the largest weight: no |score| of an event is above it, float64 [E]."""
        return self._largest[events]

    def exact(self, event_rows: np.ndarray, item_ids: np.ndarray) -> np.ndarray:
        """The same scores for pairs, over the words of each pair's item."""
        words = self._weights[item_ids]
        pair = np.repeat(np.arange(len(item_ids)), np.diff(words.indptr))
        counts = np.asarray(self._queries[event_rows[pair], words.indices]).ravel()
        return np.bincount(pair, weights=words.data * counts, minlength=len(item_ids)).astype(np.float32)


def _rows(positions: Sequence[Sequence[int]], shape: tuple[int, int]) -> sparse.csr_matrix:
    """How often each row names each place, float64 [rows, places]."""
    starts = np.concatenate(([0], np.cumsum([len(row) for row in positions], dtype=np.int64)))
    columns = np.fromiter((place for row in positions for place in row), np.int64, int(starts[-1]))
    counted = sparse.csr_matrix((np.ones(len(columns)), columns, starts), shape=shape)
    counted.sum_duplicates()
    return counted
