"""Queries in threads of their own, of which only the newest is answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from textual.message import Message
from textual.widget import Widget
from textual.worker import Worker

View = TypeVar("View")


def read(part: Widget, group: str, query: Callable[[], View], answer: Callable[[View], Message]) -> Worker[None]:
    """Run `query` in a thread and post what `answer` makes of it to `part`.

    Of several in one group only the newest is answered, and never an older one after it: the answer is posted by the
    event loop, in which a query that was replaced is cancelled. Where `query` raises, the worker's state says so.
    """
    work = partial(_read, part, query, answer)
    return part.run_worker(work, group=group, exclusive=True, exit_on_error=False)


async def _read(part: Widget, query: Callable[[], View], answer: Callable[[View], Message]) -> None:
    part.post_message(answer(await asyncio.to_thread(query)))
