"""One sentence that covers a screen which the terminal is too small for."""

from __future__ import annotations

from textual.widgets import Static

WIDTH, HEIGHT = 80, 22  # of 80×24, multiplexers keep a line or two


class TooSmall(Static):
    """Lies above everything; the style sheet shows it below that."""

    def __init__(self) -> None:
        super().__init__(classes="too-small", markup=False)

    def render(self) -> str:
        size = self.app.size
        return f"st5 needs {WIDTH}×{HEIGHT}, has {size.width}×{size.height}"
