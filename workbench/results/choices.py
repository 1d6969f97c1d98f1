"""What the table of Results is of: which dataset, what divides the events, with the thesis' numbers or not."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType

from engine.tables.layouts import FORMATS, VARIANTS
from engine.tables.results_table import ResultsTable
from workbench.results.results_grid import ResultsView
from workbench.results.significance import SignificanceScreen
from workbench.ui.choice import Choice, ChoiceDialog
from workbench.ui.measured import SLICES

ALL_DATASETS = ""
LAYOUTS = {
    FORMATS: "how histories and items are written, as columns",
    VARIANTS: "what was trained of a backbone, as columns",
}


class ResultsChoosingScreen(SignificanceScreen):
    """Subclasses draw `view`; `changed_columns` is called where the table gets other columns."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("d", "dataset", "Dataset", id="results.dataset", show=False,
                tooltip="Choose a dataset, or all as columns"),
        Binding("p", "thesis", "Thesis", id="results.thesis", show=False,
                tooltip="Show the thesis' numbers below ours, or not"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self.view: ResultsView | None = None

    @property
    def grid(self) -> ResultsTable | None:
        return self.view.grid if self.view else None

    def draw(self) -> None:
        """Draw what was read, as it is to be shown now."""

    def changed_columns(self) -> None:
        """The choice changed, and with it the columns."""
        self.changed()

    def action_dataset(self) -> None:
        if self.view is None:
            return
        choices = [Choice(ALL_DATASETS, "all datasets", "as columns")]
        choices += [Choice(n, n, "synthetic" if n in self.view.synthetic else "") for n in self.view.datasets]
        self.app.push_screen(ChoiceDialog("Dataset", choices, self.view.dataset), self._set_dataset)

    def action_thesis(self) -> None:
        self.choice.thesis = not self.choice.thesis
        self.bench.remember()
        self.draw()

    def _set_dataset(self, chosen: str | None) -> None:
        if chosen is not None:
            self.choice.dataset = chosen
            self.changed_columns()

    def action_slice(self) -> None:
        choices = [Choice(name, name, remark) for name, remark in (*SLICES.items(), *LAYOUTS.items())]
        self.app.push_screen(
            ChoiceDialog("Columns by", choices, self.choice.columns or self.choice.slice), self._set_slice
        )

    def _set_slice(self, chosen: str | None) -> None:
        if chosen is not None:
            self.choice.columns = chosen if chosen in LAYOUTS else ""
            self.choice.slice = self.choice.slice if chosen in LAYOUTS else chosen
            self.changed_columns()
