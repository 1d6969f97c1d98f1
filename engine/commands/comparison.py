"""`st5 results --compare A B`: paired differences on the same events."""

from __future__ import annotations

import sqlite3
from typing import Any

from engine.commands.output import Form, print_csv, print_json, print_markdown, print_table, say
from store import datasets, evaluations, models
from store.errors import BadInput
from store.words import Seen
from store.workspace import Workspace

DEFAULT_METRICS = ("hr@10", "ndcg@10", "hr@50", "ndcg@50", "mrr")


def print_comparison(
    workspace: Workspace,
    pair: tuple[str, str],
    by: str,
    metrics: list[str],
    seen: Seen | None,
    dataset: str,
    *,
    form: Form,
) -> None:
    """Print mean, interval and Holm-corrected p of A − B, per dataset both were evaluated on and per slice value."""
    from engine.measuring.comparison import compare

    with workspace.read() as db:
        for name in pair:
            models.model(db, name)
        shared = [dataset] if dataset else _shared(db, pair)
        rows = compare(db, pair, shared, by, metrics or list(DEFAULT_METRICS), [seen] if seen else list(Seen))
    documents = [row.document() for row in rows]
    if form is Form.JSON:
        print_json(documents)
        return
    if form is Form.CSV:
        print_csv([document | {"protocol": "; ".join(document["protocol"])} for document in documents])
        return
    columns = ["dataset", "value", "metric", "seen", "n", f"{pair[0]} − {pair[1]}", "95 % interval", "p (Holm)", ""]
    cells = [
        (
            row.dataset,
            row.value,
            row.metric,
            row.seen,
            str(row.difference.n),
            f"{row.difference.mean:+.4f}",
            f"[{row.difference.low:+.4f}, {row.difference.high:+.4f}]",
            f"{row.p_holm:.3f}",
            "" if row.p_holm < 0.05 else "not significant",
        )
        for row in rows
    ]
    if form is Form.MARKDOWN:
        print_markdown(columns, cells)
        return
    print_table(columns, cells, right="n,p (Holm)")
    say(f"Intervals and p by bootstrap over users; Holm over the {len(rows)} differences shown.")


def _shared(db: sqlite3.Connection, pair: tuple[str, str]) -> list[str]:
    having: list[set[str]] = [{e.dataset for e in evaluations.evaluations(db, model=name)} for name in pair]
    shared: Any = sorted(having[0] & having[1])
    if not shared:
        known = ", ".join(d.name for d in datasets.datasets(db)) or "none yet"
        raise BadInput(
            f"{pair[0]} and {pair[1]} have no dataset in common that both were evaluated on. "
            f"Run `st5 evaluate {pair[0]} {pair[1]} --datasets NAME` (datasets: {known})."
        )
    return list(shared)
