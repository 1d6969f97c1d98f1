"""A workspace in which every text that comes from data is hostile: escape codes, markup, scripts, 5,000 letters.

Not a hand-written list of fields: every text column of the schema is poisoned but for those named here,
whose values are the program's own. A column that is added later is poisoned too.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import maps
import shop

from engine.experiments.arguments import Arguments
from store.datasets import dataset
from store.evaluations import evaluation_key, evaluations
from store.experiments import put_experiment
from store.models import model
from store.workspace import Workspace

SIGN = "¤"  # in every hostile text, after the markup that must still be there when it is shown
MARKUP = "[b]"
ENDINGS = (
    "\x1b[31mred\x1b[0m \x1b]52;c;ZXZpbA==\x07 \x1b[2J \x9b2J \x1b]0;title\x07",
    "[bold red]markup[/] [@click=app.quit]quit[/] [link=https://evil.example]link[/link] [/nope] [",
    "\u202eright to left\u202c \u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 \u2066isolated\u2069",
    "漢字かな" * 1_250,
    "👩‍👩‍👧‍👦 🏳️‍🌈 family é combi\u0301\u0301\u0301\u0301ning z\u0335\u0321\u0322a\u0336l\u0337go",
    "long " * 1_000,
    "tabs\tand\nlines\r\nand \u2028 and \x00 nul, \x08\x08\x08 back, \x7f",
    "~~~ `code` {braces} %s %(x)s $(rm -rf) \\n ; rm & \"quoted\" 'too' -- --detach",
    "\u00ad\ufeff\u200b\U000e0041 unseen \ud800".encode("utf-8", "replace").decode(),
)

# Columns whose values are the program's own words, numbers in disguise, or hold other texts (see `_DOCUMENTS`).
OWN = {
    "dataset": {"state", "split", "fingerprint", "created", "request"},
    "model": {"kind", "variant", "weights_hash", "tokenizer_hash", "created"},
    "evaluation": {"key", "state", "split", "created"},
    "event": {"split"},
    "metric": {"slice", "value", "metric", "seen"},
    "rank_block": {"name", "dtype", "shape", "hash"},
    "projection": {"key", "kind", "method", "created"},
    "projection_block": {"name", "dtype", "shape", "hash"},
    "job": {"state", "created", "started", "finished", "cancel"},
    "job_event": {"at"},
    "experiment": {"definition", "updated"},
    "search": {"key", "metric", "seen", "created"},
    "trial": {"state"},
}
_DOCUMENTS = {
    ("dataset", "source"), ("dataset", "dropped"), ("item", "fields"), ("projection", "parameters"),
    ("job", "arguments"), ("trial", "settings"),
}  # fmt: skip
_NAMED = {"item-fields", "dataset-dropped"}  # documents whose names come from data too
_NUMBERS = {  # documents of numbers, of names that must stay what they refer to, or of settings
    ("dataset", "split_settings"), ("dataset", "events"), ("dataset", "audit"), ("model", "recipe"),
    ("model", "lineage"), ("evaluation", "protocol"), ("projection", "datasets"), ("projection", "quality"),
    ("experiment", "arguments"), ("search", "request"),
}  # fmt: skip
EMPTY = (
    "embedding_block",
    "trained_phase",
    "trained_baseline",
    "rating_run",
    "rating_block",
    "rating_error",
    "ui_state",
)

OWN_TABLE = """
title = {title}
kind = "evaluations"
metrics = ["ndcg@10"]

[[arms]]
label = {label}
model = {model}
"""


def hostile(what: str, old: str = "") -> str:
    """A hostile text that still tells which one it is."""
    number = sum(map(ord, old or what))
    return f"{MARKUP}{SIGN}{what}[/b] {old} {ENDINGS[number % len(ENDINGS)]}"


def build(folder: Path) -> Workspace:
    """The shop of the other tests with jobs, maps, an experiment and a model that ranks for real; then poison."""
    workspace = shop.build(folder)
    shop.add_model(workspace, "bm25")
    shop.evaluate(workspace, "bm25", "movielens-small")
    shop.add_jobs(workspace)
    shop.add_search(workspace)
    maps.add_map(workspace, method="umap", seed=3)
    maps.add_map(workspace)
    maps.add_map(workspace, kind="users")
    shop.write_log(workspace, 5, [hostile("log", str(number)) for number in range(len(ENDINGS))])
    datasets = {name: hostile("dataset-name", name) for name in ("movielens-small", "shop-garden", "shop-kitchen")}
    with sqlite3.connect(workspace.database) as db:
        db.create_function("hostile", 2, hostile)
        db.create_function("within", 2, _within)
        for (table,) in db.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE '%sqlite_%'"
        ).fetchall():
            _poison(db, table)
        for name, what in (("category", "item-category"), ("domain", "dataset-domain")):
            db.execute("UPDATE metric SET value = hostile(?, value) WHERE slice = ?", (what, name))
        for id, *held in db.execute("SELECT id, datasets, parameters FROM projection").fetchall():
            renamed, parameters = map(json.loads, held)
            renamed = {datasets[name]: fingerprint for name, fingerprint in renamed.items()}
            parameters["sample"] = {datasets[name]: count for name, count in parameters["sample"].items()}
            new = (json.dumps(renamed), json.dumps(parameters), id)
            db.execute("UPDATE projection SET datasets = ?, parameters = ? WHERE id = ?", new)
    with workspace.write() as db:
        for evaluation in evaluations(db):  # what is measured of a model is found by what it is, its name among it
            measured = model(db, evaluation.model), dataset(db, evaluation.dataset)
            key = evaluation_key(*measured, evaluation.split, evaluation.protocol)
            db.execute("UPDATE evaluation SET key = ? WHERE id = ?", (key, evaluation.id))
        put_experiment(
            db,
            name="own",
            definition=OWN_TABLE.format(
                title=_toml(hostile("title")), label=_toml(hostile("arm")), model=_toml(hostile("model-name", "pop"))
            ),
            arguments=Arguments(datasets=tuple(datasets.values())).document(),
            code_version="test",
        )
    return workspace


def _poison(db: sqlite3.Connection, table: str) -> None:
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})") if row[2] == "TEXT"]
    for column in columns:
        if column in OWN.get(table, set()) or (table, column) in _NUMBERS:
            continue
        function = "within" if (table, column) in _DOCUMENTS else "hostile"
        # A phase is named in two tables that belong together.
        what = column if column == "phase" else f"{table}-{column}"
        db.execute(f"UPDATE OR IGNORE {table} SET {column} = {function}('{what}', {column})")


def _within(what: str, document: str) -> str:
    return json.dumps(_deep(what, json.loads(document)))


def _deep(what: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {hostile(what, key) if what in _NAMED else key: _deep(what, own) for key, own in value.items()}
    if isinstance(value, list):
        return [_deep(what, own) for own in value]
    return hostile(what, value) if isinstance(value, str) and not value.startswith("-") else value


def _toml(text: str) -> str:
    return json.dumps(text)
