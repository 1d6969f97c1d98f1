"""The curves of several jobs in one picture: the same series of each, over steps or over run time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from workbench.jobs.job_view import AVERAGED, Curve, Traced, families

MOST = 6  # jobs: as many colours as can be told apart

Points = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Trace:
    """One job's line: its points phase by phase, and the last value; None where that was not a number."""

    parts: tuple[Points, ...]
    last: float | None


def series_of(traced: Sequence[Traced]) -> list[str]:
    """The series that any of the jobs measured, the likeliest first."""
    return families(tuple(curve for one in traced for curve in one.curves))


def trace(curves: Sequence[Curve], name: str, *, by_time: bool = False) -> Trace:
    """The line of one job, its phases one after another: the steps of each count on from the end of the one before."""
    own = [curve for curve in curves if curve.name == name]
    starts = phase_starts(curves)
    parts = []
    for curve in own:
        across = curve.seconds if by_time else [starts[curve.phase] + step for step in curve.steps]
        parts.append(tuple((x, y) for x, y in zip(across, curve.values, strict=True) if y is not None))
    return Trace(tuple(parts), own[-1].last if own else None)


def best_trace(traced: Traced, name: str, *, by_time: bool) -> Trace:
    """A job's line; of the averaged weights where the last ones were not measured."""
    plain = trace(traced.curves, name, by_time=by_time)
    return plain if plain.parts else trace(traced.curves, name + AVERAGED, by_time=by_time)


def phase_lengths(curves: Sequence[Curve]) -> dict[str, int]:
    """The last step measured in each phase, in the order of the phases."""
    phases = dict.fromkeys(curve.phase for curve in curves)
    return {phase: max(c.steps[-1] for c in curves if c.phase == phase) for phase in phases}


def phase_starts(curves: Sequence[Curve]) -> dict[str, int]:
    """Where each phase begins, in steps of all phases before it."""
    starts, start = {}, 0
    for phase, length in phase_lengths(curves).items():
        starts[phase] = start
        start += length
    return starts
