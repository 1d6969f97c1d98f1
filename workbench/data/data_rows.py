"""The tables of Data: datasets, what is known of one, and how its histories and categories are spread."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from rich.text import Text

from engine.audit import order_findings
from engine.audit.order_figures import OrderFigures
from store.distributions import SplitEvents
from store.enums import Split
from store.rows import Dataset, Item
from workbench.data.data_view import Measured, Truncation, Use
from workbench.ui import numbers
from workbench.ui.display import line, title
from workbench.ui.numbers import count, counted
from workbench.ui.table import Heading, TableLine

MOST_CATEGORIES = 30
BINS = ((1, 1), (2, 2), (3, 3), (4, 4), (5, 5), (6, 10), (11, 20), (21, 50), (51, 100), (101, None))
EIGHTHS = " ▏▎▍▌▋▊▉"
UNKNOWN = "…"
Fact = tuple[str, str]


def _heading(text: str, *, right: bool = False, width: int = 0, flexible: bool = False) -> Heading:
    return Heading(Text(text, justify="right" if right else "left", style="dim"), width=width, flexible=flexible)


DATASETS = (
    _heading("name", flexible=True),
    *(_heading(name, right=True) for name in ("users", "items", "train", "valid", "test", "dropped")),
    _heading("split"),
    _heading("platform"),
    _heading("order"),
    _heading("made"),
)
SHORT_DATASETS = 8  # columns that fit 80 cells
FACTS = (_heading("what", width=15), _heading("value", flexible=True))
ITEMS = (_heading("key"), _heading("title", flexible=True), _heading("category", width=24))
LONG_ITEMS = (*ITEMS, _heading("description", width=60))


def bar_headings(bar: int, *, share: bool) -> tuple[Heading, ...]:
    """Headings of parts with bars of so many cells, with their share in per cent or without."""
    known = (_heading("part", flexible=True), _heading("", width=bar), _heading("n", right=True))
    return (*known, _heading("%", right=True)) if share else known


def dataset_row(dataset: Dataset) -> TableLine:
    """A dataset as a row of the list."""
    splits = [dataset.events.get(split, 0) for split in Split]
    return TableLine(
        dataset.name,
        (
            line(dataset.name),
            *(_number(count(number)) for number in (dataset.users, dataset.items, *splits, dropped(dataset))),
            line(dataset.split.value, "dim"),
            line("synthetic" if dataset.synthetic else dataset.platform, "italic dim" if dataset.synthetic else "dim"),
            Text("timestamps" if dataset.timed else "positions", "dim"),
            Text(numbers.moment(dataset.created), "dim"),
        ),
    )


def dropped(dataset: Dataset) -> int:
    """Rows left out; a note counts something that stayed."""
    return sum(number for reason, number in dataset.dropped.items() if not reason.startswith("note:"))


def facts(
    dataset: Dataset, use: Use, measured: Measured, order: OrderFigures, truncation: Sequence[Truncation] | None
) -> list[Fact]:
    """Everything known of a dataset, what it is first and where it comes from last."""
    kind = "synthetic: generated, not real data" if dataset.synthetic else dataset.platform
    found: list[Fact] = [
        ("platform", kind if dataset.domain in (dataset.platform, "") else f"{kind}, {dataset.domain}"),
        ("interactions", count(dataset.interactions)),
        *_splits(dataset, measured),
        ("split", "; ".join([dataset.split.value, *_settings(dataset)])),
        ("order", "timestamps" if dataset.timed else "positions only"),
        ("ties", order_findings.same_time_words(dataset)),
        ("order verdict", order_findings.verdict(dataset).removeprefix("order: ")),
        *((finding.about, finding.found) for finding in order_findings.findings(dataset)),
        *(order.facts if order.known else [("key probe", f"not measured yet: t does, or st5 datasets {dataset.name}")]),
        *((f"dropped {count(number)}", reason) for reason, number in dataset.dropped.items()),
    ]  # fmt: skip
    if not dataset.dropped:
        found.append(("dropped", "nothing"))
    found += _texts(dataset, measured)
    found += _truncation(truncation)
    found.append(("evaluated", f"{counted(use.evaluations, 'evaluation')} of {counted(use.models, 'model')}"))
    found.append(("trained on it", ", ".join(use.trained) or "no model"))
    return [*found, *_origin(dataset)]


def fact_row(number: int, fact: Fact) -> TableLine:
    """A fact as a row: what it is about, and its value."""
    return TableLine(str(number), (line(fact[0], "dim"), line(fact[1])))


def length_bars(events: SplitEvents, bar: int, *, share: bool) -> list[TableLine]:
    """Histories by how many items they hold, as bars of at most `bar` cells."""
    return _bars(_binned(events.lengths), events.events, bar, share=share)


def category_bars(categories: Sequence[tuple[str, int]], bar: int, *, share: bool) -> list[TableLine]:
    """Items by category, the commonest first; what is beyond them is counted together."""
    parts = [(name or "(none)", number) for name, number in categories[:MOST_CATEGORIES]]
    rest = categories[MOST_CATEGORIES:]
    if rest:
        parts.append((f"{count(len(rest))} others", sum(number for _, number in rest)))
    return _bars(parts, sum(number for _, number in categories), bar, share=share)


def item_row(item: Item, *, long: bool) -> TableLine:
    """An item as a row; `long` adds its description."""
    cells = (line(item.key, "dim"), line(title(item)), line(item.category.replace("|", ", "), "dim"))
    return TableLine(str(item.item), (*cells, line(item.description, "dim")) if long else cells)


def bar_of(share: float, width: int) -> str:
    """A bar of `width` cells at a share of 1, in eighths of a cell: `██▌`; what is not nothing is seen."""
    eighths = round(min(1.0, max(0.0, share)) * width * 8)
    eighths = max(eighths, 1) if share > 0 else 0
    return ("█" * (eighths // 8) + EIGHTHS[eighths % 8]).rstrip()


def _splits(dataset: Dataset, measured: Measured) -> list[Fact]:
    spreads = {one.split: one for one in measured.splits or ()}
    shapes = dict(measured.shapes or ())
    found = []
    for split in Split:
        parts = [counted(dataset.events.get(split, 0), "event")]
        if not dataset.events.get(split):
            found.append((split.value, parts[0]))
            continue
        if split in shapes:
            shape = shapes[split]
            parts[0] += f" of {counted(shape.users, 'user')} over {counted(shape.targets, 'item')}"
            parts.append(f"{shape.history:.1f} items before")
        if split in spreads:
            one = spreads[split]
            if one.first is not None:
                parts.append(f"{numbers.day(one.first)} to {numbers.day(one.last)}")
            if one.rated:
                parts.append("rated" if one.rated == one.events else f"{count(one.rated)} rated")
        if measured.splits is None or measured.shapes is None:
            parts.append(UNKNOWN)
        found.append((split.value, "; ".join(parts)))
    return found


def _settings(dataset: Dataset) -> list[str]:
    dates = {"t1": "valid from", "t2": "test from"}
    return [
        f"{dates[key]} {numbers.day(value)}" if key in dates else f"{key.replace('_', ' ')} {_plain(value)}"
        for key, value in dataset.split_settings.items()
    ]


def _texts(dataset: Dataset, measured: Measured) -> list[Fact]:
    found: list[Fact] = []
    if measured.texts is not None:
        without, repeated = measured.texts
        found.append(("descriptions", f"{count(dataset.items - without)} of {count(dataset.items)} items have one"))
        found.append(
            ("same titles", f"{counted(repeated, 'item')} {'has' if repeated == 1 else 'have'} another's title")
        )
    for part, value in dataset.audit.items():
        if part == "order":  # said in full beside the order itself
            continue
        if part == "duplicates" and isinstance(value, dict):
            for group in value.get("examples", []):
                keys = ", ".join(map(str, group.get("keys", [])))
                found.append((f"title × {group.get('items')}", f"{group.get('title')} ({keys})"))
        else:
            found.append((part.replace("_", " "), _plain(value)))
    return found


def _truncation(truncations: Sequence[Truncation] | None) -> list[Fact]:
    if truncations is None:
        return [("truncation", "t measures it, in a process of its own")]
    return [
        (
            "truncation",
            f"{one.items_cut:.1%} of items are cut, {one.histories_short:.1%} of test histories lose items "
            f"({one.mean_kept:.1f} of {one.mean_length:.1f} kept): {one.model}, {one.tokens} tokens; "
            f"{count(one.items)} items and {count(one.histories)} histories looked at",
        )
        for one in truncations
    ] or [("truncation", "no tokenizer is here: st5 doctor says how to get one")]


def _origin(dataset: Dataset) -> list[Fact]:
    files = dataset.source.get("files", [])
    found: list[Fact] = []
    for file in files if isinstance(files, list) else []:
        known = isinstance(file, dict) and isinstance(file.get("bytes"), int)
        found.append(("file", f"{file['name']} ({numbers.size(file['bytes'])})" if known else _plain(file)))
    found += [(key, _plain(value)) for key, value in dataset.source.items() if key != "files" and value not in ({}, "")]
    return [*found, ("fingerprint", dataset.fingerprint), ("made", numbers.moment(dataset.created))]


def _binned(lengths: Iterable[tuple[int, int]]) -> list[tuple[str, int]]:
    known = list(lengths)
    found = []
    for low, high in BINS:
        events = sum(n for length, n in known if length >= low and (high is None or length <= high))
        name = str(low) if low == high else f"{low}–{high}" if high else f"{low} and more"
        found.append((name, events))
    return [bin for bin in found if bin[1]]


def _bars(parts: Sequence[tuple[str, int]], total: int, width: int, *, share: bool) -> list[TableLine]:
    most = max((number for _, number in parts), default=0)
    lines = []
    for place, (name, number) in enumerate(parts):
        cells = (line(name), Text(bar_of(number / most, width)), _number(count(number)))
        lines.append(TableLine(str(place), (*cells, _number(f"{100 * number / total:.1f}", "dim")) if share else cells))
    return lines


def _number(words: str, style: str = "") -> Text:
    return Text(words, justify="right", style=style)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value
    return count(value) if isinstance(value, int) else json.dumps(value, ensure_ascii=False)
