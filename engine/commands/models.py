"""`st5 models`: what has been made, and from what."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from engine.commands.options import JsonOption, WorkspaceOption, open_workspace
from engine.commands.output import print_json, print_table, say

if TYPE_CHECKING:
    from store.records import Model


def models(
    name: Annotated[str, typer.Argument(help="One model in full.")] = "",
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
) -> None:
    """List models, or show one in full.

    Example: st5 models only
    """
    from store import models as stored

    with open_workspace(workspace).read() as db:
        found = [stored.model(db, name)] if name else stored.models(db)
    if as_json:
        print_json([asdict(model) for model in found])
    elif name:
        _print_model(found[0])
    elif not found:
        say("No model yet. `st5 evaluate only pop --datasets NAME` makes the first ones.")
    else:
        print_table(
            ["name", "kind", "variant", "backbone or features", "weights", "made"],
            [
                (m.name, m.kind, m.variant, m.backbone or m.features or "–", m.weights_hash[:12], m.created)
                for m in found
            ],
        )


def _print_model(model: Model) -> None:
    """One model in full, then its phases side by side: where each starts, what it learned from, and how."""
    fields = {key: value for key, value in asdict(model).items() if key not in ("recipe", "lineage")}
    fields |= {key: value for key, value in model.recipe.items() if key != "request"}
    print_table(["field", "value"], [(key, value) for key, value in fields.items() if value not in ("", None)])
    if not model.lineage:
        return
    columns = [_phase(phase) for phase in model.lineage]
    titles = [f"{number}. {phase['phase']}" for number, phase in enumerate(model.lineage, start=1)]
    rows = [(key, *(column[key] for column in columns)) for key in columns[0]]
    print_table(["phase", *titles], rows, title="Phases, first to last")


def _phase(phase: dict[str, Any]) -> dict[str, str]:
    """What the lineage says of one phase, then its recipe."""
    summary = phase["summary"]
    prints = "\n".join(f"{name} {fingerprint[:12]}" for name, fingerprint in phase["datasets"].items())
    said = {
        "key": phase["key"],
        "starts from": phase["parent"],
        "datasets": prints,
        "seed": str(phase["seed"]),
        "pairs an epoch": f"{summary['pairs_an_epoch']} ({summary['identical']} identical)",
        "trained on": f"{summary['pairs']} in {summary['steps']} steps",
        "weights": _chosen(summary),
        "device": phase["device"],
        "processes": str(summary["processes"]),
        "time": f"{phase['seconds']:.0f} s",
        "made": f"{phase['created']}, st5 {phase['code_version']}",
    }
    return said | {key: _value(value) for key, value in phase["settings"].items()}


def _chosen(summary: dict[str, Any]) -> str:
    """Which of a phase's weights were taken, in words."""
    kind = "averaged" if summary["averaged"] else "last"
    why = "" if summary["best"] is None else f" ({abs(summary['best']):.4f} when validated)"
    return f"{kind} ones, step {summary['best_step']}{why}"


def _value(value: object) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
