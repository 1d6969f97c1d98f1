"""Which experiments there are, and how much of each is stored in a workspace."""

from __future__ import annotations

import sqlite3
from typing import Any

from engine.experiments.arguments import arguments_of
from engine.experiments.context import ExperimentContext
from engine.experiments.definition import Definition, definition_names, load_definition, parse_definition
from engine.experiments.steps import steps
from store.experiments import experiments
from store.rows import StoredExperiment
from store.workspace import Workspace


def listed(workspace: Workspace) -> list[dict[str, Any]]:
    """Those of the package and those of one's own that were asked for here: name, thesis, shows, kind, datasets,
    missing (command lines, None where it was never asked for), updated, and `stored`, the same in words."""
    if not workspace.exists():
        return [_document(load_definition(name), None, None) for name in definition_names()]
    with workspace.read() as db:
        asked = {stored.name: stored for stored in experiments(db)}
        own = [parse_definition(name, asked[name].definition) for name in asked if name not in definition_names()]
        return [
            _document(definition, asked.get(definition.name), _missing(db, asked.get(definition.name)))
            for definition in [*map(load_definition, definition_names()), *own]
        ]


def _missing(db: sqlite3.Connection, stored: StoredExperiment | None) -> list[list[str]] | None:
    if stored is None:
        return None
    definition = parse_definition(stored.name, stored.definition)
    context = ExperimentContext(db, definition, arguments_of(stored.arguments))
    return [list(step.arguments) for step in steps(context)]


def _document(
    definition: Definition, stored: StoredExperiment | None, missing: list[list[str]] | None
) -> dict[str, Any]:
    datasets = arguments_of(stored.arguments).datasets if stored else ()
    if stored is None or missing is None:
        words = "not asked for yet"
    else:
        left = f"{len(missing)} command line{'' if len(missing) == 1 else 's'} left" if missing else "all of it"
        words = f"{left} ({', '.join(datasets)})"
    return {
        "name": definition.name,
        "title": definition.title,
        "thesis": definition.thesis,
        "shows": definition.shows,
        "kind": definition.kind,
        "datasets": list(datasets),
        "missing": missing,
        "updated": stored.updated if stored else "",
        "stored": words,
    }
