"""The dialog with everything stored about one model: what it is, and the phases that made it."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table as Columns
from textual.app import ComposeResult
from textual.widgets import Static

from store.plain_text import plain
from store.rows import Model
from workbench.ui.dialog import READABLE, Dialog
from workbench.ui.display import whole


class ModelDialog(Dialog[None]):
    """As `st5 models NAME` says it."""

    HINT = "Esc closes · j k scroll · v pager · y copy"
    BINDINGS = READABLE

    def __init__(self, model: Model) -> None:
        super().__init__(f"Model {plain(model.name)}")
        self.model = model

    def content(self) -> ComposeResult:
        from engine.lineage import facts, phases

        yield Static(_columns([], facts(self.model)), id="model")
        titles, rows = phases(self.model)
        if titles:
            yield Static(_columns(["", *titles], rows), id="model-phases")

    def as_text(self) -> str:
        from engine.lineage import facts, phases

        titles, rows = phases(self.model)
        lines = ["\t".join(row) for row in (*facts(self.model), ("",), ("phase", *titles), *rows)]
        return plain("\n".join(lines), keep_lines=True)


def _columns(titles: list[str], rows: Sequence[tuple[str, ...]]) -> Columns:
    width = max(len(titles), 2)
    columns = Columns.grid(padding=(0, 2))
    columns.add_column(style="dim", no_wrap=True)
    for _ in range(width - 1):
        columns.add_column(overflow="fold")
    for row in (titles, *rows) if titles else rows:
        columns.add_row(*(whole(cell) for cell in row))
    return columns
