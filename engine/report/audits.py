"""What may make numbers look better or worse than they are: test events seen in training, texts, splits that leak."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from engine.audit.order_figures import stored_figures
from engine.audit.order_findings import findings, same_time_words, verdict
from engine.report.cells import NOTHING
from engine.report.document import Listing
from engine.report.provenance import Sources
from store import datasets
from store.enums import SplitKind
from store.rows import Dataset

if TYPE_CHECKING:
    from engine.audit.leakage import Audit

NOTES = {SplitKind.LEAVE_ONE_OUT: "leaks across users: train events of one may be later than test events of another"}


def audits(db: sqlite3.Connection, sources: Sources) -> tuple[Listing, ...]:
    """Leakage, for every trained model on every dataset that it was evaluated on; the datasets' order and texts."""
    return (_leakage(db, sources), _order(db, sources), _texts(db, sources))


def _leakage(db: sqlite3.Connection, sources: Sources) -> Listing:
    from engine.audit.leakage import audit_leakage

    models = {model.name: model for model in sources.models}
    named = {dataset.name: dataset for dataset in sources.datasets}
    pairs = sorted({(each.model, each.dataset) for each in sources.evaluations})
    rows = [
        (model, dataset, audit.trained, _met(audit), f"{audit.of:,}")
        for model, dataset in pairs
        for audit in audit_leakage(db, models[model], named[dataset])
    ]
    heads = ("model", "evaluated on", "trained on", "test events met", "of")
    notes = (
        "A test event was met in training where the train part of a dataset that the model learned from has the same "
        "user with the same item. Models that are not listed learned from no interactions, or from the train part of "
        "the evaluated dataset alone.",
    )
    right = ("test events met", "of")
    return Listing("leakage", "Test events met in training", heads, tuple(rows), right=right, notes=notes)


def _met(audit: Audit) -> str:
    return "not known: not here any more" if audit.unknown else f"{audit.overlap:,}"


def _order(db: sqlite3.Connection, sources: Sources) -> Listing:
    rows = []
    for dataset in sources.datasets:
        figures = stored_figures(db, dataset)
        facts = [*((finding.about, finding.found) for finding in findings(dataset)), *figures.facts]
        facts += [] if figures.known else [("key probe", f"not measured; `st5 datasets {dataset.name}` does")]
        shown = [f"{about}: {words}" for about, words in facts]
        rows.append(
            (dataset.name, same_time_words(dataset), verdict(dataset).removeprefix("order: "), "; ".join(shown))
        )
    heads = ("dataset", "events of one time", "verdict", "figures")
    notes = (
        "Where events of a user share a time, the data do not say which came first: the policy decides, and with it "
        "the history and the target. docs/protocol.md explains the policies and the thresholds.",
    )
    return Listing("order", "Order of events", heads, tuple(rows), notes=notes)


def _texts(db: sqlite3.Connection, sources: Sources) -> Listing:
    rows = [_text(db, dataset) for dataset in sources.datasets]
    right = ("items with a shared title", "titles shared", "largest group", "rows left out")
    heads = ("dataset", *right, "why left out", "descriptions", "split")
    notes = ("Items that share a title have the same vector, hence tie; ties count in expectation over their order.",)
    return Listing("texts", "Texts and splits", heads, tuple(rows), right=right, notes=notes)


def _text(db: sqlite3.Connection, dataset: Dataset) -> tuple[str, ...]:
    same = dataset.audit.get("duplicates", {})
    lost = {reason: count for reason, count in dataset.dropped.items() if not reason.startswith("note:")}
    return (
        dataset.name,
        *(f"{same[key]:,}" if key in same else NOTHING for key in ("items", "groups", "largest")),
        f"{sum(lost.values()):,}",
        "; ".join(f"{reason}: {count:,}" for reason, count in lost.items()) or NOTHING,
        "some" if datasets.has_descriptions(db, dataset.id) else "none",
        NOTES.get(dataset.split, f"{dataset.split}"),
    )
