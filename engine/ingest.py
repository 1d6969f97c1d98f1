"""From a source to a stored dataset, once per content of its files and options."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from engine.dataset_name import check_name
from engine.preparation.catalogue import BLOCK_ROWS, catalogue_blocks
from engine.preparation.cleaning import Alphabet
from engine.preparation.duplicates import duplicates
from engine.preparation.prepare import Choices, Prepared, prepare
from engine.preparation.splits import ORDER, PUBLIC_T1, PUBLIC_T2
from engine.progress import Progress, silent
from engine.sources.source_data import SourceData
from store.arrays import settings_hash
from store.dataset_writer import COLUMNS, DatasetDraft, DatasetWriter, remove_unfinished, taken
from store.datasets import dataset as stored_dataset
from store.datasets import find_request
from store.enums import SplitKind, Ties
from store.errors import BadInput, Failed
from store.evaluations import evaluations
from store.rows import Dataset
from store.workspace import Workspace

PREPARATION_VERSION = 3  # raise it when the same files and options would be stored differently
ENGLISH_PLATFORMS = ("amazon23", "yelp", "synthetic")  # cleaned to ASCII, as the thesis does
PUBLIC_BOUNDARIES = ("amazon23", "synthetic")
ITEM_HASH_BYTES = 16
CATEGORY = COLUMNS["item"].index("category")
Content = Any  # hashlib's objects have no public type


@dataclass(frozen=True)
class Arranged:
    """Which dataset (its id) this one is a copy of, and the order of its events of one time, in words."""

    dataset: int
    words: str


@dataclass(frozen=True)
class IngestOptions:
    """How to prepare a source. `split` and `text` default by source; `caps` are the most events of train, valid, test.

    t1 and t2 are ms since 1970: train < t1 <= valid < t2 <= test. `seed` decides what a cap keeps, and the order of
    events that share a time. `ties` defaults to shuffle where times are read, else to file. `arranged` is for
    `engine.rearranging`.
    """

    name: str
    split: SplitKind | None = None
    t1: int | None = None
    t2: int | None = None
    caps: tuple[int, int, int] | None = None
    seed: int = 0
    text: Alphabet | None = None
    replace: bool = False
    ties: Ties | None = None
    arranged: Arranged | None = None


def ingest(
    workspace: Workspace,
    raw: SourceData,
    options: IngestOptions,
    progress: Progress = silent,
    tell: Callable[[str], None] = lambda words: None,
) -> Dataset:
    """Store the source as dataset `options.name` and return it; what is there already is not made again.

    `tell` gets words for people. Raises BadInput for options that do not fit the source, a name that other content
    has, and a source without events. Until the last step nothing of it is visible, and a failure leaves nothing.
    """
    _check(options, raw)
    for note in raw.notes:
        tell(f"{options.name}: {note}")
    choices = _choices(raw, options)
    if raw.timed and options.ties is None and choices.ties is Ties.FILE:
        tell(f"{options.name}: histories are as the files give them; events of one time keep their order there.")
    hashes = _file_hashes(raw.files, progress)
    request = settings_hash([PREPARATION_VERSION, _described(raw), list(hashes.values()), asdict(choices)])
    if workspace.exists():
        with workspace.read() as db:
            there = _already(db, options, request, tell)
        if there is not None:
            return there
    progress("preparing", 0, 0)
    prepared = prepare(raw, choices)
    if prepared.split is not choices.split:
        tell(
            f"{options.name}: divided at {prepared.split_settings['note']}. "
            "Pass --split timestamp with --t1 and --t2 for dates of your own."
        )
    with workspace.write() as db, _lock(workspace, tell):
        remove_unfinished(db)
        there = _already(db, options, request, tell)  # another process may have made it while this one prepared
        source = _source(raw, choices, hashes)
        if there is not None:
            return there
        lost = len(evaluations(db, dataset=options.name, every=True))
        made = _write(db, raw, options, choices, prepared, source, request, progress)
        if lost:
            tell(f"{options.name}: replaced; evaluations deleted: {lost:,}.")
        return made


def default_split(raw: SourceData) -> SplitKind:
    """The split that fits the source best: the files' own, the public boundaries, quantiles, or leave-one-out."""
    if raw.given_split:
        return SplitKind.GIVEN
    if not raw.timed:
        return SplitKind.LEAVE_ONE_OUT
    return SplitKind.TIMESTAMP if raw.platform in PUBLIC_BOUNDARIES else SplitKind.QUANTILE


def default_ties(raw: SourceData, split: SplitKind) -> Ties:
    """`shuffle` wherever times decide; `file` where the files give an order of their own."""
    return Ties.SHUFFLE if raw.timed and split is not SplitKind.GIVEN else Ties.FILE


def _check(options: IngestOptions, raw: SourceData) -> None:
    if options.arranged is None:
        check_name(options.name)
    split = options.split or default_split(raw)
    if split is not SplitKind.TIMESTAMP and (options.t1 is not None or options.t2 is not None):
        raise BadInput(f"--t1 and --t2 belong to --split timestamp, not to {split}. Pass --split timestamp with them.")
    if options.ties in (Ties.SHUFFLE, Ties.STRICT):
        _check_times(options.ties, split, raw)
    if options.caps is not None and min(options.caps) < 0:
        raise BadInput(f"--caps {','.join(map(str, options.caps))}: a cap is a number of events, 0 or more.")


def _check_times(ties: Ties, split: SplitKind, raw: SourceData) -> None:
    """`BadInput` for a policy about events of one time where times do not order the histories."""
    if not raw.timed:
        named = ", or name the column of times with --order" if raw.platform == "table" else ""
        raise BadInput(
            f"--ties {ties}: this data has positions and no times, so no events share a time. "
            f"Leave --ties out or pass --ties file{named}."
        )
    if split is SplitKind.GIVEN:
        raise BadInput(
            f"--ties {ties}: with --split given the files say the history of each event. Leave --ties out or pass "
            "--ties file, or divide anew with --split timestamp, quantile or leave-one-out."
        )


def _choices(raw: SourceData, options: IngestOptions) -> Choices:
    split = options.split or default_split(raw)
    t1, t2 = options.t1, options.t2
    public = split is SplitKind.TIMESTAMP and t1 is None and t2 is None and raw.platform in PUBLIC_BOUNDARIES
    if public:
        t1, t2 = PUBLIC_T1, PUBLIC_T2
    text = options.text or (Alphabet.ASCII if raw.platform in ENGLISH_PLATFORMS else Alphabet.UNICODE)
    ties = options.ties or default_ties(raw, split)
    seed = options.seed if options.caps or ties is not Ties.FILE else 0
    or_quantiles = public and not options.split
    return Choices(split, t1, t2, options.caps, seed, text, or_quantiles, ties, positions_differ=options.ties is None)


def _described(raw: SourceData) -> dict[str, Any]:
    described = {
        "platform": raw.platform,
        "domain": raw.domain,
        "timed": raw.timed,
        "given_split": raw.given_split,
        "synthetic": raw.synthetic,
        "settings": raw.settings,
    }
    return dict(json.loads(json.dumps(described, default=str)))


def _file_hashes(files: tuple[Path, ...], progress: Progress) -> dict[Path, str]:
    hashes = {}
    for done, path in enumerate(files):
        progress("hashing files", done, len(files))
        try:
            with path.open("rb") as file:
                hashes[path] = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        except OSError as error:
            raise BadInput(f"{path}: cannot be read ({error.strerror}). Check the path and its permissions.") from None
    return hashes


def _already(
    db: sqlite3.Connection, options: IngestOptions, request: str, tell: Callable[[str], None]
) -> Dataset | None:
    found = find_request(db, options.name)
    if found == request:
        tell(f"{options.name}: already there, made from the same files and options.")
        return stored_dataset(db, options.name)
    if found is not None and not options.replace:
        raise BadInput(taken(options.name))
    return None


@contextmanager
def _lock(workspace: Workspace, tell: Callable[[str], None]) -> Iterator[None]:
    """One ingest at a time: what it leaves behind when killed is removed by the next one."""
    with ExitStack() as held:
        try:
            held.enter_context(workspace.lock("ingest", wait=False))
        except Failed as busy:
            tell(f"{busy} Waiting for it.")
            held.enter_context(workspace.lock("ingest"))
        except OSError as error:
            raise BadInput(
                f"{workspace.folder}: cannot be written ({error.strerror}). Choose another folder with --workspace."
            ) from None
        yield


def _write(
    db: sqlite3.Connection,
    raw: SourceData,
    options: IngestOptions,
    choices: Choices,
    prepared: Prepared,
    source: dict[str, Any],
    request: str,
    progress: Progress,
) -> Dataset:
    draft = DatasetDraft(
        name=options.name,
        request=request,
        platform=raw.platform,
        domain=raw.domain,
        synthetic=raw.synthetic,
        source=source,
        split=prepared.split,
        split_settings=prepared.split_settings,
        timed=raw.timed,
        ties=choices.ties,
        tie_seed=0 if choices.ties is Ties.FILE else choices.seed,
        arranged_from=options.arranged.dataset if options.arranged else None,
        arrangement=options.arranged.words if options.arranged else "",
    )
    content = hashlib.blake2b(digest_size=16)
    content.update(f"ties {draft.arrangement or choices.ties}\n".encode())
    with DatasetWriter(db, draft) as writer:
        titles = _write_items(writer, raw, prepared, choices, content, progress)
        _write_histories(writer, prepared, content, progress)
        _write_events(writer, prepared, raw.timed, content, progress)
        return writer.finish(
            fingerprint=content.hexdigest(),
            interactions=prepared.interactions,
            dropped=dict(sorted(prepared.dropped.items())),
            audit={
                "interactions_read": prepared.interactions_read,
                "duplicates": duplicates(titles),
                "order": prepared.order,
            },
            replace=options.replace,
        )


def _source(raw: SourceData, choices: Choices, hashes: dict[Path, str]) -> dict[str, Any]:
    files = [{"name": path.name, "bytes": path.stat().st_size, "hash": digest} for path, digest in hashes.items()]
    settings = _described(raw)["settings"]
    return {"files": files, "text": choices.alphabet, "settings": settings, "preparation": PREPARATION_VERSION}


def _write_items(
    writer: DatasetWriter,
    raw: SourceData,
    prepared: Prepared,
    choices: Choices,
    content: Content,
    progress: Progress,
) -> pl.DataFrame:
    """Store the catalogue; returns key and title of every item."""
    total = prepared.catalogue.keys.height
    titles = [pl.DataFrame(schema={"item": pl.Int32, "key": pl.String, "title": pl.String})]
    hashes = np.zeros((total, ITEM_HASH_BYTES), np.uint8)  # so that the fingerprint does not depend on the file's order
    done = 0
    for block in catalogue_blocks(raw, prepared.catalogue, choices.alphabet):
        rows = block.rows()
        for row in rows:
            # A category that is only the dataset's domain is no content: it would be another under another --name.
            own = (*row[:CATEGORY], "", *row[CATEGORY + 1 :]) if row[CATEGORY] == raw.domain else row
            digest = hashlib.blake2b(json.dumps(own).encode(), digest_size=ITEM_HASH_BYTES).digest()
            hashes[row[0]] = np.frombuffer(digest, np.uint8)
        writer.add("item", rows)
        titles.append(block.select("item", "key", "title"))
        done += len(rows)
        progress("items", done, total)
    content.update(hashes.tobytes())
    return pl.concat(titles).sort("item").drop("item")


def _write_histories(writer: DatasetWriter, prepared: Prepared, content: Content, progress: Progress) -> None:
    histories = prepared.histories
    users = histories.users
    for first in range(0, len(users), BLOCK_ROWS):
        block = users[first : first + BLOCK_ROWS]
        content.update(json.dumps(block).encode())
        writer.add("user", enumerate(block, start=first))
        progress("users", first + len(block), len(users))
    items = memoryview(np.ascontiguousarray(histories.items, "<i4").tobytes())
    times = _bytes(histories.timestamps, "<i8")
    ratings = _bytes(histories.ratings, "<f4")
    start = histories.start.tolist()
    owner = histories.owner.tolist()
    train = prepared.train_length.tolist()
    content.update(np.ascontiguousarray(prepared.train_length, "<i4").tobytes())
    for part in (np.ascontiguousarray(histories.start, "<i8").tobytes(), items, times or b"-", ratings or b"-"):
        content.update(part)
    for first in range(0, len(owner), BLOCK_ROWS):
        last = min(first + BLOCK_ROWS, len(owner))
        writer.add(
            "sequence",
            (
                (
                    number,
                    owner[number],
                    train[number],
                    items[4 * start[number] : 4 * start[number + 1]],
                    None if times is None else times[8 * start[number] : 8 * start[number + 1]],
                    None if ratings is None else ratings[4 * start[number] : 4 * start[number + 1]],
                )
                for number in range(first, last)
            ),
        )
        progress("sequences", last, len(owner))


def _write_events(writer: DatasetWriter, prepared: Prepared, timed: bool, content: Content, progress: Progress) -> None:
    columns = prepared.events
    total = len(columns.item)
    names = np.array([split.value for split in ORDER], dtype=object)
    for first in range(0, total, BLOCK_ROWS):
        block = columns.where(np.s_[first : first + BLOCK_ROWS])
        last = first + len(block.item)
        whole = (block.user, block.sequence, block.length, block.item)
        for column in (*whole, block.rating, block.split):
            content.update(np.ascontiguousarray(column, column.dtype.newbyteorder("<")).tobytes())
        rating = pl.Series(block.rating).fill_nan(None).to_list()
        writer.add(
            "event",
            zip(
                range(first, last),
                *(column.tolist() for column in whole),
                block.order.tolist() if timed else repeat(None),
                rating,
                names[block.split].tolist(),
                strict=False,
            ),
        )
        progress("events", last, total)


def _bytes(column: np.ndarray | None, dtype: str) -> memoryview | None:
    return None if column is None else memoryview(np.ascontiguousarray(column, dtype).tobytes())
