"""Outcomes and a report put together by hand, small enough to know every number in them."""

from __future__ import annotations

import numpy as np

from engine.experiments.sheet import Cell, Line, LineFigure, Outcome, PointFigure, Row, Sheet
from engine.report.document import Command, Listing, Map, Report

HOSTILE = (
    "<script>alert(1)</script>",
    "</title><img src=http://evil.example/x onerror=alert(1)>",
    "a | b `c` *d* _e_ [f](http://evil.example) https://evil.example",
    r"\input{/etc/passwd} $x^2$ 100% #1 {a} & ~b",
    "=1+1",
    "\x1b[31mred\x1b[0m",
    "“quotes” and 'quotes' \"too\"",
)

POP = Cell(0.0119, 0.0050, 0.0188, n=253, users=240, place=2, significant=True, published=0.0038, evaluation="e1")
ONLY = Cell(0.0713, 0.0500, 0.0926, n=253, users=240, place=1, significant=True, published=0.0459, evaluation="e2")


def sheet(**changes: object) -> Sheet:
    """Two columns, two rows of one dataset."""
    rows = (Row(("beauty", "hr@10"), (POP, ONLY)), Row(("beauty", "ndcg@10"), (None, Cell(0.0301, n=253, users=240))))
    values = {
        "name": "main-keep", "title": "All models, seen items kept", "heads": ("dataset", "metric"),
        "columns": ("pop", "only"), "rows": rows, "protocol": "full catalogue; seen items kept",
        "fingerprints": {"beauty": "0123456789abcdef"}, "notes": ("beauty: a note.",),
    }  # fmt: skip
    return Sheet(**(values | changes))  # type: ignore[arg-type]


def curves() -> LineFigure:
    """Three curves over four lengths; the second has a gap, the third no interval."""
    a = tuple(Cell(value, value - 0.01, value + 0.01, n=50, users=40) for value in (0.02, 0.03, 0.05, 0.04))
    b = (a[1], None, a[2], a[0])
    c = tuple(Cell(value, n=50) for value in (0.01, 0.012, 0.014, 0.02))
    lines = (Line("pop", a), Line("only", b), Line("sasrec", c))
    return LineFigure("lengths", "Short and long histories", "items", "ndcg@10", ("1", "2", "3–5", "6+"), lines)


def plan() -> PointFigure:
    return PointFigure("map", "Items, t-SNE", 7, (("silhouette", "0.412"), ("purity", "0.950")), ("A note.",))


def points(n: int = 60, total: int = 60) -> Map:
    draw = np.random.default_rng(0)
    group = np.arange(n, dtype=np.int32) % 3
    return Map(("beauty", "books", "games"), group, (draw.normal(size=(n, 2)) + 4 * group[:, None]).astype("f4"), total)


def outcome(*sheets: Sheet, **changes: object) -> Outcome:
    values = {
        "name": "main", "title": "All models", "thesis": "table A.1", "sheets": sheets or (sheet(),),
        "figures": (curves(), plan()), "missing": (("train", "final", "--datasets", "beauty"),), "notes": ("Noted.",),
    }  # fmt: skip
    return Outcome(**(values | changes))  # type: ignore[arg-type]


def report(*outcomes: Outcome, **changes: object) -> Report:
    """A report of these outcomes, else of one with a table, curves and a map."""
    values = {
        "date": "2026-11-23", "version": "0.1.0", "workspace": "here", "outcomes": outcomes or (outcome(),),
        "compared": "Nothing was compared.", "findings": ("beauty: pop is ahead.",),
        "provenance": (Listing("datasets", "Datasets", ("dataset", "items"), (("beauty", "1,234"),), ("items",)),),
        "audits": (Listing("leakage", "Leakage", ("model",), ()),),
        "commands": (Command(("experiment", "main", "--datasets", "beauty"), "All models:"),),
        "maps": {7: points()},
    }  # fmt: skip
    return Report(**(values | changes))  # type: ignore[arg-type]


def hostile_report() -> Report:
    """The same with texts that would be markup or codes, wherever data can put one."""
    texts = HOSTILE
    title = " ".join(texts)
    noted = Cell(0.5, n=3, users=2, note=title)
    rows = tuple(Row((text, text), (noted, None)) for text in texts)
    bad = sheet(title=title, heads=(texts[0], texts[1]), columns=(texts[2], texts[3]), rows=rows, protocol=title,
                fingerprints={text: text for text in texts}, notes=texts)  # fmt: skip
    line = LineFigure("l", title, texts[0], texts[1], (texts[2],), (Line(texts[3], (Cell(0.1),)),), texts)
    place = PointFigure("p", title, 7, tuple((text, text) for text in texts), texts)
    shown = outcome(bad, title=title, thesis=title, figures=(line, place), missing=(texts,), notes=texts)
    spots = points()
    return report(
        shown, workspace=title, compared=title, findings=texts,
        provenance=(Listing("x", title, (texts[0],), tuple((text,) for text in texts), (), texts),),
        commands=(Command(texts, title),), maps={7: Map(texts[:3], spots.group, spots.xy, 9_000)},
    )  # fmt: skip
