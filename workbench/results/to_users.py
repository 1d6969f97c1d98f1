"""From a number to the users behind it: hands an event, and the models it is of, over to Users."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.results.drill_down import DrillDown, DrillDownEvent

if TYPE_CHECKING:
    from workbench.application import Workbench


def open_users(bench: Workbench, drill_down: DrillDown, event: DrillDownEvent) -> None:
    """Show an event in Users, its model on the left, and on the right the one that it is held against."""
    before = bench.ui_state.users
    right = drill_down.other or ("" if before.right == drill_down.evaluation else before.right)
    bench.ui_state.users = replace(
        before,
        dataset=drill_down.dataset,
        user=event.user,
        event=event.event,
        left=drill_down.evaluation,
        right=right,
        seen=drill_down.seen,
        question="",
    )
    bench.remember()
    bench.generation += 1  # Users shows another user: it has to read again
    bench.action_area("users")
