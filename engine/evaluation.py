"""Evaluate a model on a dataset: score every event against the whole catalogue, rank, measure, store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Any

import numpy as np

from engine.baselines.stored import trained_baseline
from engine.encoding.device import Precision, choose_device, fast_precision
from engine.measuring.measures import RankPairs, measure_slices
from engine.measuring.slices import slices
from engine.models import open_model, text_model
from engine.progress import Progress, silent
from engine.protocol import EvaluationOptions, Measured, protocol
from engine.ranking.rank import rank_blocks
from engine.registry import spec_of
from engine.scoring import HISTORIES_AT_ONCE, Scoring, scoring
from store import datasets
from store.enums import Split
from store.errors import BadInput, Failed, Problem
from store.evaluations import EvaluationWriter, evaluation_key, find_evaluation
from store.rows import Dataset, Evaluation, Events, Model, Ranks
from store.workspace import Workspace


def evaluate(
    workspace: Workspace,
    model_name: str,
    dataset_name: str,
    options: EvaluationOptions,
    progress: Progress = silent,
    *,
    histories_at_once: int = HISTORIES_AT_ONCE,
) -> Evaluation:
    """The evaluation of a model on a dataset under these options: found in the store, or made and stored.

    Vectors are stored as they are made, so an interrupted evaluation goes on where it stopped. `histories_at_once`
    (≥ 1) decides memory only: ranks are those of the stored vectors, bit for bit. `Failed` where the dataset is
    replaced or removed meanwhile.
    """
    with workspace.read() as db:
        dataset = datasets.dataset(db, dataset_name)
    try:
        return _evaluate(workspace, model_name, dataset, options, progress, histories_at_once)
    except Exception as error:
        if _is_stored(workspace, dataset):
            raise
        raise Failed(
            f"{dataset.name} was replaced or removed while {model_name} was evaluated on it. Nothing of that was "
            "stored; `st5 datasets` shows what there is now. Then run the same command again."
        ) from error


def _is_stored(workspace: Workspace, dataset: Dataset) -> bool:
    """Whether this very dataset is still in the workspace, under its name; True where that cannot be read."""
    try:
        with workspace.read() as db:
            return datasets.dataset(db, dataset.name).id == dataset.id
    except BadInput:
        return False
    except Problem:
        return True


def _evaluate(
    workspace: Workspace,
    model_name: str,
    dataset: Dataset,
    options: EvaluationOptions,
    progress: Progress,
    histories_at_once: int,
) -> Evaluation:
    with workspace.read() as db:
        count = datasets.count_events(db, dataset.id, options.split)
    if count == 0:
        raise BadInput(
            f"{dataset.name} has no {options.split} events (it has {_having(dataset)}). "
            "Choose another --split, or ingest it with other split boundaries."
        )
    from engine.audit.leakage import refuse_leakage

    model = open_model(workspace, model_name, device=options.device, precision=options.precision)
    with workspace.read() as db:
        refuse_leakage(db, model, dataset, options.split)
    found = _stored(workspace, model, dataset, options, count)
    if found is not None:
        return found
    started = monotonic()
    precision = _precision(options)
    rules = _rules(workspace, model, dataset, options, count, precision)
    key = evaluation_key(model, dataset, options.split, rules)
    with workspace.lock(f"evaluation-{key}"), workspace.write() as db:
        found = find_evaluation(db, key)  # another process may have made it while this one waited
        if found is not None:
            return found
        events = datasets.events(db, dataset.id, options.split, _sample(options, count))
        scores = scoring(
            workspace, db, model, dataset, options.text_format, progress, device=options.device, precision=precision
        )
        with EvaluationWriter(
            db,
            key=key,
            model=model,
            dataset=dataset,
            split=options.split,
            protocol=rules,
            candidates=dataset.items,
        ) as writer:
            pairs: list[RankPairs] = []
            for ranks in _ranks(scores, events, progress, options, histories_at_once):
                writer.add(ranks)
                pairs.append(RankPairs.of([ranks]))
            progress("measuring", 0, 0)
            joined = RankPairs.of(pairs)
            parts = slices(db, dataset, scores.items, events, joined.visible)
            return writer.finish(
                measure_slices(joined, events.user, parts, dataset.items),
                seconds=monotonic() - started,
                device=scores.device_name,
            )


class JointProgress:
    """One progress over several evaluations, which only moves forward.

    pairs: model and dataset names in the order of the work; it begins with the first. sizes: (items, events) of each
    pair, from which its share of the whole follows: a sentence to encode or an event to rank counts as one.
    """

    def __init__(self, progress: Progress, pairs: Sequence[tuple[str, str]], sizes: Sequence[tuple[int, int]]) -> None:
        self._progress = progress
        self._pairs, self._sizes = pairs, sizes
        self._units = [items + 2 * events for items, events in sizes]
        self._number = -1
        self._part = self._ranked = 0.0

    def next(self) -> None:
        """The next pair begins; the one before is done."""
        self._number += 1
        self._part = self._ranked = 0.0
        self("opening the model", 0, 0)

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Report a stage of `evaluate` as a place on the whole scale."""
        items, events = self._sizes[self._number]
        fraction = done / total if total else 0.0
        catalogue = items / max(1, items + 2 * events)  # the share of a pair that reads its items
        if stage == "encoding items":
            part = catalogue * fraction
        elif stage == "encoding histories":  # of a block of events, which are ranked before the next block is read
            block = min(1.0, HISTORIES_AT_ONCE / max(1, events))
            part = catalogue + (1 - catalogue) * (self._ranked + block * fraction / 2)
        elif stage == "ranking":
            self._ranked = fraction
            part = catalogue + (1 - catalogue) * fraction
        else:
            part = 0.0
        self._part = max(self._part, min(1.0, part))
        model, dataset = self._pairs[self._number]
        number = f" ({self._number + 1} of {len(self._pairs)})" if len(self._pairs) > 1 else ""
        finished = sum(self._units[: self._number]) + self._part * self._units[self._number]
        self._progress(f"{model} on {dataset}{number}: {stage}", int(finished), max(1, sum(self._units)))


def history_starts(histories: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Histories end to end: starts int64 [E + 1] and items int32, as the ranking takes seen items."""
    starts = np.concatenate(([0], np.cumsum([len(history) for history in histories]))).astype(np.int64)
    items = np.concatenate([np.zeros(0, np.int32), *histories]).astype(np.int32)
    return starts, items


def _ranks(
    scores: Scoring, events: Events, progress: Progress, options: EvaluationOptions, at_once: int
) -> Iterator[Ranks]:
    device = str(choose_device(options.device))
    for start in range(0, len(events), at_once):
        rows = range(start, min(start + at_once, len(events)))
        histories = [_history(events, row, options.shuffle) for row in rows]
        scored = scores.score(histories)
        targets = events.item[rows.start : rows.stop]
        for part, ranked in rank_blocks(scored.scorer, targets, history_starts(histories), device=device):
            numbers = events.event[rows.start + part.start : rows.start + part.stop]
            progress("ranking", start + part.stop, len(events))
            yield ranked.stored(numbers, scored.visible[part])


def _history(events: Events, row: int, shuffle: int | None) -> np.ndarray:
    """The history of an event, in its own order or in one drawn for this event alone, whatever else is asked."""
    own = events.history(row)
    return own if shuffle is None else np.random.default_rng([shuffle, int(events.event[row])]).permutation(own)


def _stored(
    workspace: Workspace, model: Model, dataset: Dataset, options: EvaluationOptions, count: int
) -> Evaluation | None:
    """A stored evaluation that answers the question; without a wish for a precision, either will do."""
    wanted = list(Precision) if options.precision == "auto" else [Precision(options.precision)]
    for precision in wanted:
        rules = _rules(workspace, model, dataset, options, count, precision)
        with workspace.read() as db:
            found = find_evaluation(db, evaluation_key(model, dataset, options.split, rules))
        if found is not None:
            return found
    return None


def _rules(
    workspace: Workspace, model: Model, dataset: Dataset, options: EvaluationOptions, count: int, precision: Precision
) -> dict[str, Any]:
    reader = text_model(workspace, model)
    trained = None
    if spec_of(model).trained:
        with workspace.read() as db:
            trained = trained_baseline(db, model, dataset)
    return protocol(Measured(model, dataset, reader, options.text_format, precision, trained), options, count)


def _precision(options: EvaluationOptions) -> Precision:
    """What an encoder on the chosen device works in."""
    return (
        fast_precision(choose_device(options.device)) if options.precision == "auto" else Precision(options.precision)
    )


def _sample(options: EvaluationOptions, count: int) -> np.ndarray | None:
    if not 0 < options.sample < count:
        return None
    return np.sort(np.random.default_rng(options.seed).choice(count, options.sample, replace=False))


def _having(dataset: Dataset) -> str:
    return ", ".join(f"{dataset.events.get(split, 0)} {split}" for split in Split)
