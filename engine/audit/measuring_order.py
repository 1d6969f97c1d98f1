"""The figures of a dataset's order that take seconds: out of the store, or measured now and kept."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict

from engine.audit.key_probe import key_probe
from engine.audit.order_figures import KEY_PROBE, RULES, OrderFigures, stored_figures
from engine.audit.sequential_rules import sequential_rules
from store.dataset_figures import put_figure
from store.errors import Problem
from store.rows import Dataset
from store.workspace import Workspace


def order_figures(workspace: Workspace, dataset: Dataset, *, keep: bool = True) -> OrderFigures:
    """Key probe and sequential rules of a dataset.

    keep: store what was measured; where the workspace cannot be written it is measured each time.
    """
    with workspace.read() as db:
        found = stored_figures(db, dataset)
        if found.known:
            return found
        probe, rules = key_probe(db, dataset), sequential_rules(db, dataset)
    if keep:
        with suppress(Problem), workspace.write() as db:
            put_figure(db, dataset.id, *KEY_PROBE, None if probe is None else asdict(probe))
            put_figure(db, dataset.id, *RULES, asdict(rules))
    return OrderFigures(probe, rules, known=True)
