"""Exact ranks and best items over a whole catalogue, in bounded memory.

A fast fp32 product of a block of events and a block of items is off by at most a proven margin. It decides every
item that is further from the target than that; the few inside are scored again by the canonical score, whose bits
depend on nothing but the two vectors. So the ranks are those of the canonical score, bit for bit, whatever the
blocks, threads or device.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch

from engine.ranking import tensor_sweep
from engine.ranking.ranked import NO_ITEM, Ranked
from engine.ranking.scan import CHUNK
from engine.ranking.scorers import Scorer, TensorScorer, full_precision
from engine.ranking.seen import Seen
from engine.ranking.shared_scores import SharedScorer, count_ranks
from engine.ranking.sweep import Sweep
from store.errors import BadInput

TOP = 50  # the largest cut-off of the metrics
EVENT_BLOCK = 512  # rows of a matrix product: enough for full speed, and for reading each item vector rarely
BLOCK_SCORES = 1 << 19  # scores of a block on CPU: 2 MB, which stay in a core's cache from product to scan
TENSOR_EVENT_BLOCK = 2_048
TENSOR_BLOCK_SCORES = 1 << 25  # scores of a block on an accelerator: 128 MB, and at most 1 GB of what derives from it

Progress = Callable[[int, int], None]  # events done, events in all


def rank(
    scorer: Scorer,
    targets: np.ndarray,
    seen: tuple[np.ndarray, np.ndarray],
    *,
    top: int = TOP,
    device: str = "cpu",
    threads: int | None = None,
    event_block: int | None = None,
    item_block: int | None = None,
    tensors: bool | None = None,
    progress: Progress | None = None,
) -> Ranked:
    """Rank every event's target among all items of the scorer, and find the `top` best items.

    targets: int32 [E], the item each event's user chose; −1 where that is no candidate (or there is no target, as
    for a recommendation). seen: starts int64 [E + 1] and items int32, the items each history held
    (row r: items[starts[r]:starts[r + 1]]; repeats count once, −1 is no candidate). The target stays a candidate
    even if it was seen. Further arguments decide speed and memory only: see `rank_blocks`.
    """
    found = Ranked.empty(len(targets), top)
    for rows, part in rank_blocks(
        scorer, targets, seen, top=top, device=device, threads=threads, event_block=event_block,
        item_block=item_block, tensors=tensors, progress=progress,
    ):  # fmt: skip
        found.put(rows, part)
    return found


def rank_blocks(
    scorer: Scorer,
    targets: np.ndarray,
    seen: tuple[np.ndarray, np.ndarray],
    *,
    top: int = TOP,
    device: str = "cpu",
    threads: int | None = None,
    event_block: int | None = None,
    item_block: int | None = None,
    tensors: bool | None = None,
    progress: Progress | None = None,
) -> Generator[tuple[slice, Ranked], None, None]:
    """The same as `rank`, block of events after block, in order, each as soon as it is finished.

    A `SharedScorer` is ranked by counting. threads: blocks of events worked on at once on CPU (default: torch's
    thread count). event_block, item_block: rows and columns of a block of scores. tensors: sweep with tensors on
    `device` (default: where that is not the CPU and both scorer and device can; MPS has no fp64). progress is called
    with events done and in all.
    BadInput where targets, seen items or sizes do not fit the scorer.
    """
    targets = _checked(scorer, targets, {"top": top, "threads": threads, "events": event_block, "items": item_block})
    met = Seen.of(seen, scorer.events, scorer.items)
    if not scorer.items:
        raise BadInput("There is no item to rank. Ingest a dataset with items first.")
    if isinstance(scorer, SharedScorer):
        blocks = count_ranks(scorer, targets, met, top)
    else:
        blocks = _swept(scorer, targets, met, top, device, threads, event_block, item_block, tensors)
    with full_precision():
        for rows, part in blocks:
            if progress:
                progress(rows.stop, scorer.events)
            yield rows, part


def _swept(
    scorer: Scorer,
    targets: np.ndarray,
    met: Seen,
    top: int,
    device: str,
    threads: int | None,
    event_block: int | None,
    item_block: int | None,
    tensors: bool | None,
) -> Iterator[tuple[slice, Ranked]]:
    place = torch.device(device)
    wanted = place.type != "cpu" if tensors is None else tensors
    if wanted and place.type != "mps" and isinstance(scorer, TensorScorer):
        return _on_device(scorer, targets, met, top, place, event_block, item_block)
    return _on_cpu(scorer, targets, met, top, threads or torch.get_num_threads(), event_block, item_block)


def _checked(scorer: Scorer, targets: np.ndarray, sizes: dict[str, int | None]) -> np.ndarray:
    for name, size in sizes.items():
        if size is not None and size < 1:
            raise BadInput(f"Ranking with {name} = {size}: it must be 1 or more.")
    if targets.shape != (scorer.events,):
        raise BadInput(f"Targets of shape {targets.shape} for {scorer.events} events: one item id per event is needed.")
    if len(targets) and not NO_ITEM <= targets.min() <= targets.max() < scorer.items:
        raise BadInput(
            f"Targets reach from {targets.min()} to {targets.max()}; allowed are 0 to {scorer.items - 1}, "
            "and −1 for a target outside the candidates."
        )
    return targets.astype(np.int32)


def _on_cpu(
    scorer: Scorer, targets: np.ndarray, seen: Seen, top: int, threads: int, events: int | None, items: int | None
) -> Generator[tuple[slice, Ranked], None, None]:
    """One block of events per thread, each with single-threaded products: product and scan of threads overlap."""
    size = events or max(1, min(EVENT_BLOCK, -(-scorer.events // threads)))
    width = items or max(BLOCK_SCORES // size, 8 * CHUNK)
    stop = threading.Event()

    def work(rows: slice) -> Ranked:
        chosen = targets[rows]
        sweep = Sweep(scorer, rows, chosen, seen.masks(rows, chosen), top)
        buffer = np.empty(len(chosen) * _padded(min(width, scorer.items)), np.float32)
        for first in range(0, scorer.items, width):
            if stop.is_set():
                break
            n = min(width, scorer.items - first)
            scores = buffer[: len(chosen) * _padded(n)].reshape(len(chosen), _padded(n))
            scorer.block(rows, slice(first, first + n), scores[:, :n])
            sweep.take(scores, first, n)
        return sweep.finish()

    before = torch.get_num_threads()
    pool = ThreadPoolExecutor(threads, "rank", initializer=torch.set_num_threads, initargs=(1,))
    running: deque[tuple[slice, Future[Ranked]]] = deque()
    try:
        for rows in _blocks(scorer.events, size):
            running.append((rows, pool.submit(work, rows)))
            if len(running) > 2 * threads:
                done, future = running.popleft()
                yield done, future.result()
        while running:
            done, future = running.popleft()
            yield done, future.result()
    finally:
        stop.set()  # an interrupt ends each worker after its block of items, and does not wait for the catalogue
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(before)  # a worker's 1 would otherwise become the default of threads to come


def _on_device(
    scorer: TensorScorer,
    targets: np.ndarray,
    seen: Seen,
    top: int,
    device: torch.device,
    events: int | None,
    items: int | None,
) -> Generator[tuple[slice, Ranked], None, None]:
    size = events or min(TENSOR_EVENT_BLOCK, max(1, scorer.events))
    width = items or max(1, TENSOR_BLOCK_SCORES // size)
    for rows in _blocks(scorer.events, size):
        chosen = targets[rows]
        masks = seen.masks(rows, chosen)
        yield rows, tensor_sweep.sweep(scorer, rows, chosen, masks, top, width, device)


def _blocks(events: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, events)) for start in range(0, events, size))


def _padded(width: int) -> int:
    return -(-width // CHUNK) * CHUNK
