"""What the datasets of an experiment share with those that its models were trained on."""

from __future__ import annotations

from engine.experiments.context import ExperimentContext
from engine.experiments.sheet import Cell, Row, Sheet

COLUMNS = ("items", "titles", "test targets by item", "test targets by title", "users")
NOTE = (
    "Shares of the evaluated dataset that are also in the training data: items and users by key on the same platform, "
    "titles without regard to case and spaces."
)


def sheets(context: ExperimentContext) -> tuple[Sheet, ...]:
    """One row for each dataset and model that was trained; no sheet where none was."""
    from engine.audit.shared import shared

    rows: list[Row] = []
    notes = [NOTE]
    for column, trained in context.trained_on():
        for dataset in context.datasets:
            if not trained or not context.applies(column, dataset):
                continue
            found = shared(context.db, trained, dataset)
            shares = (
                (found.item_share, found.of_items),
                (found.title_share, found.of_items),
                (found.target_share, found.of_targets),
                (found.titled_target_share, found.of_targets),
                (found.user_share, found.of_users),
            )
            names = ", ".join(other.name for other in trained)
            rows.append(Row((dataset.name, column.arm.label, names), tuple(Cell(share, n=of) for share, of in shares)))
            if found.incomparable:
                others = ", ".join(found.incomparable)
                notes.append(f"Keys of {dataset.name} and {others} mean different things, so only titles are compared.")
    if not rows:
        return ()
    name, title = f"{context.definition.name}-shared", "What is shared with the training data"
    prints = {dataset.name: dataset.fingerprint for dataset in context.datasets}
    heads = ("dataset", "model", "trained on")
    return (Sheet(name, title, heads, COLUMNS, tuple(rows), fingerprints=prints, notes=tuple(dict.fromkeys(notes))),)
