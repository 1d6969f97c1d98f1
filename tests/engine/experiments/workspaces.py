"""Workspaces with evaluations made by hand, so that a reader knows every number in a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from engine.experiments.arguments import Arguments
from engine.experiments.definition import Definition, parse_definition
from engine.experiments.outcome import outcome
from engine.experiments.sheet import Cell, Outcome, Sheet
from engine.measuring.measures import RankPairs, measure_slices
from engine.measuring.slices import slices
from store import datasets, models
from store.enums import Split
from store.evaluations import EvaluationWriter, evaluation_key
from store.rows import Evaluation, Model, Ranks
from store.workspace import Workspace

RULES = {"candidates": "full catalogue", "ties": "expected over random order", "top": 50}


def defined(text: str, name: str = "mine") -> Definition:
    """A definition; where it has no arms, those of `pop` and `pop-recent`."""
    arms = "".join(f'\n[[arms]]\nlabel = "{own}"\nmodel = "{own}"\n' for own in ("pop", "pop-recent"))
    head = "" if "title" in text else 'title = "Mine"\n'
    head += "" if "kind" in text else 'kind = "evaluations"\n'
    return parse_definition(name, head + text + ("" if "[[arms]]" in text or "datasets" in text else arms))


def shown(workspace: Workspace, definition: Definition, **arguments: Any) -> Outcome:
    """What an experiment shows of a workspace."""
    with workspace.read() as db:
        names = tuple(dataset.name for dataset in datasets.datasets(db))
        return outcome(db, definition, Arguments(**({"datasets": names} | arguments)))


def cells(sheet: Sheet, *labels: str) -> tuple[Cell | None, ...]:
    """The cells of the row with these labels."""
    (row,) = [row for row in sheet.rows if row.labels == labels]
    return row.cells


def text_model(workspace: Workspace, name: str, **changed: Any) -> Model:
    """A text model of which nothing but the row is there."""
    document = {"kind": "text", "variant": name, "weights_hash": f"weights of {name}", "code_version": "0"}
    with workspace.write() as db:
        return models.put_model(db, name=name, **(document | changed))


def evaluated(
    workspace: Workspace, model: Model, better: Sequence[int], dataset: str = "shop", visible: int = 1, **rules: Any
) -> Evaluation:
    """An evaluation of the test events in which `better[n]` items stand above the n-th target, seen kept or not.

    rules: of the protocol, such as history="structured".
    """
    protocol = RULES | rules
    with workspace.write() as db:
        of = datasets.dataset(db, dataset)
        events = datasets.events(db, of.id, Split.TEST, np.arange(len(better)))
        count = np.array(better, np.int32)
        none, top = np.zeros_like(count), np.full((len(count), 50), -1, np.int32)
        scores = np.zeros(top.shape, np.float32)
        read = np.full(len(count), visible, np.int32)
        ranks = Ranks(events.event, read, count, none, count, none, none.astype(np.float32), top, scores, top, scores)
        key = evaluation_key(model, of, Split.TEST, protocol)
        with EvaluationWriter(
            db, key=key, model=model, dataset=of, split=Split.TEST, protocol=protocol, candidates=of.items
        ) as writer:
            writer.add(ranks)
            parts = slices(db, of, datasets.items(db, of.id), events, read)
            measured = measure_slices(RankPairs.of([ranks]), events.user, parts, of.items)
            return writer.finish(measured, seconds=0.0, device="by hand")
