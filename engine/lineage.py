"""A model in words: what it is, and the phases that made it side by side."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from store.rows import Model


def facts(model: Model) -> list[tuple[str, str]]:
    """Name and value of everything that is stored about a model but its phases."""
    fields = {key: value for key, value in asdict(model).items() if key not in ("recipe", "lineage")}
    fields |= {key: value for key, value in model.recipe.items() if key != "request"}
    return [(key, str(value)) for key, value in fields.items() if value not in ("", None)]


def phases(model: Model) -> tuple[list[str], list[tuple[str, ...]]]:
    """The phases' titles, first to last, and rows of a name and a value for each: where it starts, what it learned
    from, and how. Both are empty for a model that was not trained."""
    columns = [_phase(phase) for phase in model.lineage]
    titles = [f"{number}. {phase['phase']}" for number, phase in enumerate(model.lineage, start=1)]
    return titles, [(key, *(column[key] for column in columns)) for key in (columns[0] if columns else ())]


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
