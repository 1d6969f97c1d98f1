"""A report out of what a workspace holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from engine import __version__
from engine.experiments.sheet import Outcome
from engine.published.thesis import edition_note
from engine.report.audits import audits
from engine.report.discrepancies import discrepancies
from engine.report.document import Map, Report
from engine.report.provenance import provenance, sources
from engine.report.reproduce import reproduction_commands
from store.errors import BadInput, unknown
from store.rows import Projection

MOST_POINTS = 4_000  # more make a file of megabytes and hide each other
SAMPLE_SEED = 0
# Chapters in the order in which a reader asks; experiments of one's own stand between the named ones and the data.
ORDER = (
    "main", "variants", "text-format", "item-text", "history-length", "cross-domain", "cross-platform", "rating",
    "representations", "order", "order-use", "", "statistics",
)  # fmt: skip
RequestedExperiment = tuple[Outcome, tuple[str, ...]]


def requested_outcomes(db: sqlite3.Connection, names: Sequence[str] = ()) -> list[RequestedExperiment]:
    """The experiments asked for here that have something to show, each with the command line that asks again.

    names: only these. `BadInput` if there is none, or none of a name.
    """
    from engine.experiments.outcome import outcome, requested_experiments

    there = {definition.name: (definition, arguments) for definition, arguments in requested_experiments(db)}
    if not there:
        raise BadInput(
            "No experiment was asked for in this workspace, so there is nothing to report. "
            "Run `st5 experiment main --datasets …` first; `st5 datasets` lists the datasets, `st5 experiment list` "
            "the other experiments."
        )
    for name in names:
        if name not in there:
            raise unknown("experiment asked for here", name, there, "`st5 experiment NAME --datasets …` asks.")
    places = {name: ORDER.index(name if name in ORDER else "") for name in there}
    chosen = {name: there[name] for name in sorted(there, key=lambda name: places[name]) if name in names or not names}
    found = [
        (outcome(db, definition, arguments), arguments.command(definition.name))
        for definition, arguments in chosen.values()
    ]
    shown = [(each, command) for each, command in found if not each.empty]
    if not shown:
        again = "; ".join(f"`st5 {' '.join(command)}`" for _, command in found)
        raise BadInput(f"Nothing is stored yet of {', '.join(chosen)}. Run it first: {again}.")
    return shown


def build_report(db: sqlite3.Connection, workspace: str, shown: Sequence[RequestedExperiment]) -> Report:
    """The report of these outcomes. workspace: its name, as the report calls it."""
    outcomes = tuple(outcome for outcome, _ in shown)
    found = sources(db, outcomes)
    compared, findings = discrepancies(outcomes, {each.name: edition_note(each) for each in found.datasets})
    return Report(
        date=found.date[:10],
        version=__version__,
        workspace=workspace,
        outcomes=outcomes,
        compared=compared,
        findings=findings,
        provenance=provenance(found),
        audits=audits(db, found),
        commands=reproduction_commands(found, [(outcome.title, command) for outcome, command in shown]),
        maps={projection.id: _map(db, projection) for projection in found.projections},
    )


def _map(db: sqlite3.Connection, projection: Projection) -> Map:
    """The points to draw, all or a sample that is the same each time."""
    import numpy as np

    from store.projections import points

    stored = points(db, projection)
    kept = np.arange(len(stored.row))
    if len(kept) > MOST_POINTS:
        kept = np.sort(np.random.default_rng(SAMPLE_SEED).choice(len(kept), MOST_POINTS, replace=False))
    return Map(projection.datasets, stored.dataset[kept], stored.place[kept], len(stored.row))
