"""`st5 datasets`: what is stored, how it was divided, what was left out, and what its texts are like."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.audit import order_findings
from engine.commands.options import JsonOption, WorkspaceOption, open_workspace
from engine.commands.output import print_json, print_table, say
from store.enums import Split

if TYPE_CHECKING:
    import sqlite3

    from store.rows import Dataset
    from store.workspace import Workspace

HISTORY_SHOWN = 3


def datasets(
    name: Annotated[str, typer.Argument(help="One dataset in full.", show_default=False)] = "",
    keep: Annotated[
        bool, typer.Option("--keep/--no-keep", help="Store what is measured of the order, so that it is measured once.")
    ] = True,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List datasets, or show one in full: counts, split, drop log, fingerprint, audit of its texts.

    Example: st5 datasets All_Beauty
    """
    from store import datasets as stored

    with open_workspace(workspace).read() as db:
        found = [stored.dataset(db, name)] if name else stored.datasets(db)
        if name:
            _print_one(open_workspace(workspace), db, found[0], keep=keep, as_json=as_json)
        elif as_json:
            print_json([as_document(dataset) for dataset in found])
        elif found:
            print_datasets(found)
        else:
            say("No dataset yet. `st5 ingest …` makes one; `st5 ingest synthetic` needs no files.")


def _print_one(workspace: Workspace, db: sqlite3.Connection, dataset: Dataset, *, keep: bool, as_json: bool) -> None:
    from engine.audit.measuring_order import order_figures
    from engine.text.truncation import truncation

    found = truncation(workspace, dataset)
    figures = order_figures(workspace, dataset, keep=keep)
    if as_json:
        print_json([as_document(dataset) | {"truncation": [asdict(line) for line in found]} | figures.document()])
        return
    cut = [
        (
            f"truncation at {line.tokens} tokens",
            f"{line.model}: {line.items_cut:.1%} of {line.items:,} items are cut; {line.histories_short:.1%} of "
            f"{line.histories:,} test histories lose items ({line.mean_kept:.1f} of {line.mean_length:.1f} kept)",
        )
        for line in found
    ]
    print_table(["field", "value"], [*_full(dataset), *figures.facts, *cut, *_example(db, dataset)])


def as_document(dataset: Dataset) -> dict[str, Any]:
    """A dataset as JSON shows it."""
    document = asdict(dataset)
    del document["id"], document["arranged_from"]  # numbers of this database, of no use outside
    document["order"] = order_findings.document(dataset)
    return document


def print_datasets(datasets: Sequence[Dataset]) -> None:
    """One row per dataset on stdout: its size, its train and test events, how they were divided, where it is from."""
    print_table(
        ["name", "users", "items", "train", "test", "split", "from"],
        [
            (
                dataset.name,
                *(f"{n:,}" for n in (dataset.users, dataset.items, *_by_split(dataset, Split.TRAIN, Split.TEST))),
                dataset.split,
                "synthetic" if dataset.synthetic else dataset.platform,
            )
            for dataset in datasets
        ],
        right="users,items,train,test",
        cut="name,from",
    )
    if any(dataset.synthetic for dataset in datasets):
        say("synthetic: generated, not real data.")


def moment(milliseconds: int) -> str:
    """ms since 1970 as a date and time in UTC, or as the number where no calendar has it."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"


def _full(dataset: Dataset) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [
        ("name", dataset.name),
        ("platform", _platform(dataset)),
        ("domain", dataset.domain),
        ("users", f"{dataset.users:,}"),
        ("items", f"{dataset.items:,}"),
        ("interactions", f"{dataset.interactions:,}"),
        *((f"events of {split}", f"{n:,}") for split, n in zip(Split, _by_split(dataset, *Split), strict=True)),
        ("split", dataset.split),
        *((f"split: {key}", _setting(key, value)) for key, value in dataset.split_settings.items()),
        ("order", "timestamps" if dataset.timed else "positions only"),
        ("ties", order_findings.same_time_words(dataset)),
        ("order: verdict", order_findings.verdict(dataset).removeprefix("order: ")),
        *((f"order: {finding.about}", finding.found) for finding in order_findings.findings(dataset)),
    ]
    rows += [(f"dropped: {reason}", f"{count:,}") for reason, count in dataset.dropped.items()]
    if not dataset.dropped:
        rows.append(("dropped", "nothing"))
    rows += [("fingerprint", dataset.fingerprint), ("made", dataset.created)]
    for file in dataset.source.get("files", []):
        rows.append(("file", f"{file['name']} ({file['bytes']:,} bytes)"))
    rows += [(f"source: {key}", _plain(value)) for key, value in dataset.source.items() if key != "files"]
    for part, found in dataset.audit.items():
        rows += _audit(part, found)
    return rows


def _audit(part: str, figure: Any) -> list[tuple[str, object]]:
    if part == "order":  # said in full beside the order itself
        return []
    if part == "duplicates":
        share = (
            f"{figure['items']:,} items share {figure['groups']:,} titles; the largest group has {figure['largest']}"
        )
        examples = [
            (f"same title × {group['items']}", f"{group['title']} ({', '.join(group['keys'])})")
            for group in figure["examples"]
        ]
        return [("duplicate titles", share), *examples]
    if isinstance(figure, dict):
        return [(f"{part}: {key}", _plain(value)) for key, value in figure.items()]
    return [(part.replace("_", " "), _plain(figure))]


def _example(db: sqlite3.Connection, dataset: Dataset) -> list[tuple[str, object]]:
    """The newest event of the first user who has one."""
    from store import datasets as stored

    for user, key in stored.users(db, dataset.id, limit=50):
        events = stored.user_events(db, dataset.id, user)
        if events:
            event = events[-1]
            history = stored.sequence(db, dataset.id, event.sequence).items[: event.length].tolist()
            shown = history[-HISTORY_SHOWN:]
            titles = stored.items_by_id(db, dataset.id, [*shown, event.item])
            before = [f"example: item {len(history) - len(shown) + place + 1}" for place in range(len(shown))]
            return [
                ("example: user", f"{key}, {event.split}, {len(history)} items before"),
                *((label, titles[item].title) for label, item in zip(before, shown, strict=True)),
                ("example: target", titles[event.item].title),
            ]
    return []


def _platform(dataset: Dataset) -> str:
    if not dataset.synthetic:
        return dataset.platform
    return "synthetic: generated, not real data"


def _by_split(dataset: Dataset, *splits: Split) -> list[int]:
    return [dataset.events.get(split, 0) for split in splits]


def _setting(key: str, value: Any) -> str:
    return f"{moment(value)} ({value})" if key in ("t1", "t2") else _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else json.dumps(value, ensure_ascii=False)
