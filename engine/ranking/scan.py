"""Compiled loops of the ranking: one reading of a block of scores counts, bounds and keeps what matters.

All run without the interpreter's lock, so each thread of the ranking scans its own block.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numba import njit

CHUNK = 64  # scores per vectorised step: a constant length is what lets the compiler unroll (3 × the speed)
LOWEST = np.float32(
    np.finfo(np.float32).min
)  # below every score that may be kept, above −inf, which marks no candidate


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile without the interpreter's lock, kept on disk where some folder for that can be written."""
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:  # numba found neither the package's folder nor the user's cache writable
        return njit(nogil=True)(function)


@compiled
def canonical(queries: np.ndarray, items: np.ndarray, rows: np.ndarray, ids: np.ndarray, out: np.ndarray) -> None:
    """The canonical score of pairs: out[n] = queries[rows[n]] · items[ids[n]].

    Products in fp64 (exact for fp32 entries), padded with zeros to a power of two, folded in halves, rounded to
    fp32 at the end. Every step is element-wise, so the bits depend on no library, block, thread or device.
    queries float32 [E, D], items float32 [I, D], rows int64 [N], ids int32 [N], out float32 [N].
    """
    width = queries.shape[1]
    padded = 1
    while padded < width:
        padded *= 2
    fold = np.zeros(padded, np.float64)
    for n in range(len(rows)):
        row, item = rows[n], ids[n]
        for d in range(width):
            fold[d] = np.float64(queries[row, d]) * np.float64(items[item, d])
        fold[width:] = 0.0
        half = padded // 2
        while half > 0:
            for d in range(half):
                fold[d] = fold[d] + fold[d + half]
            half //= 2
        out[n] = np.float32(fold[0]) + np.float32(0.0)  # −0 becomes 0


@compiled
def hide(scores: np.ndarray, first: int, width: int, starts: np.ndarray, items: np.ndarray, cursor: np.ndarray) -> None:
    """Set the seen items of a block to −inf.

    scores float32 [E, ≥ width] are items first … first+width−1; row r has seen, ascending,
    items[starts[r]:starts[r + 1]]; cursor int64 [E] is where each row stands and moves on.
    """
    for r in range(len(cursor)):
        at = cursor[r]
        while at < starts[r + 1] and items[at] < first + width:
            scores[r, items[at] - first] = -np.inf
            at += 1
        cursor[r] = at


@compiled
def compact(scores: np.ndarray, items: np.ndarray, n: int, top: int, slack: float, floor: float) -> tuple[int, float]:
    """Drop from a row's n kept items those that cannot be among its `top` best; the new n and floor.

    `slack` is twice the margin: an item that far below the top-th score is beaten for certain. With slack 0 scores
    are exact and ties go to the earlier item, which the order of the buffer is.
    """
    if n < top:
        return n, floor
    last = np.partition(scores[:n], n - top)[n - top]
    kept = 0
    if slack == 0.0:
        spare = top
        for i in range(n):
            if scores[i] > last:
                spare -= 1
        for i in range(n):
            if scores[i] > last or (scores[i] == last and spare > 0):
                if scores[i] == last:
                    spare -= 1
                scores[kept], items[kept] = scores[i], items[i]
                kept += 1
        return kept, np.nextafter(last, np.float32(np.inf))
    bar = max(floor, np.nextafter(np.float32(np.float64(last) - slack), np.float32(-np.inf)))
    for i in range(n):
        if scores[i] >= bar:
            scores[kept], items[kept] = scores[i], items[i]
            kept += 1
    return kept, bar


@compiled
def leap(scores: np.ndarray, start: int, width: int, low: float, high: float, bar: float) -> tuple[int, int, int, int]:
    """Leap over chunks of a row that hold nothing in [low, high] and nothing of at least `bar`.

    Answers where the next chunk of interest starts (or `width`), how many scores before it lie above `high`, and
    how many of its own lie above `high` and in [low, high]. Nothing but counting happens here: it is what most of
    the time goes to, and small enough for the compiler to keep in vector registers.
    """
    passed = 0
    while start < width:
        chunk = scores[start : start + CHUNK]
        above, reached, high_enough = np.int32(0), np.int32(0), np.int32(0)
        for j in range(CHUNK):
            x = chunk[j]
            above = np.int32(above + np.int32(x > high))
            reached = np.int32(reached + np.int32(x >= low))
            high_enough = np.int32(high_enough + np.int32(x >= bar))
        if reached != above or high_enough > 0:
            return start, passed, int(above), int(reached - above)
        passed += int(above)
        start += CHUNK
    return width, passed, 0, 0


@compiled
def scan(
    scores: np.ndarray,
    width: int,
    first: int,
    row: int,
    column: int,
    low: np.ndarray,
    high: np.ndarray,
    slack: np.ndarray,
    top: int,
    better: np.ndarray,
    tied: np.ndarray,
    near_rows: np.ndarray,
    near_items: np.ndarray,
    near: np.ndarray,
    best_scores: np.ndarray,
    best_items: np.ndarray,
    kept: np.ndarray,
    floor: np.ndarray,
) -> tuple[int, int]:
    """Read a block of scores once, from (row, column) on; answer where it stopped, (E, 0) at the end.

    Per row: scores above `high` are counted as better; those in [low, high] are listed in near_rows, near_items
    (`near[0]` of them) to be scored exactly, or counted as tied where slack is 0; those of at least `floor` are
    kept as candidates for the top. It stops where a list is full: the caller empties it and calls again.

    scores float32 [E, W], width a multiple of CHUNK, first the id of column 0. low, high, floor float32 [E];
    slack float64 [E]; better, tied, kept int64 [E]; best_scores float32, best_items int32 [E, C].
    """
    capacity = best_scores.shape[1]
    for r in range(row, scores.shape[0]):
        lowest, highest = low[r], high[r]
        start = column if r == row else 0
        while start < width:
            start, passed, above, between = leap(scores[r], start, width, lowest, highest, floor[r])
            better[r] += passed
            if start == width:
                break
            if kept[r] + CHUNK > capacity:
                kept[r], floor[r] = compact(best_scores[r], best_items[r], kept[r], top, slack[r], floor[r])
            if kept[r] + CHUNK > capacity or near[0] + CHUNK > len(near_rows):
                return r, start
            better[r] += above
            if slack[r] == 0.0:
                tied[r] += between
            elif between > 0:
                for j in range(CHUNK):
                    if lowest <= scores[r, start + j] <= highest:
                        near_rows[near[0]] = r
                        near_items[near[0]] = first + start + j
                        near[0] += 1
            for j in range(CHUNK):
                if scores[r, start + j] >= floor[r]:
                    best_scores[r, kept[r]] = scores[r, start + j]
                    best_items[r, kept[r]] = first + start + j
                    kept[r] += 1
            start += CHUNK
    return scores.shape[0], 0


@compiled
def count_better(
    rows: np.ndarray,
    items: np.ndarray,
    scores: np.ndarray,
    targets: np.ndarray,
    target_scores: np.ndarray,
    better: np.ndarray,
    tied: np.ndarray,
) -> None:
    """Count pairs with canonical scores as better than or tied with their row's target; the target is skipped.

    rows, items int32 [N], scores float32 [N]; targets int32 [E], target_scores float32 [E]; better, tied int64 [E].
    """
    for n in range(len(rows)):
        r = rows[n]
        if items[n] == targets[r]:
            continue
        if scores[n] > target_scores[r]:
            better[r] += 1
        elif scores[n] == target_scores[r]:
            tied[r] += 1


@compiled
def best(
    rows: np.ndarray, items: np.ndarray, scores: np.ndarray, top_items: np.ndarray, top_scores: np.ndarray
) -> None:
    """Merge pairs into each row's best, ordered by score, then by item; a row must not meet an item twice.

    rows, items int32 [N], scores float32 [N] in any order; top_items int32, top_scores float32 [E, K], filled
    with −1 and −inf where there is nothing yet.
    """
    size = top_items.shape[1]
    for n in range(len(rows)):
        r, item, score = rows[n], items[n], scores[n]
        at = size
        while at > 0 and (
            top_items[r, at - 1] < 0
            or score > top_scores[r, at - 1]
            or (score == top_scores[r, at - 1] and item < top_items[r, at - 1])
        ):
            at -= 1
        if at == size:
            continue
        for i in range(size - 1, at, -1):
            top_items[r, i], top_scores[r, i] = top_items[r, i - 1], top_scores[r, i - 1]
        top_items[r, at], top_scores[r, at] = item, score
