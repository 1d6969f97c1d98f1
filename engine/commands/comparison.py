"""`st5 results --compare A B`, `--against MODEL` and `--seeds`: what is worked out from the stored ranks of several
models together; and the words below every table of results."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from engine.audit.order_findings import failures, verdict
from engine.commands.output import Form, print_csv, print_json, print_markdown, print_table, say_wrapped
from engine.measuring.choices import Averaging
from engine.measuring.highlighting import ALIKE, FEW_EVENTS, INTERVAL, LEVEL
from engine.registry import stored_model
from store import datasets, evaluations
from store.errors import BadInput
from store.plain_text import plain

if TYPE_CHECKING:
    from engine.measuring.choices import ComparisonSpec
    from engine.measuring.comparison import Compared
    from store.rows import Evaluation

USUAL = {"value": "all", "split": "test"}  # what a column need not say
FINGERPRINT_DIGITS = 12  # enough to tell datasets apart; `st5 datasets NAME` has all


def print_comparison(
    db: sqlite3.Connection, pair: tuple[str, str], dataset: str, spec: ComparisonSpec, form: Form
) -> None:
    """Print mean, interval and Holm-corrected p of A − B, per dataset both were evaluated on and per slice value."""
    from engine.measuring.comparison import compare

    for name in pair:
        stored_model(db, name)
    rows = compare(db, pair, [dataset] if dataset else _shared(db, pair), spec)
    _print(db, rows, f"{pair[0]} − {pair[1]}", form)


def print_against(db: sqlite3.Connection, model: str, dataset: str, spec: ComparisonSpec, form: Form) -> None:
    """Print the same of every other model minus this one."""
    from engine.measuring.comparison import compare_all

    stored_model(db, model)
    names = dict.fromkeys(e.dataset for e in evaluations.evaluations(db, model=model))
    rows = compare_all(db, model, [dataset] if dataset else list(names), spec)
    _print(db, rows, f"model − {model}", form, among_many=True)


def _print(
    db: sqlite3.Connection, rows: list[Compared], difference: str, form: Form, *, among_many: bool = False
) -> None:
    """difference: the heading of what is A minus B; among_many: A differs from row to row."""
    documents = [row.document() for row in rows]
    if form is Form.JSON:
        print_json(documents)
        return
    if form is Form.CSV:
        print_csv([document | {"protocol": "; ".join(document["protocol"])} for document in documents])
        return
    whole = form is Form.MARKDOWN
    heads = ["dataset", "value", *(["model"] if among_many else []), "metric", "seen", "n", "users"]
    cells = []
    for row in rows:
        mean, low, high = row.span
        span = (f"{mean:+.4f}", f"[{low:+.4f}, {high:+.4f}]")
        cells.append(
            (
                row.dataset,
                row.value,
                *([row.models[0]] if among_many else []),
                row.metric,
                row.seen,
                str(row.difference.n),
                str(row.difference.users),
                *(span if whole else [" ".join(span)]),
                f"{row.p_holm:.3f}",
                _mark(row),
            )
        )
    ends = [difference, INTERVAL, "p (Holm)"] if whole else [f"{difference} [{INTERVAL}]", "p"]
    columns = [*heads, *ends, ""]
    right = ",".join(("n", "users", *ends))
    print_cells(columns, cells, right, _words(rows), db, (e for row in rows for e in row.pair), form)


def _words(rows: list[Compared]) -> list[str]:
    if not rows:
        return ["No event is left for this choice."]
    weight = "every user weighs the same" if rows[0].mean is Averaging.USER else "every event weighs the same"
    return [
        f"Mean difference ({weight}) with its {INTERVAL}, by bootstrap over users; p by {rows[0].test} over users, "
        f"Holm over the {len(rows)} differences shown. {ALIKE} not significantly different (p ≥ {LEVEL:g})."
    ]


def _mark(row: Compared) -> str:
    if row.difference.n < FEW_EVENTS:
        return f"n < {FEW_EVENTS}"
    return "" if row.p_holm < LEVEL else ALIKE


def _shared(db: sqlite3.Connection, pair: tuple[str, str]) -> list[str]:
    having = [{e.dataset for e in evaluations.evaluations(db, model=name)} for name in pair]
    shared = sorted(having[0] & having[1])
    if not shared:
        from engine.measuring.aligned_evaluations import policies_apart

        apart = policies_apart(db, having[0] | having[1], pair)
        if apart:
            raise BadInput(f"{pair[0]} and {pair[1]} have no dataset in common. {apart}")
        known = ", ".join(d.name for d in datasets.datasets(db)) or "none yet"
        raise BadInput(
            f"{pair[0]} and {pair[1]} have no dataset in common that both were evaluated on. "
            f"Run `st5 evaluate {pair[0]} {pair[1]} --datasets NAME` (datasets: {known})."
        )
    return shared


def print_seeds(db: sqlite3.Connection, dataset: str, spec: ComparisonSpec, form: Form) -> None:
    """Print one row per family of models that differ in their seed only."""
    from engine.measuring.metrics import measure
    from engine.measuring.seed_average import seed_averages

    measures = [measure(name) for name in spec.metrics]
    of = evaluations.evaluations(db, dataset=dataset)
    rows = seed_averages(db, of, spec.by, spec.where, measures, spec.seen)
    documents = [row.document() for row in rows]
    if form is Form.JSON:
        print_json(documents)
        return
    if form is Form.CSV:
        print_csv([document | {"models": " ".join(document["models"])} for document in documents])
        return
    columns = ["dataset", "value", "family", "split", "seen", "n", "users", "metric", "mean", "sd", "seeds"]
    cells = []
    for row in rows:
        m, by_user = row.mean, spec.mean is Averaging.USER
        mean, low, high = (m.user_mean, m.user_low, m.user_high) if by_user else (m.mean, m.low, m.high)
        sd = row.user_sd if by_user else row.sd
        cells.append(
            (
                row.members[0].dataset,
                row.value,
                row.family,
                row.members[0].split.value,
                row.seen.value,
                str(row.mean.n),
                str(row.mean.users),
                row.metric,
                f"{mean:.4f} [{low:.4f}, {high:.4f}]",
                "–" if sd is None else f"{sd:.4f}",
                str(len(row.members)),
            )
        )
    words = [
        f"Mean over seeds with the {INTERVAL} of that mean, by bootstrap over users; sd: standard deviation of the "
        "seeds' means (n − 1). A family is what differs in nothing but the seed."
    ]
    print_cells(columns, cells, "n,users,sd,seeds", words, db, (e for row in rows for e in row.members), form)


def print_cells(
    columns: Sequence[str],
    cells: Sequence[Sequence[str]],
    right: str,
    words: Sequence[str],
    db: sqlite3.Connection,
    of: Iterable[Evaluation],
    form: Form,
) -> None:
    """A table and what must be known to read it; in Markdown that is part of the document."""
    lines = [*words, *provenance(db, of)]
    if form is Form.MARKDOWN:
        print_markdown(columns, cells)
        print("\n" + "\n".join(f"- {plain(line)}" for line in lines))
        return
    narrowed, rows = _without_what_is_usual(columns, cells)
    print_table(narrowed, rows, right=right, cut="dataset,value,model,family")
    say_wrapped(lines)


def _without_what_is_usual(columns: Sequence[str], cells: Sequence[Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """The table for a terminal: without users, and without columns that say `all` or `test` in every row."""
    said = {name: {row[place] for row in cells} for place, name in enumerate(columns)}
    kept = [
        place
        for place, name in enumerate(columns)
        if name != "users" and not (name in USUAL and said[name] <= {USUAL[name]})
    ]
    return [columns[place] for place in kept], [[row[place] for place in kept] for row in cells]


def provenance(db: sqlite3.Connection, of: Iterable[Evaluation]) -> list[str]:
    """The protocols with the evaluations under each, and the datasets with their fingerprints."""
    chosen = {evaluation.id: evaluation for evaluation in of}
    under: dict[str, list[str]] = {}
    for evaluation in chosen.values():
        under.setdefault(evaluation.protocol_text, []).append(f"#{evaluation.id} {evaluation.model}")
    names = {evaluation.dataset for evaluation in chosen.values()}
    shown = [d for d in datasets.datasets(db) if d.name in names]
    prints = [f"{d.name} {d.fingerprint[:FINGERPRINT_DIGITS]}" for d in shown]
    return [
        *(f"Protocol of {', '.join(own) if len(under) > 1 else 'all'}: {text}." for text, own in under.items()),
        *([f"Fingerprints of datasets: {', '.join(prints)}."] if prints else []),
        *(f"{d.name}: {verdict(d)}." for d in shown if failures(d)),
    ]
