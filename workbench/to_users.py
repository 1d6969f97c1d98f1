"""From a number to the users behind it: hands an event, and the models it is of, over to Users."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from workbench.behind import Behind, Measured

if TYPE_CHECKING:
    from workbench.application import Workbench


def open_users(bench: Workbench, behind: Behind, event: Measured) -> None:
    """Show an event in Users, its model on the left, and on the right the one that it is held against."""
    before = bench.remembered.users
    right = behind.other or ("" if before.right == behind.evaluation else before.right)
    bench.remembered.users = replace(
        before,
        dataset=behind.dataset,
        user=event.user,
        event=event.event,
        left=behind.evaluation,
        right=right,
        seen=behind.seen,
        question="",
    )
    bench.remember()
    bench.generation += 1  # Users shows somebody else: it has to look again
    bench.action_area("users")
