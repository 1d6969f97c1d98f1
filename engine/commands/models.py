"""`st5 models`: what has been made, and from what."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from engine.commands.options import JsonOption, WorkspaceOption, open_workspace
from engine.commands.output import print_json, print_table, say
from engine.lineage import facts, phases
from engine.report.cells import NOTHING

if TYPE_CHECKING:
    from store.rows import Model


def models(
    name: Annotated[str, typer.Argument(help="One model in full.")] = "",
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List models, or show one in full.

    Example: st5 models only
    """
    from engine.registry import registry, stored_model
    from store import models as stored

    with open_workspace(workspace).read() as db:
        found = [stored_model(db, name)] if name else stored.models(db)
        trials = 0 if name else len(stored.models(db, trials=True)) - len(found)
    for fault in registry().faults:
        say(f"Warning: {fault}")
    if as_json:
        print_json([asdict(model) for model in found])
    elif name:
        _print_model(found[0])
    elif not found:
        say("No model yet. `st5 evaluate only pop --datasets NAME` makes the first ones.")
    else:
        print_table(
            ["name", "variant", "made from", "trained on", "seed", "made"],
            [
                (
                    m.name,
                    m.variant,
                    m.backbone or m.features or NOTHING,
                    _trained_on(m),
                    NOTHING if m.seed is None else m.seed,
                    m.created[:16].replace("T", " "),
                )
                for m in found
            ],
            right="seed",
            cut="name,made from,trained on",
        )
    if trials and not as_json:
        models = "1 model" if trials == 1 else f"{trials:,} models"
        say(f"And {models} of the trials of searches: `st5 tune list` shows them.")


def _trained_on(model: Model) -> str:
    """The datasets of a model's phases, in the order in which they were used first."""
    names = dict.fromkeys(name for phase in model.lineage for name in phase.get("datasets", {}))
    return ", ".join(names) or NOTHING


def _print_model(model: Model) -> None:
    """One model in full, then its phases side by side: where each starts, what it learned from, and how."""
    print_table(["field", "value"], facts(model))
    titles, rows = phases(model)
    if titles:
        print_table(["phase", *titles], rows, title="Phases, first to last")
